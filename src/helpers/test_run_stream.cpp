// Test runs of sock_ops, sk_msg and sk_reuseport programs, for which Linux has none: contexts in the
// program's own view; the data is the segment, the message, the first packet.
#include <cerrno>

#include "abi/bpf.h"
#include "abi/ctx.h"
#include "helpers/hook_state.h"
#include "helpers/test_run_parts.h"
#include "net/sk_buff.h"
#include "progtypes/kernel_ctx.h"

namespace skep::helpers::testing {
namespace {

constexpr uint32_t kHeadroom = 64;

Status refuse_options(const TestRunInput& input) {
  if (input.flags != 0 || input.cpu != 0 || input.batch_size != 0) return fail(EINVAL);
  if (input.data.size() > kTestPage) return fail(EINVAL);
  return {};
}

// What bpf_sock_ops and sk_msg_md say of the connection, in the same members.
template <class Context>
void set_addresses(const Context& ctx, net::Sock& sk) {
  sk.family = static_cast<uint16_t>(ctx.family);
  sk.dst_ip4 = ctx.remote_ip4;
  sk.src_ip4 = ctx.local_ip4;
  memcpy(sk.dst_ip6, ctx.remote_ip6, sizeof(sk.dst_ip6));
  memcpy(sk.src_ip6, ctx.local_ip6, sizeof(sk.src_ip6));
  sk.dst_port = static_cast<uint16_t>(ctx.remote_port >> 16);
  sk.src_port = static_cast<uint16_t>(ctx.local_port);
  sk.type = 1;      // SOCK_STREAM
  sk.protocol = 6;  // IPPROTO_TCP
}

net::TcpSock socket_of(const abi::bpf_sock_ops& ctx) {
  net::TcpSock tcp;
  set_addresses(ctx, tcp.sk);
  tcp.sk.tcp = 1;
  tcp.sk.full = ctx.is_fullsock != 0;
  tcp.sk.state = static_cast<uint8_t>(ctx.state);
#define SKEP_COPY(field) tcp.field = static_cast<decltype(tcp.field)>(ctx.field)
  SKEP_COPY(snd_cwnd);
  SKEP_COPY(srtt_us);
  SKEP_COPY(bpf_sock_ops_cb_flags);
  SKEP_COPY(rtt_min);
  SKEP_COPY(snd_ssthresh);
  SKEP_COPY(rcv_nxt);
  SKEP_COPY(snd_nxt);
  SKEP_COPY(snd_una);
  SKEP_COPY(mss_cache);
  SKEP_COPY(ecn_flags);
  SKEP_COPY(rate_delivered);
  SKEP_COPY(rate_interval_us);
  SKEP_COPY(packets_out);
  SKEP_COPY(retrans_out);
  SKEP_COPY(total_retrans);
  SKEP_COPY(segs_in);
  SKEP_COPY(data_segs_in);
  SKEP_COPY(segs_out);
  SKEP_COPY(data_segs_out);
  SKEP_COPY(lost_out);
  SKEP_COPY(sacked_out);
  SKEP_COPY(sk_txhash);
  SKEP_COPY(bytes_received);
  SKEP_COPY(bytes_acked);
#undef SKEP_COPY
  return tcp;
}

}  // namespace

Result<TestRunResult> run_sock_ops(const Job& job) {
  SKEP_TRY(refuse_options(job.input));
  auto ctx = SKEP_TRY(read_context<abi::bpf_sock_ops>(job.input.ctx));
  auto segment = SKEP_TRY(net::PacketBuffer::make(job.input.data, kHeadroom, kTestTailroom));
  segment->tcp_flags = static_cast<uint16_t>(ctx.skb_tcp_flags);
  segment->shared().hwtstamp = ctx.skb_hwtstamp;
  net::TcpSock tcp = socket_of(ctx);
  progtypes::SockOpsKern kernel{.sk = &tcp,
                                .skb = job.input.data.empty() ? nullptr : segment.get(),
                                .skb_data_end = segment->data + segment->len,
                                .op = static_cast<uint8_t>(ctx.op),
                                .is_fullsock = ctx.is_fullsock != 0,
                                .is_locked_tcp_sock = ctx.is_fullsock != 0};
  if (job.input.data.empty()) kernel.skb_data_end = nullptr;
  SocketHook hook;
  job.run.hook = &hook;
  TestRunResult result;
  repeat(job, &kernel, result, [&] { memcpy(kernel.args, ctx.args, sizeof(kernel.args)); });
  memcpy(ctx.args, kernel.args, sizeof(kernel.args));
  ctx.sk_txhash = tcp.sk_txhash;
  ctx.bpf_sock_ops_cb_flags = tcp.bpf_sock_ops_cb_flags;
  result.ctx = write_context(ctx);
  return result;
}

Result<TestRunResult> run_sk_msg(const Job& job) {
  SKEP_TRY(refuse_options(job.input));
  auto ctx = SKEP_TRY(read_context<abi::sk_msg_md>(job.input.ctx));
  std::vector<std::byte> message(job.input.data.begin(), job.input.data.end());
  message.resize(std::max<size_t>(message.size(), 1));
  auto* data = reinterpret_cast<uint8_t*>(message.data());
  const auto size = static_cast<uint32_t>(job.input.data.size());
  net::Sock sk;
  set_addresses(ctx, sk);
  progtypes::SkMsgKern kernel{.data = data, .data_end = data + size, .sk = &sk, .start = data, .size = size};
  SocketHook hook;
  job.run.hook = &hook;
  TestRunResult result;
  repeat(job, &kernel, result);
  ctx.size = kernel.size;
  result.ctx = write_context(ctx);
  result.data = copy_bytes(data, size);
  return result;
}

Result<TestRunResult> run_sk_reuseport(const Job& job) {
  SKEP_TRY(refuse_options(job.input));
  const auto ctx = SKEP_TRY(read_context<abi::sk_reuseport_md>(job.input.ctx));
  auto packet = SKEP_TRY(net::PacketBuffer::make(job.input.data, kHeadroom, kTestTailroom));
  packet->protocol = static_cast<uint16_t>(ctx.eth_protocol);
  net::Sock sk;
  sk.protocol = static_cast<uint16_t>(ctx.ip_protocol);
  progtypes::ReuseportKern kernel{.skb = packet.get(),
                                  .sk = &sk,
                                  .data_end = packet->data + packet->len,
                                  .hash = ctx.hash,
                                  .bind_inany = ctx.bind_inany != 0};
  job.run.hook = nullptr;
  TestRunResult result;
  repeat(job, &kernel, result);
  result.ctx = write_context(ctx);
  result.data = copy_bytes(packet->data, packet->len);
  return result;
}

}  // namespace skep::helpers::testing
