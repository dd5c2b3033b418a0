// Which way a comparison must go, from what is known of its operands.
#include <utility>

#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

using isa::Operation;

// The same comparison with the operands exchanged.
Operation mirrored(Operation op) {
  switch (op) {
    case Operation::kJge:
      return Operation::kJle;
    case Operation::kJgt:
      return Operation::kJlt;
    case Operation::kJle:
      return Operation::kJge;
    case Operation::kJlt:
      return Operation::kJgt;
    case Operation::kJsge:
      return Operation::kJsle;
    case Operation::kJsgt:
      return Operation::kJslt;
    case Operation::kJsle:
      return Operation::kJsge;
    case Operation::kJslt:
      return Operation::kJsgt;
    default:
      return op;
  }
}

struct View {  // the ranges that a comparison of this width looks at
  Tnum bits;
  uint64_t umin, umax;
  int64_t smin, smax;
  View(const Bounds& b, bool is32) {
    if (is32) {
      bits = b.bits.low32();
      umin = b.u32min, umax = b.u32max;
      smin = b.s32min, smax = b.s32max;
    } else {
      bits = b.bits;
      umin = b.umin, umax = b.umax;
      smin = b.smin, smax = b.smax;
    }
  }
};

bool disjoint(const Bounds& a, const Bounds& b, bool is32) {
  const View x(a, is32), y(b, is32);
  if (!x.bits.overlaps(y.bits)) return true;
  if (x.umin > y.umax || x.umax < y.umin) return true;
  if (x.smin > y.smax || x.smax < y.smin) return true;
  if (is32) return false;
  return a.u32min > b.u32max || a.u32max < b.u32min || a.s32min > b.s32max || a.s32max < b.s32min;
}

int bits_set(const Bounds& a_in, const Bounds& b_in, bool is32) {
  const Bounds* a = &a_in;
  const Bounds* b = &b_in;
  if (!b->is_const(is32)) std::swap(a, b);
  if (!b->is_const(is32)) return -1;
  const Tnum bits = View(*a, is32).bits;
  const uint64_t wanted = b->const_value(is32);
  if (bits.value & ~bits.mask & wanted) return 1;
  if (!(bits.max() & wanted)) return 0;
  return -1;
}

template <class T>
int ordered(T a_min, T a_max, T b_min, T b_max, bool or_equal) {  // a > b, or a >= b
  if (or_equal) return a_min >= b_max ? 1 : a_max < b_min ? 0 : -1;
  return a_min > b_max ? 1 : a_max <= b_min ? 0 : -1;
}

int scalars(const Bounds& a, const Bounds& b, Operation op, bool is32) {
  const View x(a, is32), y(b, is32);
  switch (op) {
    case Operation::kJeq:
    case Operation::kJne: {
      const int equal = op == Operation::kJeq;
      if (x.bits.is_const() && y.bits.is_const()) return (x.bits.value == y.bits.value) == equal;
      return disjoint(a, b, is32) ? !equal : -1;
    }
    case Operation::kJset:
      return bits_set(a, b, is32);
    case Operation::kJgt:
      return ordered(x.umin, x.umax, y.umin, y.umax, false);
    case Operation::kJge:
      return ordered(x.umin, x.umax, y.umin, y.umax, true);
    case Operation::kJlt:
      return ordered(y.umin, y.umax, x.umin, x.umax, false);
    case Operation::kJle:
      return ordered(y.umin, y.umax, x.umin, x.umax, true);
    case Operation::kJsgt:
      return ordered(x.smin, x.smax, y.smin, y.smax, false);
    case Operation::kJsge:
      return ordered(x.smin, x.smax, y.smin, y.smax, true);
    case Operation::kJslt:
      return ordered(y.smin, y.smax, x.smin, x.smax, false);
    case Operation::kJsle:
      return ordered(y.smin, y.smax, x.smin, x.smax, true);
    default:
      return -1;
  }
}

bool never_null(const RegState& r) {
  if (r.maybe_null()) return false;
  switch (r.kind) {
    case RegKind::kSocket:
    case RegKind::kTcpSock:
    case RegKind::kMapValue:
    case RegKind::kMapKey:
    case RegKind::kSockCommon:
    case RegKind::kMapPtr:
    case RegKind::kMem:
      return true;
    default:
      return false;
  }
}

int packet_ends(const RegState& a, const RegState& b, Operation op) {
  const RegState* packet = &a;
  if (!b.is(RegKind::kPacketEnd)) {
    if (!a.is(RegKind::kPacketEnd)) return -1;
    packet = &b;
    op = mirrored(op);
  }
  if (packet->range >= 0) return -1;
  switch (op) {
    case Operation::kJle:
    case Operation::kJgt:
      return packet->range == kBeyondPacketEnd ? op == Operation::kJgt : -1;
    case Operation::kJlt:
    case Operation::kJge:
      return op == Operation::kJge;
    default:
      return -1;
  }
}

}  // namespace

int branch_taken(const RegState& a_in, const RegState& b_in, Operation op, bool is32) {
  const RegState* a = &a_in;
  const RegState* b = &b_in;
  if (a->is_any_packet() && b->is_any_packet() && !is32) return packet_ends(*a, *b, op);
  const auto constant = [is32](const RegState& r) { return r.is_scalar() && r.bounds.is_const(is32); };
  if (a->is_pointer() || b->is_pointer()) {
    if (!constant(*b)) {
      std::swap(a, b);
      op = mirrored(op);
    }
    if (!constant(*b) || !never_null(*a) || b->bounds.const_value(is32) != 0) return -1;
    return op == Operation::kJeq ? 0 : op == Operation::kJne ? 1 : -1;
  }
  return scalars(a->bounds, b->bounds, op, is32);
}

}  // namespace skep::verifier
