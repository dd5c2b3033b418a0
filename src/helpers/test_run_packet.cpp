// Test runs on a packet: socket_filter, sched_cls, sched_act, cgroup_skb. Mirrors bpf_prog_test_run_skb.
#include <cerrno>

#include "abi/ctx.h"
#include "helpers/hook_state.h"
#include "helpers/test_run_parts.h"
#include "net/headers.h"
#include "net/sk_buff.h"

namespace skep::helpers::testing {
namespace {

using abi::__sk_buff;
using net::SkBuff;

constexpr uint32_t kHeadroom = 64;
constexpr uint32_t kLargestWire = 65536;
constexpr uint32_t kMostSegments = 65535;

bool is_tc(const Job& job) {
  return job.type.type == abi::BPF_PROG_TYPE_SCHED_CLS || job.type.type == abi::BPF_PROG_TYPE_SCHED_ACT;
}

bool is_zero(const __sk_buff& ctx, size_t begin, size_t end) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&ctx);
  for (size_t index = begin; index < end; ++index)
    if (bytes[index] != std::byte{0}) return false;
  return true;
}

#define SKEP_END_OF(field) (offsetof(__sk_buff, field) + sizeof(__sk_buff::field))
// Only these fields may be given; what lies between them must be zero.
bool only_settable_fields(const __sk_buff& ctx) {
  return is_zero(ctx, 0, offsetof(__sk_buff, mark)) &&
         is_zero(ctx, SKEP_END_OF(mark), offsetof(__sk_buff, priority)) &&
         is_zero(ctx, SKEP_END_OF(ifindex), offsetof(__sk_buff, cb)) &&
         is_zero(ctx, SKEP_END_OF(cb), offsetof(__sk_buff, tstamp)) &&
         is_zero(ctx, SKEP_END_OF(gso_segs), offsetof(__sk_buff, gso_size)) &&
         is_zero(ctx, SKEP_END_OF(gso_size), offsetof(__sk_buff, hwtstamp));
}
#undef SKEP_END_OF

Status apply(const __sk_buff& ctx, SkBuff& skb) {
  if (!only_settable_fields(ctx)) return fail(EINVAL);
  skb.mark = ctx.mark;
  skb.priority = ctx.priority;
  skb.ingress_ifindex = static_cast<int32_t>(ctx.ingress_ifindex);
  skb.tstamp = static_cast<int64_t>(ctx.tstamp);
  memcpy(skb.cb.data, ctx.cb, sizeof(skb.cb.data));
  if (ctx.wire_len != 0 && (ctx.wire_len < skb.len || ctx.wire_len > kLargestWire)) return fail(EINVAL);
  skb.cb.pkt_len = ctx.wire_len != 0 ? ctx.wire_len : skb.len;
  if (ctx.gso_segs > kMostSegments) return fail(EINVAL);
  skb.shared().gso_segs = static_cast<uint16_t>(ctx.gso_segs);
  skb.shared().gso_size = static_cast<uint16_t>(ctx.gso_size);
  skb.shared().hwtstamp = ctx.hwtstamp;
  return {};
}

void report(const SkBuff& skb, __sk_buff& ctx) {
  ctx.mark = skb.mark;
  ctx.priority = skb.priority;
  ctx.ingress_ifindex = static_cast<uint32_t>(skb.ingress_ifindex);
  ctx.ifindex = skb.dev->ifindex;
  ctx.tstamp = static_cast<uint64_t>(skb.tstamp);
  memcpy(ctx.cb, skb.cb.data, sizeof(skb.cb.data));
  ctx.wire_len = skb.cb.pkt_len;
  ctx.gso_segs = skb.shared().gso_segs;
  ctx.hwtstamp = skb.shared().hwtstamp;
}

// Takes the Ethernet header off, as a device driver does, and gives the socket the packet's addresses.
// A packet too short for the header that its type promises is EINVAL.
Status classify(SkBuff& skb, net::Sock& sk) {
  const net::EthernetType type = net::ethernet_type(skb.data, skb.len);
  skb.mac_header = static_cast<uint16_t>(skb.headroom());
  net::pull(skb, net::kEthHeaderLen);
  skb.network_header = static_cast<uint16_t>(skb.headroom());
  skb.protocol = type.protocol;
  skb.packet_bits = type.packet_type;
  skb.mac_len = net::kEthHeaderLen;
  if (type.protocol == net::to_network(net::kEthIp)) {
    sk.family = 2;  // AF_INET
    if (skb.len < net::kIpHeaderLen) return fail(EINVAL);
    memcpy(&sk.src_ip4, skb.data + net::kIpSource, sizeof(sk.src_ip4));
    memcpy(&sk.dst_ip4, skb.data + net::kIpDestination, sizeof(sk.dst_ip4));
  } else if (type.protocol == net::to_network(net::kEthIpv6)) {
    sk.family = 10;  // AF_INET6
    if (skb.len < net::kIpv6HeaderLen) return fail(EINVAL);
    memcpy(sk.src_ip6, skb.data + net::kIpv6Source, sizeof(sk.src_ip6));
    memcpy(sk.dst_ip6, skb.data + net::kIpv6Destination, sizeof(sk.dst_ip6));
  }
  return {};
}

}  // namespace

Result<TestRunResult> run_packet(const Job& job) {
  const TestRunInput& input = job.input;
  const bool tc = is_tc(job);
  if ((input.flags & ~uint32_t{abi::BPF_F_TEST_SKB_CHECKSUM_COMPLETE}) != 0 || input.cpu != 0 ||
      input.batch_size != 0)
    return fail(EINVAL);
  if (input.data.size() < net::kEthHeaderLen || input.data.size() > kTestPage - kHeadroom - kTestTailroom)
    return fail(EINVAL);
  __sk_buff ctx = SKEP_TRY(read_context<__sk_buff>(input.ctx));
  auto packet = SKEP_TRY(net::PacketBuffer::make(input.data, kHeadroom, kTestTailroom));
  SkBuff& skb = *packet;
  net::Sock sk;
  skb.sk = &sk;
  skb.dev = &net::loopback();
  if (!input.ctx.empty() && ctx.ifindex > 1) return fail(ENODEV);
  SKEP_TRY(classify(skb, sk));
  if (tc) net::push(skb, net::kEthHeaderLen);
  if (!input.ctx.empty()) SKEP_TRY(apply(ctx, skb));
  skb.update_data_pointers();

  PacketHook hook;
  job.run.hook = &hook;
  job.run.packet_load = load_from_packet;
  TestRunResult result;
  repeat(job, &skb, result, [&] { skb.update_data_pointers(); });
  if (!tc) {
    if (!net::ensure_headroom(skb, net::kEthHeaderLen)) return fail(ENOMEM);
    net::push(skb, net::kEthHeaderLen);
    memset(skb.data, 0, net::kEthHeaderLen);
  }
  if (!input.ctx.empty()) {
    report(skb, ctx);
    result.ctx = write_context(ctx);
  }
  result.data = copy_bytes(skb.data, skb.len);
  return result;
}

}  // namespace skep::helpers::testing
