// The arguments of a helper call, each by its column in the helper's row.
#include <cstring>

#include "maps/map.h"
#include "verifier/log/print_state.h"
#include "verifier/prune/precision.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

using helpers::Arg;
using helpers::ArgSpec;

struct Accepts {
  RegKind kind;
  uint8_t flags = 0;
};

std::span<const Accepts> accepted_kinds(Arg arg) {
  static constexpr Accepts kMapMemory[] = {{RegKind::kStack},
                                           {RegKind::kPacket},
                                           {RegKind::kPacketMeta},
                                           {RegKind::kMapKey},
                                           {RegKind::kMapValue}};
  static constexpr Accepts kMemory[] = {
      {RegKind::kStack},    {RegKind::kPacket}, {RegKind::kPacketMeta},       {RegKind::kMapKey},
      {RegKind::kMapValue}, {RegKind::kMem},    {RegKind::kMem, kMemRingbuf}, {RegKind::kBuf}};
  static constexpr Accepts kSockets[] = {
      {RegKind::kSockCommon}, {RegKind::kSocket}, {RegKind::kTcpSock}, {RegKind::kXdpSock}};
  static constexpr Accepts kFullSocket[] = {{RegKind::kSocket}};
  static constexpr Accepts kScalars[] = {{RegKind::kScalar}};
  static constexpr Accepts kContexts[] = {{RegKind::kContext}};
  static constexpr Accepts kMaps[] = {{RegKind::kMapPtr}};
  static constexpr Accepts kRecords[] = {{RegKind::kMem, kMemRingbuf}};
  static constexpr Accepts kStrings[] = {{RegKind::kMapValue}};
  static constexpr Accepts kStacks[] = {{RegKind::kStack}};
  static constexpr Accepts kFunctions[] = {{RegKind::kFunc}};
  switch (arg) {
    case Arg::kConstMapPtr:
      return kMaps;
    case Arg::kMapKey:
    case Arg::kMapValue:
    case Arg::kUninitMapValue:
      return kMapMemory;
    case Arg::kMem:
    case Arg::kMemWrite:
    case Arg::kUninitMem:
    case Arg::kFixedSizeMem:
    case Arg::kFixedSizeUninitMem:
    case Arg::kFixedSizeWriteMem:
    case Arg::kFixedSizeAlignedUninitMem:
    case Arg::kLong:
    case Arg::kInt:
      return kMemory;
    case Arg::kConstSize:
    case Arg::kConstSizeOrZero:
    case Arg::kConstAllocSizeOrZero:
      return kScalars;
    case Arg::kCtx:
      return kContexts;
    case Arg::kSockCommon:
    case Arg::kBtfIdSockCommon:
      return kSockets;
    case Arg::kSocket:
      return kFullSocket;
    case Arg::kRingbufMem:
      return kRecords;
    case Arg::kConstStr:
      return kStrings;
    case Arg::kStackPtr:
      return kStacks;
    case Arg::kFunc:
      return kFunctions;
    default:
      return {};
  }
}

Check check_kind(Context& c, int reg, const ArgSpec& spec) {
  const RegState& r = c.reg(reg);
  uint8_t flags = r.flags;
  const bool reads_only =
      spec.type == Arg::kMem || spec.type == Arg::kFixedSizeMem || spec.flags & helpers::kRdonly;
  if (reads_only) flags &= static_cast<uint8_t>(~kMemReadOnly);
  if (spec.flags & helpers::kMaybeNull) flags &= static_cast<uint8_t>(~kPtrMaybeNull);
  const auto accepted = accepted_kinds(spec.type);
  if (accepted.empty()) return c.reject(EACCES, "R{} argument of this kind is not supported", reg);
  for (const Accepts& a : accepted)
    if (a.kind == r.kind && a.flags == flags) return {};
  std::string expected;
  for (const Accepts& a : accepted) {
    if (!expected.empty()) expected += ", ";
    expected += type_name(a.kind, a.flags);
  }
  // Kernel objects, which Linux would take as well.
  if (accepted_kinds(spec.type).data() == accepted_kinds(Arg::kMem).data()) expected += ", trusted_ptr_";
  if (spec.type == Arg::kBtfIdSockCommon) expected += ", ptr_, trusted_ptr_";
  return c.reject(EACCES, "R{} type={} expected={}", reg, type_name(r.kind, r.flags), expected);
}

AccessType access_of(Arg arg) {
  switch (arg) {
    case Arg::kUninitMapValue:
    case Arg::kMemWrite:
    case Arg::kUninitMem:
    case Arg::kFixedSizeUninitMem:
    case Arg::kFixedSizeWriteMem:
    case Arg::kFixedSizeAlignedUninitMem:
    case Arg::kLong:
    case Arg::kInt:
      return AccessType::kWrite;
    default:
      return AccessType::kRead;
  }
}

bool may_be_uninitialised(Arg arg) {
  return arg == Arg::kUninitMapValue || arg == Arg::kUninitMem || arg == Arg::kFixedSizeUninitMem ||
         arg == Arg::kFixedSizeAlignedUninitMem || arg == Arg::kLong || arg == Arg::kInt;
}

// The key of an array lookup, when it is a constant on the stack: then a value is there for certain.
Check learn_constant_key(Context& c, int reg, CallFacts& call) {
  const RegState& key = c.reg(reg);
  const uint32_t type = call.map->spec().type;
  if (type != abi::BPF_MAP_TYPE_ARRAY && type != abi::BPF_MAP_TYPE_PERCPU_ARRAY) return {};
  if (!c.privileged || !key.is(RegKind::kStack) || !key.bounds.is_const()) return {};
  const int off = static_cast<int>(key.fixed_offset());
  const Frame& frame = c.state->frames[key.frame];
  const int index = slot_of(off);
  const StackSlot& slot = frame.stack[static_cast<size_t>(index)];
  uint32_t zeros = 0, spilled = 0;
  for (int i = byte_of(off); i >= 0 && slot.bytes[static_cast<size_t>(i)] == SlotByte::kZero; --i) ++zeros;
  if (zeros >= call.map->spec().key_size) {
    call.constant_key = 0;
    return {};
  }
  if (!slot.is_scalar_spill()) return {};
  for (int i = byte_of(off); i >= 0 && slot.bytes[static_cast<size_t>(i)] == SlotByte::kSpill; --i) ++spilled;
  if (spilled != call.map->spec().key_size || !slot.spilled.bounds.is_const()) return {};
  call.constant_key = static_cast<int64_t>(slot.spilled.bounds.bits.value);
  return mark_slot_precise(c, key.frame, index);
}

Check check_size(Context& c, int reg, AccessType type, bool zero_size_allowed, CallFacts& call) {
  const RegState& r = c.reg(reg);
  const Bounds& b = r.bounds;
  call.size_max = b.umax;
  HelperMemory* memory = b.is_const() ? &call.memory : nullptr;
  if (b.smin < 0)
    return c.reject(EACCES, "R{} min value is negative, either use unsigned or 'var &= const'", reg);
  if (b.umin == 0 && !zero_size_allowed)
    return c.reject(EACCES, "R{} invalid zero-sized read: u64=[{},{}]", reg, static_cast<int64_t>(b.umin),
                    static_cast<int64_t>(b.umax));
  if (b.umax >= static_cast<uint64_t>(kMaxVarSize))
    return c.reject(EACCES, "R{} unbounded memory access, use 'var &= const' or 'if (var < const)'", reg);
  SKEP_REQUIRE(
      helper_memory_access(c, reg - 1, static_cast<int64_t>(b.umax), type, zero_size_allowed, memory));
  return mark_precise(c, reg);
}

Check check_constant_string(Context& c, int reg) {
  const RegState& r = c.reg(reg);
  const maps::Map& map = *r.map;
  if (!map.is_constant()) return c.reject(EACCES, "R{} does not point to a readonly map'", reg);
  if (!r.bounds.is_const()) return c.reject(EACCES, "R{} is not a constant address'", reg);
  if (!map.row().direct_value) return c.reject(EACCES, "no direct value access support for this map type");
  const int64_t off = r.fixed_offset();
  const uint32_t size = map.spec().value_size;
  SKEP_REQUIRE(map_access(c, reg, r.off, static_cast<uint32_t>(size - static_cast<uint32_t>(r.off)), false));
  auto address = const_cast<maps::Map&>(map).direct_value_address(static_cast<uint32_t>(off));
  if (!address) return c.reject(address.error().code, "direct value read failed");
  if (!std::memchr(reinterpret_cast<const void*>(*address), 0, size - static_cast<size_t>(off)))
    return c.reject(EINVAL, "string is not zero-terminated");
  return {};
}

Check check_content(Context& c, int index, const ArgSpec& spec, CallFacts& call) {
  const int reg = index + 1;
  const RegState& r = c.reg(reg);
  const AccessType access = access_of(spec.type);
  switch (spec.type) {
    case Arg::kConstMapPtr:
      call.map = r.map;
      return {};
    case Arg::kMapKey:
      if (!call.map) return c.reject(EACCES, "invalid map_ptr to access map->key");
      SKEP_REQUIRE(
          helper_memory_access(c, reg, call.map->spec().key_size, AccessType::kRead, false, nullptr));
      return learn_constant_key(c, reg, call);
    case Arg::kMapValue:
    case Arg::kUninitMapValue:
      if (spec.flags & helpers::kMaybeNull && r.is_null()) return {};
      if (!call.map) return c.reject(EACCES, "invalid map_ptr to access map->value");
      call.memory.raw = may_be_uninitialised(spec.type);
      return helper_memory_access(c, reg, call.map->spec().value_size, access, false, &call.memory);
    case Arg::kMem:
    case Arg::kMemWrite:
    case Arg::kUninitMem:
      call.memory.raw = may_be_uninitialised(spec.type);
      return {};
    case Arg::kFixedSizeMem:
    case Arg::kFixedSizeUninitMem:
    case Arg::kFixedSizeWriteMem:
    case Arg::kFixedSizeAlignedUninitMem:
    case Arg::kLong:
    case Arg::kInt: {
      const uint32_t size = spec.type == Arg::kLong ? 8 : spec.type == Arg::kInt ? 4 : spec.mem_size;
      call.memory.raw = may_be_uninitialised(spec.type);
      SKEP_REQUIRE(helper_memory_access(c, reg, size, access, false, &call.memory));
      const bool aligned =
          spec.type == Arg::kFixedSizeAlignedUninitMem || spec.type == Arg::kLong || spec.type == Arg::kInt;
      return aligned ? check_alignment(c, reg, 0, size, true) : Check{};
    }
    case Arg::kConstSize:
    case Arg::kConstSizeOrZero:
      return check_size(c, reg, index > 0 ? access_of(call.proto->args[index - 1].type) : AccessType::kRead,
                        spec.type == Arg::kConstSizeOrZero, call);
    case Arg::kConstAllocSizeOrZero:
      if (!r.bounds.is_const()) return c.reject(EACCES, "R{} is not a known constant'", reg);
      call.mem_size = r.bounds.bits.value;
      return mark_precise(c, reg);
    case Arg::kConstStr:
      return check_constant_string(c, reg);
    default:
      return {};
  }
}

}  // namespace

Check pointer_argument_offset(Context& c, const RegState& r, int reg) {
  switch (r.kind) {
    case RegKind::kStack:
    case RegKind::kPacket:
    case RegKind::kPacketMeta:
    case RegKind::kMapKey:
    case RegKind::kMapValue:
    case RegKind::kMem:
    case RegKind::kBuf:
    case RegKind::kScalar:
      return {};
    default:
      return pointer_off_is_zero(c, r, reg);
  }
}

Check helper_memory_access(Context& c, int reg, int64_t size, AccessType type, bool zero_size_allowed,
                           HelperMemory* memory) {
  const RegState& r = c.reg(reg);
  const auto bytes = static_cast<uint32_t>(size);
  const bool write = type == AccessType::kWrite;
  if (!r.maybe_null()) switch (r.kind) {
      case RegKind::kPacket:
      case RegKind::kPacketMeta:
        return packet_access(c, reg, r.off, bytes, zero_size_allowed);
      case RegKind::kMapKey:
        if (write) return c.reject(EACCES, "R{} cannot write into {}", reg, type_name(r.kind, r.flags));
        return mem_region_access(c, reg, r.off, bytes, r.map->spec().key_size, false);
      case RegKind::kMapValue:
        SKEP_REQUIRE(map_access_type(c, *r.map, reg, r.off, bytes, type));
        return map_access(c, reg, r.off, bytes, zero_size_allowed);
      case RegKind::kMem:
        if (write && r.flags & kMemReadOnly)
          return c.reject(EACCES, "R{} cannot write into {}", reg, type_name(r.kind, r.flags));
        return mem_region_access(c, reg, r.off, bytes, r.mem_size, zero_size_allowed);
      case RegKind::kStack:
        return stack_range_initialized(c, reg, r.off, static_cast<int>(size), zero_size_allowed, type,
                                       memory);
      default:
        break;
    }
  if (zero_size_allowed && size == 0 && r.is_null()) return {};
  return c.reject(EACCES, "R{} type={} expected=fp", reg, type_name(r.kind, r.flags));
}

Check check_helper_argument(Context& c, int index, CallFacts& call) {
  const ArgSpec& spec = call.proto->args[index];
  const int reg = index + 1;
  if (spec.type == Arg::kDontCare) return {};
  SKEP_REQUIRE(require_readable(c, reg));
  const RegState& r = c.reg(reg);
  if (spec.type == Arg::kAnything) {
    if (leaks_pointer(c, r)) return c.reject(EACCES, "R{} leaks addr into helper function", reg);
    return {};
  }
  if (r.is_packet() &&
      !(call.proto->traits & helpers::kPacketAccess && may_access_packet(c, AccessType::kRead, true)))
    return c.reject(EACCES, "helper access to the packet is not allowed");
  if (!(r.is_null() && spec.flags & helpers::kMaybeNull)) {
    SKEP_REQUIRE(check_kind(c, reg, spec));
    if (spec.flags & helpers::kRelease && r.off != 0)
      return c.reject(EINVAL, "R{} must have zero offset when passed to release func or trusted arg to kfunc",
                      reg);
    SKEP_REQUIRE(pointer_argument_offset(c, r, reg));
  }
  if (spec.flags & helpers::kRelease) {
    if (!r.ref_obj_id && !r.is_null())
      return c.reject(EINVAL, "R{} must be referenced when passed to release function", reg);
    call.release_reg = reg;
  }
  if (r.ref_obj_id) {
    if (call.ref_obj_id) return c.internal_error("more than one argument is a reference");
    call.ref_obj_id = r.ref_obj_id;
  }
  return check_content(c, index, spec, call);
}

}  // namespace skep::verifier
