// bpf_sock_addr over SockAddrKern: the context of cgroup_sock_addr.
#include "abi/ctx.h"
#include "progtypes/ctx/layouts.h"
#include "progtypes/ctx/lowering.h"
#include "progtypes/kernel_ctx.h"

namespace skep::progtypes {
namespace {

constexpr uint64_t bit(uint32_t attach_type) { return uint64_t{1} << attach_type; }
constexpr uint64_t kSend4 = bit(abi::BPF_CGROUP_UDP4_SENDMSG);
constexpr uint64_t kSend6 = bit(abi::BPF_CGROUP_UDP6_SENDMSG);
constexpr uint64_t kInet4 = bit(abi::BPF_CGROUP_INET4_BIND) | bit(abi::BPF_CGROUP_INET4_CONNECT) |
                            bit(abi::BPF_CGROUP_INET4_GETPEERNAME) | bit(abi::BPF_CGROUP_INET4_GETSOCKNAME) |
                            kSend4 | bit(abi::BPF_CGROUP_UDP4_RECVMSG);
constexpr uint64_t kInet6 = bit(abi::BPF_CGROUP_INET6_BIND) | bit(abi::BPF_CGROUP_INET6_CONNECT) |
                            bit(abi::BPF_CGROUP_INET6_GETPEERNAME) | bit(abi::BPF_CGROUP_INET6_GETSOCKNAME) |
                            kSend6 | bit(abi::BPF_CGROUP_UDP6_RECVMSG);

// Behind a pointer of the context; size 0 in lower_data: the access's own size (one word or two).
void lower_address(const ContextField& field, const FieldUse& use, Out& out) {
  const int pointer = pointer_of(field.lower_data);
  const int off = offset_of(field.lower_data) + static_cast<int>(use.offset - field.offset);
  const uint32_t size = size_of(field.lower_data) != 0 ? size_of(field.lower_data) : use.size;
  const int dst = use.insn.dst;
  if (!use.write) {
    out.push_back(load(8, dst, use.insn.src, pointer));
    out.push_back(load(size, dst, dst, off));
    return;
  }
  const int spare = spare_register(dst, use.insn.src);
  constexpr int kScratch = offsetof(SockAddrKern, scratch);
  out.push_back(store_register(8, dst, spare, kScratch));
  out.push_back(load(8, spare, dst, pointer));
  out.push_back(store_at(size, spare, use.insn, off));
  out.push_back(load(8, spare, dst, kScratch));
}

#define F(field)                                                                                            \
  .name = #field, .offset = offsetof(abi::bpf_sock_addr, field), .size = sizeof(abi::bpf_sock_addr::field), \
  .element = sizeof(abi::bpf_sock_addr::field)
#define A(field)                                                                                            \
  .name = #field, .offset = offsetof(abi::bpf_sock_addr, field), .size = sizeof(abi::bpf_sock_addr::field), \
  .element = sizeof(uint32_t)
#define U(field, size) nested(offsetof(SockAddrKern, address), offsetof(SockaddrStorage, field), size)
#define S(field) nested(offsetof(SockAddrKern, sk), offsetof(net::Sock, field), sizeof(net::Sock::field))

constexpr ContextField kFields[] = {
#include "progtypes/ctx/sock_addr.def"
};

#undef F
#undef A
#undef U
#undef S

}  // namespace

const ContextLayout kSockAddrLayout = {
    .name = "bpf_sock_addr", .size = sizeof(abi::bpf_sock_addr), .fields = kFields};

}  // namespace skep::progtypes
