// RegState: what is known of one register, or of the 8 bytes of a spilled register.
#pragma once

#include <cstdint>

#include "verifier/domain/bounds.h"

namespace skep::maps {
class Map;
}

namespace skep::verifier {

enum class RegKind : uint8_t {
  kNotInit,
  kScalar,
  kContext,
  kMapPtr,
  kMapValue,
  kMapKey,
  kStack,
  kPacketMeta,
  kPacket,
  kPacketEnd,
  kFlowKeys,
  kSocket,
  kSockCommon,
  kTcpSock,
  kTpBuffer,
  kXdpSock,
  kMem,
  kBuf,
  kFunc,
};

enum RegFlag : uint8_t {
  kPtrMaybeNull = 1,
  kMemReadOnly = 2,
  kMemRingbuf = 4,  // a whole ring buffer record
};

// A set id carries one of these bits when `off` is the constant distance of the scalar to the others of its
// id: the sum was computed in 64 bits, or in 32.
inline constexpr uint32_t kIdAddConst64 = uint32_t{1} << 31;
inline constexpr uint32_t kIdAddConst32 = uint32_t{1} << 30;
inline constexpr uint32_t kIdAddConst = kIdAddConst64 | kIdAddConst32;

// Values of `range` of a packet pointer below zero: known to be at, or one byte past, the end.
inline constexpr int32_t kAtPacketEnd = -1;
inline constexpr int32_t kBeyondPacketEnd = -2;
inline constexpr int32_t kMaxPacketOffset = 0xffff;
inline constexpr int64_t kMaxVarOffset = 1 << 29;
inline constexpr int64_t kMaxVarSize = 1 << 28;

struct RegState {
  RegKind kind = RegKind::kNotInit;
  uint8_t flags = 0;               // RegFlag
  int32_t off = 0;                 // constant part of a pointer; distance of a linked scalar (kIdAddConst)
  const maps::Map* map = nullptr;  // kMapPtr, kMapValue, kMapKey
  int32_t range = 0;               // packet pointers: bytes after the variable part that are in the packet
  uint32_t mem_size = 0;           // kMem
  uint32_t subprog = 0;            // kFunc
  Bounds bounds;                   // scalar value, or variable part of a pointer
  uint32_t id = 0;  // equal ids: equal values (scalars), same null check or same variable part (pointers)
  uint32_t ref_obj_id = 0;  // reference that this pointer stands for
  // What follows is not compared when looking for an endless loop.
  uint32_t frame = 0;    // kStack: whose stack
  bool precise = false;  // the value decided something: pruning compares it

  static RegState scalar(const Bounds& bounds) {
    RegState r;
    r.kind = RegKind::kScalar;
    r.bounds = bounds;
    return r;
  }
  static RegState constant(uint64_t value) { return scalar(Bounds::constant(value)); }
  static RegState unknown() { return scalar(Bounds::unknown()); }
  // A pointer to the start of something; its variable part is zero.
  static RegState pointer(RegKind kind, uint8_t flags = 0) {
    RegState r;
    r.kind = kind;
    r.flags = flags;
    r.bounds = Bounds::constant(0);
    return r;
  }

  bool is(RegKind k) const { return kind == k; }
  bool is_scalar() const { return kind == RegKind::kScalar; }
  bool is_pointer() const { return kind != RegKind::kScalar && kind != RegKind::kNotInit; }
  bool maybe_null() const { return flags & kPtrMaybeNull; }
  bool is_packet() const { return kind == RegKind::kPacket || kind == RegKind::kPacketMeta; }
  bool is_any_packet() const { return is_packet() || kind == RegKind::kPacketEnd; }
  bool is_socket() const {
    return kind == RegKind::kSocket || kind == RegKind::kSockCommon || kind == RegKind::kTcpSock ||
           kind == RegKind::kXdpSock;
  }
  bool is_null() const { return is_scalar() && bounds.bits.equals_const(0); }
  bool same_type(const RegState& o) const { return kind == o.kind && flags == o.flags; }
  uint32_t base_id() const { return id & ~kIdAddConst; }
  int64_t fixed_offset() const {
    return off + static_cast<int64_t>(bounds.bits.value);
  }  // constant variable part
};

}  // namespace skep::verifier
