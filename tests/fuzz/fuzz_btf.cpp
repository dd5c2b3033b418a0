// Any bytes as BTF: parse, then ask everything that may be asked of what was accepted.
#include <cstddef>
#include <cstdint>
#include <span>

#include "btf/btf.h"
#include "btf/prog_info.h"
#include "btf/record.h"

namespace {

using namespace skep;

class Discard final : public btf::LogSink {
 public:
  void write(std::string_view) override {}
};

void ask_everything(const btf::Btf& btf) {
  Discard log;
  for (uint32_t id = 0; id <= btf.end_id(); ++id) {
    btf.size_of(id);
    btf.pretty_name(id);
    const btf::Type type = btf.type(id);
    if (!type) continue;
    btf.find(btf.name_of(type), type.kind());
    if (type.is_func())
      static_cast<void>(btf::classify_function(btf, type, abi::BPF_PROG_TYPE_XDP, "xdp_md", &log));
    if (type.has_size()) static_cast<void>(btf::parse_record(btf, type, btf::kMapFields, type.size()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Discard log;
  const auto bytes = std::as_bytes(std::span(data, size));
  if (const auto parsed = btf::Btf::parse(bytes, {.log = &log})) ask_everything(**parsed);
  if (const auto loose = btf::Btf::parse(bytes, {.from_kernel = true})) {
    for (uint32_t id = 0; id <= (*loose)->end_id(); ++id) {
      (*loose)->size_of(id);
      (*loose)->pretty_name(id);
    }
  }
  return 0;
}
