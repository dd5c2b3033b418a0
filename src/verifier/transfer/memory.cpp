// Loads and stores: whether the access stays inside what the pointer points at, and what a load yields.
#include <bit>
#include <cstring>

#include "abi/ctx.h"
#include "maps/map.h"
#include "progtypes/prog_type.h"
#include "verifier/log/print_state.h"
#include "verifier/map_record.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

const char* alignment_name(RegKind kind) {
  switch (kind) {
    case RegKind::kFlowKeys:
      return "flow keys ";
    case RegKind::kMapKey:
      return "key ";
    case RegKind::kMapValue:
      return "value ";
    case RegKind::kContext:
      return "context ";
    case RegKind::kStack:
      return "stack ";
    case RegKind::kSocket:
      return "sock ";
    case RegKind::kSockCommon:
      return "sock_common ";
    case RegKind::kTcpSock:
      return "tcp_sock ";
    case RegKind::kXdpSock:
      return "xdp_sock ";
    default:
      return "";
  }
}

Check aligned(Context& c, const RegState& r, int off, uint32_t bytes, bool strict) {
  constexpr int kIpAlign = 2;  // where the network header of a packet lies relative to alignment
  if (r.is(RegKind::kStack)) strict = true;  // tracking of spills relies on it
  if (!strict || bytes == 1) return {};
  const bool packet = r.is_packet();
  const int64_t fixed = int64_t{r.off} + off + (packet ? kIpAlign : 0);
  if ((r.bounds.bits + Tnum::constant(static_cast<uint64_t>(fixed))).is_aligned(bytes)) return {};
  if (packet)
    return c.reject(EACCES, "misaligned packet access off {}+{}+{}+{} size {}", kIpAlign,
                    tnum_text(r.bounds.bits), r.off, off, bytes);
  return c.reject(EACCES, "misaligned {}access off {}+{}+{} size {}", alignment_name(r.kind),
                  tnum_text(r.bounds.bits), r.off, off, bytes);
}

Check inside(Context& c, int ptr_reg, int64_t off64, uint32_t bytes, uint32_t region,
             bool zero_size_allowed) {
  const auto off = static_cast<int32_t>(off64);
  const bool size_ok = bytes > 0 || zero_size_allowed;
  if (off >= 0 && size_ok && static_cast<uint64_t>(off) + bytes <= region) return {};
  const RegState& r = c.reg(ptr_reg);
  const auto size = static_cast<int32_t>(bytes);
  switch (r.kind) {
    case RegKind::kMapKey:
      return c.reject(EACCES, "invalid access to map key, key_size={} off={} size={}", region, off, size);
    case RegKind::kMapValue:
      return c.reject(EACCES, "invalid access to map value, value_size={} off={} size={}", region, off, size);
    case RegKind::kPacket:
    case RegKind::kPacketMeta:
    case RegKind::kPacketEnd:
      return c.reject(EACCES, "invalid access to packet, off={} size={}, R{}(id={},off={},r={})", off, size,
                      ptr_reg, r.id, off, region);
    default:
      return c.reject(EACCES, "invalid access to memory, mem_size={} off={} size={}", region, off, size);
  }
}

Check no_leak(Context& c, AccessType type, int value_reg, const char* where) {
  if (type == AccessType::kWrite && value_reg >= 0 && leaks_pointer(c, c.reg(value_reg)))
    return c.reject(EACCES, "R{} leaks addr into {}", value_reg, where);
  return {};
}

void loaded_scalar(Context& c, AccessType type, int value_reg) {
  if (type == AccessType::kRead && value_reg >= 0) set_unknown(c, c.reg(value_reg));
}

Check map_value_access(Context& c, int ptr_reg, int off, uint32_t bytes, AccessType type, int value_reg,
                       bool sign_extend) {
  SKEP_REQUIRE(no_leak(c, type, value_reg, "map"));
  const RegState r = c.reg(ptr_reg);
  SKEP_REQUIRE(map_access_type(c, *r.map, ptr_reg, off, bytes, type));
  SKEP_REQUIRE(map_access(c, ptr_reg, off, bytes, false));
  if (type == AccessType::kWrite || value_reg < 0) return {};
  uint64_t value = 0;
  if (r.bounds.is_const() &&
      constant_map_value(*r.map, off + static_cast<int64_t>(r.bounds.bits.value), bytes, &value)) {
    if (sign_extend) {
      const unsigned shift = 64 - bytes * 8;
      value = static_cast<uint64_t>(static_cast<int64_t>(value << shift) >> shift);
    }
    c.reg(value_reg) = RegState::constant(value);
    return {};
  }
  set_unknown(c, c.reg(value_reg));
  return {};
}

RegState context_value(Context& c, progtypes::FieldResult result) {
  using progtypes::FieldResult;
  switch (result) {
    case FieldResult::kPacketData:
      return RegState::pointer(RegKind::kPacket);
    case FieldResult::kPacketMeta:
      return RegState::pointer(RegKind::kPacketMeta);
    case FieldResult::kPacketEnd:
      return RegState::pointer(RegKind::kPacketEnd);
    case FieldResult::kSocket:
      return RegState::pointer(RegKind::kSocket);
    case FieldResult::kSocketOrNull:
      return RegState::pointer(RegKind::kSocket, kPtrMaybeNull);
    case FieldResult::kSockCommonOrNull:
      return RegState::pointer(RegKind::kSockCommon, kPtrMaybeNull);
    case FieldResult::kXdpSock:
      return RegState::pointer(RegKind::kXdpSock);
    case FieldResult::kTcpSock:
      return RegState::pointer(RegKind::kTcpSock);
    case FieldResult::kFlowKeys:
      return RegState::pointer(RegKind::kFlowKeys);
    default:
      return unknown_scalar(c);
  }
}

Check context_access(Context& c, int ptr_reg, int off, uint32_t bytes, AccessType type, int value_reg) {
  SKEP_REQUIRE(no_leak(c, type, value_reg, "ctx"));
  SKEP_REQUIRE(pointer_off_is_zero(c, c.reg(ptr_reg), ptr_reg));
  const bool write = type == AccessType::kWrite;
  auto access =
      off < 0 ? Result<progtypes::ContextAccess>(fail(EACCES))
              : progtypes::check_context_access(*c.request.type, c.attach_type, static_cast<uint32_t>(off),
                                                bytes, write, c.request.profile, c.privileged);
  if (!access) return c.reject(EACCES, "invalid bpf_context access off={} size={}", off, bytes);
  InsnInfo& info = c.insn_info(c.insn_index);
  info.context_field = access->field;
  info.context_full_size = access->full_size;
  info.context_generic = access->field == nullptr;
  if (write || value_reg < 0) return {};
  RegState& value = c.reg(value_reg);
  value = context_value(c, access->result);
  if (value.maybe_null()) value.id = c.new_id();
  return {};
}

Check socket_access(Context& c, int ptr_reg, int off, uint32_t bytes, AccessType type, int value_reg) {
  const RegState r = c.reg(ptr_reg);
  const std::string name = type_name(r.kind, r.flags);
  if (type == AccessType::kWrite) return c.reject(EACCES, "R{} cannot write into {}", ptr_reg, name);
  if (r.bounds.smin < 0)
    return c.reject(EACCES,
                    "R{} min value is negative, either use unsigned index or do a if (index >=0) check.",
                    ptr_reg);
  const bool described = r.is(RegKind::kSocket) || r.is(RegKind::kSockCommon) || r.is(RegKind::kTcpSock);
  Result<progtypes::ContextAccess> access = fail(EACCES);
  if (off >= 0 && described && r.bounds.bits.equals_const(0))
    access = r.is(RegKind::kTcpSock)
                 ? progtypes::check_tcp_socket_access(static_cast<uint32_t>(off), bytes, c.request.profile)
                 : progtypes::check_socket_access(r.is(RegKind::kSockCommon), static_cast<uint32_t>(off),
                                                  bytes, c.request.profile);
  if (!access) return c.reject(EACCES, "R{} invalid {} access off={} size={}", ptr_reg, name, off, bytes);
  c.insn_info(c.insn_index).context_field = access->field;
  c.insn_info(c.insn_index).context_full_size = access->full_size;
  loaded_scalar(c, type, value_reg);
  return {};
}

Check plain_memory(Context& c, int ptr_reg, int off, uint32_t bytes, AccessType type, int value_reg) {
  const RegState r = c.reg(ptr_reg);
  const std::string name = type_name(r.kind, r.flags);
  if (r.maybe_null()) return c.reject(EACCES, "R{} invalid mem access '{}'", ptr_reg, name);
  if (type == AccessType::kWrite && r.flags & kMemReadOnly)
    return c.reject(EACCES, "R{} cannot write into {}", ptr_reg, name);
  SKEP_REQUIRE(no_leak(c, type, value_reg, "mem"));
  SKEP_REQUIRE(mem_region_access(c, ptr_reg, off, bytes, r.mem_size, false));
  loaded_scalar(c, type, value_reg);
  return {};
}

Check packet_pointer(Context& c, int ptr_reg, int off, uint32_t bytes, AccessType type, int value_reg) {
  if (type == AccessType::kWrite && !may_access_packet(c, type, false))
    return c.reject(EACCES, "cannot write into packet");
  SKEP_REQUIRE(no_leak(c, type, value_reg, "packet"));
  SKEP_REQUIRE(packet_access(c, ptr_reg, off, bytes, false));
  loaded_scalar(c, type, value_reg);
  return {};
}

Check flow_keys(Context& c, int off, uint32_t bytes, AccessType type, int value_reg) {
  SKEP_REQUIRE(no_leak(c, type, value_reg, "flow keys"));
  constexpr uint64_t kFlowKeysSize = 56;  // sizeof(struct bpf_flow_keys)
  if (off < 0 || static_cast<uint64_t>(off) + bytes > kFlowKeysSize)
    return c.reject(EACCES, "invalid access to flow keys off={} size={}", off, bytes);
  loaded_scalar(c, type, value_reg);
  return {};
}

Check by_kind(Context& c, int ptr_reg, int off, uint32_t bytes, AccessType type, int value_reg,
              bool sign_extend) {
  const RegState& r = c.reg(ptr_reg);
  const bool null_possible = r.maybe_null() && !r.is(RegKind::kMem);
  if (!null_possible) switch (r.kind) {
      case RegKind::kMapKey:
        if (type == AccessType::kWrite)
          return c.reject(EACCES, "write to change key R{} not allowed", ptr_reg);
        SKEP_REQUIRE(mem_region_access(c, ptr_reg, off, bytes, r.map->spec().key_size, false));
        loaded_scalar(c, type, value_reg);
        return {};
      case RegKind::kMapValue:
        return map_value_access(c, ptr_reg, off, bytes, type, value_reg, sign_extend);
      case RegKind::kMem:
        return plain_memory(c, ptr_reg, off, bytes, type, value_reg);
      case RegKind::kContext:
        return context_access(c, ptr_reg, off, bytes, type, value_reg);
      case RegKind::kStack:
        SKEP_REQUIRE(stack_bounds(c, ptr_reg, off, bytes, type));
        return type == AccessType::kRead ? stack_read(c, ptr_reg, off, bytes, value_reg)
                                         : stack_write(c, ptr_reg, off, bytes, value_reg);
      case RegKind::kPacket:
      case RegKind::kPacketMeta:
        return packet_pointer(c, ptr_reg, off, bytes, type, value_reg);
      case RegKind::kFlowKeys:
        return flow_keys(c, off, bytes, type, value_reg);
      case RegKind::kSocket:
      case RegKind::kSockCommon:
      case RegKind::kTcpSock:
      case RegKind::kXdpSock:
        return socket_access(c, ptr_reg, off, bytes, type, value_reg);
      default:
        break;
    }
  return c.reject(EACCES, "R{} invalid mem access '{}'", ptr_reg, type_name(r.kind, r.flags));
}

}  // namespace

Check pointer_off_is_zero(Context& c, const RegState& r, int ptr_reg) {
  const std::string name = type_name(r.kind, r.flags);
  if (r.off < 0)
    return c.reject(EACCES, "negative offset {} ptr R{} off={} disallowed", name, ptr_reg, r.off);
  if (r.off != 0)
    return c.reject(EACCES, "dereference of modified {} ptr R{} off={} disallowed", name, ptr_reg, r.off);
  if (!r.bounds.is_const() || r.bounds.bits.value != 0)
    return c.reject(EACCES, "variable {} access var_off={} disallowed", name, tnum_text(r.bounds.bits));
  return {};
}

Check mem_region_access(Context& c, int ptr_reg, int off, uint32_t bytes, uint32_t region,
                        bool zero_size_allowed) {
  const RegState& r = c.reg(ptr_reg);
  const int64_t smin = r.bounds.smin;
  if (smin < 0 && (smin == kS64Min || off + smin != static_cast<int32_t>(off + smin) || smin + off < 0))
    return c.reject(EACCES,
                    "R{} min value is negative, either use unsigned index or do a if (index >=0) check.",
                    ptr_reg);
  if (!inside(c, ptr_reg, smin + off, bytes, region, zero_size_allowed).ok())
    return c.reject(EACCES, "R{} min value is outside of the allowed memory range", ptr_reg);
  if (r.bounds.umax >= static_cast<uint64_t>(kMaxVarOffset))
    return c.reject(EACCES, "R{} unbounded memory access, make sure to bounds check any such access",
                    ptr_reg);
  if (!inside(c, ptr_reg, static_cast<int64_t>(r.bounds.umax) + off, bytes, region, zero_size_allowed).ok())
    return c.reject(EACCES, "R{} max value is outside of the allowed memory range", ptr_reg);
  return {};
}

Check map_access(Context& c, int ptr_reg, int off, uint32_t bytes, bool zero_size_allowed) {
  const RegState& r = c.reg(ptr_reg);
  SKEP_REQUIRE(mem_region_access(c, ptr_reg, off, bytes, r.map->spec().value_size, zero_size_allowed));
  return special_fields_untouched(c, *r.map, r.bounds.smin + off,
                                  static_cast<int64_t>(r.bounds.umax) + off + bytes);
}

Check map_access_type(Context& c, const maps::Map& map, int, int off, uint32_t bytes, AccessType type) {
  const maps::MapSpec& spec = map.spec();
  if (type == AccessType::kWrite && spec.flags & abi::BPF_F_RDONLY_PROG)
    return c.reject(EACCES, "write into map forbidden, value_size={} off={} size={}", spec.value_size, off,
                    bytes);
  if (type == AccessType::kRead && spec.flags & abi::BPF_F_WRONLY_PROG)
    return c.reject(EACCES, "read from map forbidden, value_size={} off={} size={}", spec.value_size, off,
                    bytes);
  return {};
}

bool constant_map_value(const maps::Map& map, int64_t off, uint32_t bytes, uint64_t* value) {
  if (!map.is_constant() || !map.row().direct_value || off < 0) return false;
  if (static_cast<uint64_t>(off) + bytes > map.spec().value_size) return false;
  auto address = const_cast<maps::Map&>(map).direct_value_address(static_cast<uint32_t>(off));
  if (!address) return false;
  *value = 0;
  std::memcpy(value, reinterpret_cast<const void*>(*address), bytes);
  return true;
}

bool may_access_packet(Context& c, AccessType type, bool for_helper) {
  const progtypes::ProgTypeRow& row = *c.request.type;
  if (type == AccessType::kWrite ? !row.may_write_packet : !row.may_access_packet) return false;
  c.seen_direct_packet_write |= row.may_write_packet && !for_helper;
  return true;
}

Check packet_access(Context& c, int ptr_reg, int off, uint32_t bytes, bool zero_size_allowed) {
  const RegState& r = c.reg(ptr_reg);
  if (r.bounds.smin < 0)
    return c.reject(EACCES,
                    "R{} min value is negative, either use unsigned index or do a if (index >=0) check.",
                    ptr_reg);
  const Check ok = r.range < 0
                       ? Check::refused(EINVAL)
                       : inside(c, ptr_reg, off, bytes, static_cast<uint32_t>(r.range), zero_size_allowed);
  if (!ok.ok()) return c.reject(ok.code(), "R{} offset is outside of the packet", ptr_reg);
  return {};
}

Check check_alignment(Context& c, int ptr_reg, int off, uint32_t bytes, bool strict) {
  return aligned(c, c.reg(ptr_reg), off, bytes, strict);
}

Check access_memory(Context& c, int ptr_reg, int off, uint32_t bytes, AccessType type, int value_reg,
                    bool strict_alignment_once, bool sign_extend) {
  SKEP_REQUIRE(aligned(c, c.reg(ptr_reg), off, bytes, c.strict_alignment || strict_alignment_once));
  SKEP_REQUIRE(by_kind(c, ptr_reg, off + c.reg(ptr_reg).off, bytes, type, value_reg, sign_extend));
  if (bytes < 8 && value_reg >= 0 && type == AccessType::kRead && c.reg(value_reg).is_scalar()) {
    Bounds& b = c.reg(value_reg).bounds;
    sign_extend ? b.sign_extend_64(bytes) : b.truncate(bytes);
  }
  return {};
}

Check remember_pointer_kind(Context& c, const RegState& pointer, bool) {
  InsnInfo& info = c.insn_info(c.insn_index);
  const auto exclusive = [](RegKind kind) {
    switch (kind) {
      case RegKind::kContext:
      case RegKind::kSocket:
      case RegKind::kSockCommon:
      case RegKind::kTcpSock:
      case RegKind::kXdpSock:
        return true;
      default:
        return false;
    }
  };
  if (info.pointer_kind == RegKind::kNotInit) {
    info.pointer_kind = pointer.kind;
    info.pointer_flags = pointer.flags;
    return {};
  }
  if (info.pointer_kind == pointer.kind && info.pointer_flags == pointer.flags) return {};
  if (exclusive(info.pointer_kind) || exclusive(pointer.kind))
    return c.reject(EINVAL, "same insn cannot be used with different pointers");
  return {};
}

Check do_load(Context& c, bool sign_extend) {
  const isa::Insn insn = c.insn(c.insn_index);
  SKEP_REQUIRE(require_readable(c, insn.src));
  SKEP_REQUIRE(require_writable(c, insn.dst));
  const RegState pointer = c.reg(insn.src);
  SKEP_REQUIRE(access_memory(c, insn.src, insn.off, c.desc(c.insn_index).mem_bytes, AccessType::kRead,
                             insn.dst, false, sign_extend));
  SKEP_REQUIRE(remember_pointer_kind(c, pointer, true));
  return sane_bounds(c, c.reg(insn.dst), "ldx");
}

Check do_store(Context& c) {
  const isa::Insn insn = c.insn(c.insn_index);
  const isa::InsnDesc& d = c.desc(c.insn_index);
  const bool by_reg = d.source == isa::Source::kReg;
  if (by_reg) SKEP_REQUIRE(require_readable(c, insn.src));
  SKEP_REQUIRE(require_readable(c, insn.dst));
  const RegState pointer = c.reg(insn.dst);
  SKEP_REQUIRE(access_memory(c, insn.dst, insn.off, d.mem_bytes, AccessType::kWrite, by_reg ? insn.src : -1,
                             false, false));
  return remember_pointer_kind(c, pointer, false);
}

}  // namespace skep::verifier
