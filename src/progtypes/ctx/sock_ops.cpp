// bpf_sock_ops over SockOpsKern: the context of sock_ops.
#include "abi/ctx.h"
#include "abi/insn.h"
#include "progtypes/ctx/layouts.h"
#include "progtypes/ctx/lowering.h"
#include "progtypes/kernel_ctx.h"

namespace skep::progtypes {
namespace {

constexpr int kSk = offsetof(SockOpsKern, sk), kScratch = offsetof(SockOpsKern, scratch);
constexpr int kLocked = offsetof(SockOpsKern, is_locked_tcp_sock);
constexpr int kFull = offsetof(SockOpsKern, is_fullsock);

// The loads if the flag of the context is set, else 0. Where the destination is the context's register,
// another one holds the flag meanwhile.
void load_if(int flag, const FieldUse& use, std::initializer_list<isa::Insn> loads, Out& out) {
  const int dst = use.insn.dst, src = use.insn.src, count = static_cast<int>(loads.size());
  if (dst != src) {
    out.push_back(load(1, dst, src, flag));
    out.push_back(jump(abi::BPF_JEQ, dst, 0, count));
    out.insert(out.end(), loads);
    return;
  }
  const int spare = spare_register(dst, src);
  out.push_back(store_register(8, src, spare, kScratch));
  out.push_back(load(1, spare, src, flag));
  out.push_back(jump(abi::BPF_JEQ, spare, 0, count + 2));
  out.push_back(load(8, spare, src, kScratch));
  out.insert(out.end(), loads);
  out.push_back(jump(abi::BPF_JA, 0, 0, 2));
  out.push_back(load(8, spare, src, kScratch));
  out.push_back(alu64(abi::BPF_MOV, dst, 0));
}

void lower_tcp(const ContextField& field, const FieldUse& use, Out& out) {
  const int dst = use.insn.dst, off = offset_of(field.lower_data);
  const uint32_t size = size_of(field.lower_data);
  if (!use.write) {
    load_if(kLocked, use, {load(8, dst, use.insn.src, kSk), load(size, dst, dst, off)}, out);
    return;
  }
  const int spare = spare_register(dst, use.insn.src);
  out.push_back(store_register(8, dst, spare, kScratch));
  out.push_back(load(1, spare, dst, kLocked));
  out.push_back(jump(abi::BPF_JEQ, spare, 0, 2));
  out.push_back(load(8, spare, dst, kSk));
  out.push_back(store_at(size, spare, use.insn, off));
  out.push_back(load(8, spare, dst, kScratch));
}

void lower_sk(const ContextField&, const FieldUse& use, Out& out) {
  load_if(kFull, use, {load(8, use.insn.dst, use.insn.src, kSk)}, out);
}

// SharedInfo lies at head + end of the segment.
void lower_hwtstamp(const ContextField&, const FieldUse& use, Out& out) {
  const int dst = use.insn.dst, aux = isa::kAuxRegister;
  out.push_back(load(8, dst, use.insn.src, offsetof(SockOpsKern, skb)));
  out.push_back(jump(abi::BPF_JEQ, dst, 0, 4));
  out.push_back(load(4, aux, dst, offsetof(net::SkBuff, end)));
  out.push_back(load(8, dst, dst, offsetof(net::SkBuff, head)));
  out.push_back(alu64_register(abi::BPF_ADD, dst, aux));
  out.push_back(load(8, dst, dst, offsetof(net::SharedInfo, hwtstamp)));
}

#define F(field)                                                                                          \
  .name = #field, .offset = offsetof(abi::bpf_sock_ops, field), .size = sizeof(abi::bpf_sock_ops::field), \
  .element = sizeof(abi::bpf_sock_ops::field)
#define A(field)                                                                                          \
  .name = #field, .offset = offsetof(abi::bpf_sock_ops, field), .size = sizeof(abi::bpf_sock_ops::field), \
  .element = sizeof(uint32_t)
#define M(field) member(offsetof(SockOpsKern, field), sizeof(SockOpsKern::field))
#define S(field) nested(kSk, offsetof(net::Sock, field), sizeof(net::Sock::field))
#define S4(field) nested(kSk, offsetof(net::Sock, field), sizeof(uint32_t))
#define T(field) nested(kSk, offsetof(net::TcpSock, field), sizeof(net::TcpSock::field))
#define B(field) nested(offsetof(SockOpsKern, skb), offsetof(net::SkBuff, field), sizeof(net::SkBuff::field))

constexpr ContextField kFields[] = {
#include "progtypes/ctx/sock_ops.def"
};

#undef F
#undef A
#undef M
#undef S
#undef S4
#undef T
#undef B

}  // namespace

const ContextLayout kSockOpsLayout = {
    .name = "bpf_sock_ops", .size = sizeof(abi::bpf_sock_ops), .fields = kFields};

}  // namespace skep::progtypes
