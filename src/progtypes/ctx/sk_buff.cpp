// __sk_buff over net::SkBuff: the context of all programs on packets but flow_dissector.
#include "net/sk_buff.h"
#include "abi/ctx.h"
#include "abi/insn.h"
#include "progtypes/ctx/layouts.h"
#include "progtypes/ctx/lowering.h"

namespace skep::progtypes {
namespace {

using net::SkBuff;

constexpr uint64_t type(uint32_t prog_type) { return uint64_t{1} << prog_type; }
constexpr uint64_t kTc = type(abi::BPF_PROG_TYPE_SCHED_CLS) | type(abi::BPF_PROG_TYPE_SCHED_ACT);
constexpr uint64_t kCgroupSkb = type(abi::BPF_PROG_TYPE_CGROUP_SKB);
constexpr uint64_t kLwt = type(abi::BPF_PROG_TYPE_LWT_IN) | type(abi::BPF_PROG_TYPE_LWT_OUT) |
                          type(abi::BPF_PROG_TYPE_LWT_XMIT) | type(abi::BPF_PROG_TYPE_LWT_SEG6LOCAL);
constexpr uint64_t kSkSkb = type(abi::BPF_PROG_TYPE_SK_SKB);
constexpr uint64_t kPacketTypes = kTc | kCgroupSkb | kLwt | kSkSkb;  // direct packet access
constexpr uint64_t kAddressTypes = kCgroupSkb | kSkSkb;              // the packet's socket is known

// Queue mappings from here on are stored as "none": a write of them has no effect.
constexpr int32_t kNoQueueMapping = 0xffff;
// Smaller values of the field are a CPU number of the sender, which programs do not see.
constexpr int32_t kMinNapiId = 65;

void lower_packet_type(const ContextField&, const FieldUse& use, Out& out) {
  out.push_back(load(1, use.insn.dst, use.insn.src, offsetof(SkBuff, packet_bits)));
  out.push_back(alu32(abi::BPF_AND, use.insn.dst, net::kPacketTypeMask));
}

void lower_queue_mapping(const ContextField&, const FieldUse& use, Out& out) {
  constexpr int kOffset = offsetof(SkBuff, queue_mapping);
  if (!use.write) {
    out.push_back(load(2, use.insn.dst, use.insn.src, kOffset));
  } else if (abi::BPF_CLASS(use.insn.code) == abi::BPF_STX) {
    out.push_back(jump(abi::BPF_JGE, use.insn.src, kNoQueueMapping, 1));
    out.push_back(store(2, use.insn, kOffset));
  } else if (static_cast<uint32_t>(use.insn.imm) >= kNoQueueMapping) {
    out.push_back(jump(abi::BPF_JA, 0, 0, 0));
  } else {
    out.push_back(store(2, use.insn, kOffset));
  }
}

void lower_vlan_present(const ContextField&, const FieldUse& use, Out& out) {
  out.push_back(load(4, use.insn.dst, use.insn.src, offsetof(SkBuff, vlan_all)));
  out.push_back(jump(abi::BPF_JEQ, use.insn.dst, 0, 1));
  out.push_back(alu32(abi::BPF_MOV, use.insn.dst, 1));
}

// Only where a packet may have no device is the pointer tested: not in tc.
void lower_ifindex(const ContextField&, const FieldUse& use, Out& out) {
  out.push_back(load(8, use.insn.dst, use.insn.src, offsetof(SkBuff, dev)));
  if ((kTc >> use.prog_type & 1) == 0) out.push_back(jump(abi::BPF_JEQ, use.insn.dst, 0, 1));
  out.push_back(load(4, use.insn.dst, use.insn.dst, offsetof(net::NetDevice, ifindex)));
}

void lower_napi_id(const ContextField&, const FieldUse& use, Out& out) {
  out.push_back(load(4, use.insn.dst, use.insn.src, offsetof(SkBuff, napi_id)));
  out.push_back(jump(abi::BPF_JGE, use.insn.dst, kMinNapiId, 1));
  out.push_back(alu64(abi::BPF_MOV, use.insn.dst, 0));
}

// data + len - data_len, in `into`.
void compute_data_end(int into, int skb, Out& out) {
  const int aux = isa::kAuxRegister;
  out.push_back(load(8, into, skb, offsetof(SkBuff, data)));
  out.push_back(load(4, aux, skb, offsetof(SkBuff, len)));
  out.push_back(alu64_register(abi::BPF_ADD, into, aux));
  out.push_back(load(4, aux, skb, offsetof(SkBuff, data_len)));
  out.push_back(alu64_register(abi::BPF_SUB, into, aux));
}

// On a stream nobody has noted where the linear part ends, so programs compute it. The place where it would
// be noted keeps a register when the context's own is overwritten.
void lower_data_end(const ContextField& field, const FieldUse& use, Out& out) {
  const int dst = use.insn.dst, src = use.insn.src, aux = isa::kAuxRegister;
  if ((kSkSkb >> use.prog_type & 1) == 0) return lower_member(field, use, out);
  if (dst != src) return compute_data_end(dst, src, out);
  const int scratch = offset_of(field.lower_data), spare = spare_register(dst, src);
  out.push_back(store_register(8, src, spare, scratch));
  compute_data_end(spare, src, out);
  out.push_back(alu64_register(abi::BPF_MOV, aux, src));
  out.push_back(alu64_register(abi::BPF_MOV, dst, spare));
  out.push_back(load(8, spare, aux, scratch));
}

// SharedInfo lies at head + end. dst and src may be one register, hence the auxiliary one.
void lower_shared(const ContextField& field, const FieldUse& use, Out& out) {
  const int dst = use.insn.dst;
  out.push_back(load(4, isa::kAuxRegister, use.insn.src, offsetof(SkBuff, end)));
  out.push_back(load(8, dst, use.insn.src, offsetof(SkBuff, head)));
  out.push_back(alu64_register(abi::BPF_ADD, dst, isa::kAuxRegister));
  out.push_back(load(size_of(field.lower_data), dst, dst, offset_of(field.lower_data)));
}

// At ingress a program that does not know of tstamp_type sees 0 in place of a delivery time.
void lower_tstamp_read(const FieldUse& use, Out& out) {
  const int dst = use.insn.dst, src = use.insn.src, aux = isa::kAuxRegister;
  out.push_back(load(1, aux, src, offsetof(SkBuff, time_bits)));
  out.push_back(jump32(abi::BPF_JSET, aux, net::kTcAtIngress, 1));
  out.push_back(jump(abi::BPF_JA, 0, 0, 4));
  out.push_back(jump32(abi::BPF_JSET, aux, net::kTstampTypeMask, 1));
  out.push_back(jump(abi::BPF_JA, 0, 0, 2));
  out.push_back(alu64(abi::BPF_MOV, dst, 0));
  out.push_back(jump(abi::BPF_JA, 0, 0, 1));
  out.push_back(load(8, dst, src, offsetof(SkBuff, tstamp)));
}

// ... and what it writes there is a receive time again.
void lower_tstamp_write(const FieldUse& use, Out& out) {
  const int skb = use.insn.dst, aux = isa::kAuxRegister;
  out.push_back(load(1, aux, skb, offsetof(SkBuff, time_bits)));
  out.push_back(jump32(abi::BPF_JSET, aux, net::kTcAtIngress, 1));
  out.push_back(jump(abi::BPF_JA, 0, 0, 2));
  out.push_back(alu32(abi::BPF_AND, aux, ~net::kTstampTypeMask));
  out.push_back(store_register(1, skb, aux, offsetof(SkBuff, time_bits)));
  out.push_back(store(8, use.insn, offsetof(SkBuff, tstamp)));
}

void lower_tstamp(const ContextField&, const FieldUse& use, Out& out) {
  if (use.tstamp_type_used) {
    constexpr int kOffset = offsetof(SkBuff, tstamp);
    out.push_back(use.write ? store(8, use.insn, kOffset) : load(8, use.insn.dst, use.insn.src, kOffset));
  } else if (use.write) {
    lower_tstamp_write(use, out);
  } else {
    lower_tstamp_read(use, out);
  }
}

void lower_tstamp_type(const ContextField&, const FieldUse& use, Out& out) {
  out.push_back(load(1, use.insn.dst, use.insn.src, offsetof(SkBuff, time_bits)));
  out.push_back(alu32(abi::BPF_AND, use.insn.dst, net::kTstampTypeMask));
}

#define F(field)                                                                                    \
  .name = #field, .offset = offsetof(abi::__sk_buff, field), .size = sizeof(abi::__sk_buff::field), \
  .element = sizeof(abi::__sk_buff::field)
#define A(field)                                                                                    \
  .name = #field, .offset = offsetof(abi::__sk_buff, field), .size = sizeof(abi::__sk_buff::field), \
  .element = sizeof(uint32_t)
#define M(field) member(offsetof(SkBuff, field), sizeof(SkBuff::field))
#define C(field) \
  member(offsetof(SkBuff, cb) + offsetof(net::SkbControl, field), sizeof(net::SkbControl::field))
#define S(field) nested(offsetof(SkBuff, sk), offsetof(net::Sock, field), sizeof(net::Sock::field))
#define S4(field) nested(offsetof(SkBuff, sk), offsetof(net::Sock, field), sizeof(uint32_t))
#define H(field) member(offsetof(net::SharedInfo, field), sizeof(net::SharedInfo::field))

constexpr ContextField kFields[] = {
#include "progtypes/ctx/sk_buff.def"
};

#undef F
#undef A
#undef M
#undef C
#undef S
#undef S4
#undef H

}  // namespace

const ContextLayout kSkBuffLayout = {.name = "__sk_buff", .size = sizeof(abi::__sk_buff), .fields = kFields};

}  // namespace skep::progtypes
