// bpf_sock over net::Sock: the context of cgroup_sock, and the view that socket pointers give.
#include "net/sock.h"
#include "abi/ctx.h"
#include "abi/insn.h"
#include "progtypes/ctx/layouts.h"
#include "progtypes/ctx/lowering.h"

namespace skep::progtypes {
namespace {

constexpr uint64_t bit(uint32_t attach_type) { return uint64_t{1} << attach_type; }
constexpr uint64_t kLife = bit(abi::BPF_CGROUP_INET_SOCK_CREATE) | bit(abi::BPF_CGROUP_INET_SOCK_RELEASE);
constexpr uint64_t kBound4 = bit(abi::BPF_CGROUP_INET4_POST_BIND);
constexpr uint64_t kBound6 = bit(abi::BPF_CGROUP_INET6_POST_BIND);

// "No queue" reads as -1.
void lower_rx_queue(const ContextField&, const FieldUse& use, Out& out) {
  out.push_back(load(2, use.insn.dst, use.insn.src, offsetof(net::Sock, rx_queue_mapping)));
  out.push_back(jump(abi::BPF_JNE, use.insn.dst, net::Sock::kNoQueue, 1));
  out.push_back(alu64(abi::BPF_MOV, use.insn.dst, -1));
}

#define F(field)                                                                                  \
  .name = #field, .offset = offsetof(abi::bpf_sock, field), .size = sizeof(abi::bpf_sock::field), \
  .element = sizeof(abi::bpf_sock::field)
#define A(field)                                                                                  \
  .name = #field, .offset = offsetof(abi::bpf_sock, field), .size = sizeof(abi::bpf_sock::field), \
  .element = sizeof(uint32_t)
#define M(field) member(offsetof(net::Sock, field), sizeof(net::Sock::field))
#define M4(field) member(offsetof(net::Sock, field), sizeof(uint32_t))

constexpr ContextField kFields[] = {
#include "progtypes/ctx/sock.def"
};

#undef F
#undef A
#undef M
#undef M4

}  // namespace

const ContextLayout kSockLayout = {.name = "bpf_sock", .size = sizeof(abi::bpf_sock), .fields = kFields};

}  // namespace skep::progtypes
