// Helpers of the hooks that steer sockets: sock_ops, sk_lookup, sk_reuseport, sk_msg.
#include <cerrno>
#include <cstring>

#include "abi/bpf.h"
#include "abi/helper_ids.h"
#include "helpers/impl.h"
#include "progtypes/kernel_ctx.h"

namespace skep::helpers {
namespace {

using progtypes::ReuseportKern;
using progtypes::SkLookupKern;
using progtypes::SkMsgKern;
using progtypes::SockOpsKern;

constexpr uint16_t kInet = 2;  // AF_INET
constexpr uint32_t kLargestOffset = 0x7fffffff;

uint64_t status(int code) { return static_cast<uint64_t>(int64_t{code}); }

}  // namespace

uint64_t sock_ops_cb_flags_set(uint64_t ctx, uint64_t flags, uint64_t, uint64_t, uint64_t, RunContext&) {
  const auto& kernel = *reinterpret_cast<SockOpsKern*>(ctx);
  const auto wanted = static_cast<uint32_t>(flags);
  if (kernel.is_locked_tcp_sock == 0) return status(-EOPNOTSUPP);
  if (kernel.sk->sk.full == 0) return status(-EINVAL);
  kernel.sk->bpf_sock_ops_cb_flags = static_cast<uint8_t>(wanted & abi::BPF_SOCK_OPS_ALL_CB_FLAGS);
  return wanted & ~uint32_t{abi::BPF_SOCK_OPS_ALL_CB_FLAGS};
}

uint64_t sk_assign_lookup(uint64_t ctx, uint64_t socket, uint64_t flags, uint64_t, uint64_t, RunContext&) {
  auto& kernel = *reinterpret_cast<SkLookupKern*>(ctx);
  auto* sk = reinterpret_cast<net::Sock*>(socket);
  if ((flags & ~uint64_t{abi::BPF_SK_LOOKUP_F_REPLACE | abi::BPF_SK_LOOKUP_F_NO_REUSEPORT}) != 0)
    return status(-EINVAL);
  if (kernel.selected_sk != nullptr && sk != nullptr && (flags & abi::BPF_SK_LOOKUP_F_REPLACE) == 0)
    return status(-EEXIST);
  if (sk != nullptr && sk->protocol != kernel.protocol) return status(-EPROTOTYPE);
  if (sk != nullptr && sk->family != kernel.family && sk->family == kInet) return status(-EAFNOSUPPORT);
  kernel.selected_sk = sk;
  kernel.no_reuseport = (flags & abi::BPF_SK_LOOKUP_F_NO_REUSEPORT) != 0;
  return 0;
}

uint64_t sk_reuseport_load_bytes(uint64_t ctx, uint64_t offset, uint64_t out, uint64_t size, uint64_t,
                                 RunContext& run) {
  const auto skb = reinterpret_cast<uint64_t>(reinterpret_cast<ReuseportKern*>(ctx)->skb);
  return skb_load_bytes(skb, offset, out, size, 0, run);
}

uint64_t sk_reuseport_load_bytes_relative(uint64_t ctx, uint64_t offset, uint64_t out, uint64_t size,
                                          uint64_t start, RunContext& run) {
  const auto skb = reinterpret_cast<uint64_t>(reinterpret_cast<ReuseportKern*>(ctx)->skb);
  return skb_load_bytes_relative(skb, offset, out, size, start, run);
}

uint64_t msg_apply_bytes(uint64_t ctx, uint64_t bytes, uint64_t, uint64_t, uint64_t, RunContext&) {
  reinterpret_cast<SkMsgKern*>(ctx)->apply_bytes = static_cast<uint32_t>(bytes);
  return 0;
}

uint64_t msg_cork_bytes(uint64_t ctx, uint64_t bytes, uint64_t, uint64_t, uint64_t, RunContext&) {
  reinterpret_cast<SkMsgKern*>(ctx)->cork_bytes = static_cast<uint32_t>(bytes);
  return 0;
}

// The message is linear: any part of it can be shown.
uint64_t msg_pull_data(uint64_t ctx, uint64_t from, uint64_t until, uint64_t flags, uint64_t, RunContext&) {
  auto& kernel = *reinterpret_cast<SkMsgKern*>(ctx);
  const auto start = static_cast<uint32_t>(from), end = static_cast<uint32_t>(until);
  if (flags != 0 || end <= start || end > kernel.size || end > kLargestOffset) return status(-EINVAL);
  kernel.data = kernel.start + start;
  kernel.data_end = kernel.start + end;
  return 0;
}

}  // namespace skep::helpers
