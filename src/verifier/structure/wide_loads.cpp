// What wide loads name: maps, values in maps, functions. Also the form of every single instruction.
#include <algorithm>

#include "abi/insn.h"
#include "maps/map.h"
#include "verifier/structure/structure.h"

namespace skep::verifier {
namespace {

// Whether this program may use the map (check_map_prog_compatibility).
Check check_map_allowed(Context& c, const maps::Map& map) {
  if (c.prog_type < 64 && !(map.row().program_types >> c.prog_type & 1))
    return c.reject(EINVAL, "cannot use map of type {} in this program", map.row().name);
  return {};
}

Check use_map(Context& c, int fd, const maps::Map** out) {
  auto resolved = c.request.resolve_map ? c.request.resolve_map(fd) : Result<Ref<maps::Map>>(fail(EBADF));
  if (!resolved) {
    const int code = resolved.error().code;
    return c.reject(code, "fd {} is not pointing to valid bpf_map", fd);
  }
  for (const Ref<maps::Map>& used : c.used_maps) {
    if (used.get() == resolved->get()) {
      *out = used.get();
      return {};
    }
  }
  SKEP_REQUIRE(check_map_allowed(c, **resolved));
  if (c.used_maps.size() >= kMaxUsedMaps)
    return c.reject(E2BIG, "The total number of maps per program has reached the limit of {}", kMaxUsedMaps);
  *out = resolved->get();
  c.used_maps.push_back(*std::move(resolved));
  return {};
}

Check resolve_map_value(Context& c, InsnInfo& info, uint32_t offset) {
  if (offset >= kMaxVarOffset) return c.reject(EINVAL, "direct value offset of {} is not allowed", offset);
  const maps::Map& map = *info.map;
  if (!map.row().direct_value) return c.reject(EINVAL, "no direct value access support for this map type");
  auto address = const_cast<maps::Map&>(map).direct_value_address(offset);
  if (!address)
    return c.reject(address.error().code, "invalid access to map value pointer, value_size={} off={}",
                    map.spec().value_size, offset);
  info.load_kind = RegKind::kMapValue;
  info.map_offset = offset;
  info.load_address = *address;
  return {};
}

Check resolve_map_load(Context& c, int32_t i) {
  const isa::Insn insn = c.insn(i);
  InsnInfo& info = c.insn_info(i);
  const bool value = insn.src == abi::BPF_PSEUDO_MAP_VALUE || insn.src == abi::BPF_PSEUDO_MAP_IDX_VALUE;
  const bool index = insn.src == abi::BPF_PSEUDO_MAP_IDX || insn.src == abi::BPF_PSEUDO_MAP_IDX_VALUE;
  if (!value && c.insn(i + 1).imm != 0) return c.reject(EINVAL, "unrecognized bpf_ld_imm64 insn");
  int fd = insn.imm;
  if (index) {
    if (c.request.fd_array.empty()) return c.reject(EPROTO, "fd_idx without fd_array is invalid");
    if (fd < 0 || static_cast<size_t>(fd) >= c.request.fd_array.size())
      return c.reject(EFAULT, "fd_idx out of range");
    fd = c.request.fd_array[static_cast<size_t>(fd)];
  }
  SKEP_REQUIRE(use_map(c, fd, &info.map));
  if (value) return resolve_map_value(c, info, static_cast<uint32_t>(c.insn(i + 1).imm));
  info.load_kind = RegKind::kMapPtr;
  info.load_address = info.map->handle();
  return {};
}

Check resolve_wide_load(Context& c, int32_t i) {
  const isa::Insn insn = c.insn(i);
  const bool last = i + 1 == c.insn_count();
  const isa::Insn second = last ? isa::Insn{} : c.insn(i + 1);
  if (last || second.code != 0 || second.dst != 0 || second.src != 0 || second.off != 0)
    return c.reject(EINVAL, "invalid bpf_ld_imm64 insn");
  if (insn.src == 0) {
    c.insn_info(i).load_kind = RegKind::kScalar;
    c.insn_info(i).load_address = isa::imm64(insn, second);
    return {};
  }
  switch (insn.src) {
    case abi::BPF_PSEUDO_MAP_FD:
    case abi::BPF_PSEUDO_MAP_VALUE:
    case abi::BPF_PSEUDO_MAP_IDX:
    case abi::BPF_PSEUDO_MAP_IDX_VALUE:
      SKEP_REQUIRE(resolve_map_load(c, i));
      // From here on the instruction carries the address, as the log shows it.
      c.insns[static_cast<size_t>(i)].imm = static_cast<int32_t>(c.insn_info(i).load_address);
      c.insns[static_cast<size_t>(i) + 1].imm = static_cast<int32_t>(c.insn_info(i).load_address >> 32);
      return {};
    case abi::BPF_PSEUDO_FUNC: {
      const int sub = c.subprog_at(i + insn.imm + 1);
      if (sub < 0) return c.reject(EINVAL, "call to invalid destination");
      c.insn_info(i).load_kind = RegKind::kFunc;
      c.insn_info(i).load_subprog = static_cast<uint32_t>(sub);
      return {};
    }
    case abi::BPF_PSEUDO_BTF_ID:
      return c.reject(EINVAL, "ldimm64 of kernel symbols needs the kernel's BTF, which is not there");
    default:
      return c.reject(EINVAL, "unrecognized bpf_ld_imm64 insn");
  }
}

}  // namespace

Check resolve_wide_loads(Context& c) {
  for (int32_t i = 0; i < c.insn_count(); ++i) {
    const isa::Insn& insn = c.insn(i);
    c.insn_index = i;
    const int mode = insn.code & 0xe0;
    if ((insn.code & 7) == abi::BPF_LDX &&
        ((mode != abi::BPF_MEM && mode != abi::BPF_MEMSX) || insn.imm != 0))
      return c.reject(EINVAL, "BPF_LDX uses reserved fields");
    if (insn.code == (abi::BPF_LD | abi::BPF_IMM | abi::BPF_DW)) {
      SKEP_REQUIRE(resolve_wide_load(c, i));
      ++i;
      continue;
    }
    // A row may be missing because a keyed field is off; Linux tells those apart when it reaches them.
    if (!c.insn_info(i).desc && !isa::opcode_known(insn.code))
      return c.reject(EINVAL, "unknown opcode {:02x}", insn.code);
  }
  return {};
}

}  // namespace skep::verifier
