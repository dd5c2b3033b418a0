// Raw instruction bytes into the verifier: it must answer, whatever they are, and leave nothing behind.
//
// Two bytes choose program type and flags, the rest are instructions; fd 0..2 name maps of different types.
#include <array>
#include <cstring>
#include <vector>

#include "abi/bpf.h"
#include "maps/map.h"
#include "progtypes/prog_type.h"
#include "verifier/verifier.h"

namespace {

using namespace skep;

constexpr uint32_t kTypes[] = {abi::BPF_PROG_TYPE_SOCKET_FILTER, abi::BPF_PROG_TYPE_SCHED_CLS,
                               abi::BPF_PROG_TYPE_XDP,           abi::BPF_PROG_TYPE_TRACEPOINT,
                               abi::BPF_PROG_TYPE_CGROUP_SOCK,   abi::BPF_PROG_TYPE_CGROUP_SOCKOPT};
constexpr size_t kMostInsns = 512;  // what takes longest is bounded by the million processed ones

const std::array<Ref<maps::Map>, 3>& maps_of_all() {
  static const std::array<Ref<maps::Map>, 3> maps = {
      *maps::create({.type = abi::BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 16, .max_entries = 1}),
      *maps::create({.type = abi::BPF_MAP_TYPE_HASH, .key_size = 8, .value_size = 8, .max_entries = 4}),
      *maps::create({.type = abi::BPF_MAP_TYPE_RINGBUF, .max_entries = 4096})};
  return maps;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 + sizeof(isa::Insn)) return -1;
  std::vector<isa::Insn> insns(std::min((size - 2) / sizeof(isa::Insn), kMostInsns));
  std::memcpy(insns.data(), data + 2, insns.size() * sizeof(isa::Insn));
  verifier::Request request;
  request.insns = insns;
  request.type = progtypes::find_prog_type(kTypes[data[0] % std::size(kTypes)]);
  request.prog_flags = data[1] & (abi::BPF_F_STRICT_ALIGNMENT | abi::BPF_F_TEST_STATE_FREQ);
  request.gpl_compatible = (data[1] & 0x10) != 0;
  request.capabilities.perfmon = request.capabilities.bpf = (data[1] & 0x20) == 0;
  request.log = {.level = (data[1] & 0x40) != 0 ? 2u : 1u, .capacity = 4096};
  request.resolve_map = [](int fd) -> Result<Ref<maps::Map>> {
    if (fd < 0 || static_cast<size_t>(fd) >= maps_of_all().size()) return fail(EBADF);
    return maps_of_all()[static_cast<size_t>(fd)];
  };
  const verifier::Outcome outcome = verifier::check(request);
  if (!outcome.accepted && outcome.rejection.code <= 0) __builtin_trap();
  return 0;
}
