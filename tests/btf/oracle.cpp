#include "btf/oracle.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include "abi/bpf_attr.h"
#include "base/unique_fd.h"
#include "btf/btf.h"

namespace skep::btf_test {
namespace {

uint64_t address(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

UniqueFd load(std::span<const std::byte> btf, std::vector<char>& log) {
  abi::btf_load_attr attr{};
  attr.btf = address(btf.data());
  attr.btf_size = static_cast<uint32_t>(btf.size());
  attr.btf_log_buf = address(log.data());
  attr.btf_log_size = static_cast<uint32_t>(log.size());
  attr.btf_log_level = 1;
  return UniqueFd(static_cast<int>(::syscall(SYS_bpf, abi::BPF_BTF_LOAD, &attr, sizeof attr)));
}

}  // namespace

bool oracle_available() {
  static const bool available = [] {
    abi::map_create_attr attr{};
    attr.map_type = abi::BPF_MAP_TYPE_ARRAY;
    attr.key_size = attr.value_size = 4;
    attr.max_entries = 1;
    return static_cast<bool>(
        UniqueFd(static_cast<int>(::syscall(SYS_bpf, abi::BPF_MAP_CREATE, &attr, sizeof attr))));
  }();
  return available;
}

Verdict ask_kernel(std::span<const std::byte> btf) {
  std::vector<char> log(1 << 20);
  const UniqueFd fd = load(btf, log);
  return {fd ? 0 : errno, std::string(log.data())};
}

Verdict ask_ours(std::span<const std::byte> bytes) {
  btf::StringLog log;
  const auto result = btf::Btf::parse(bytes, {.log = &log});
  return {result ? 0 : result.error().code, log.text()};
}

int ask_kernel_map(std::span<const std::byte> btf, const MapQuestion& question) {
  std::vector<char> log(1 << 20);
  const UniqueFd fd = load(btf, log);
  if (!fd) return -errno;
  abi::map_create_attr attr{};
  attr.map_type = question.map_type;
  attr.key_size = question.key_size;
  attr.value_size = question.value_size;
  attr.max_entries = 1;
  attr.map_flags = question.map_flags;
  attr.btf_fd = static_cast<uint32_t>(fd.get());
  attr.btf_key_type_id = question.key_type_id;
  attr.btf_value_type_id = question.value_type_id;
  const UniqueFd map(static_cast<int>(::syscall(SYS_bpf, abi::BPF_MAP_CREATE, &attr, sizeof attr)));
  return map ? 0 : errno;
}

}  // namespace skep::btf_test
