// Test runs of flow_dissector, sk_lookup and netfilter programs. Mirrors bpf_prog_test_run_flow_dissector,
// bpf_prog_test_run_sk_lookup and bpf_prog_test_run_nf.
#include <algorithm>
#include <cerrno>

#include "abi/ctx.h"
#include "helpers/hook_state.h"
#include "helpers/test_run_parts.h"
#include "net/headers.h"
#include "net/sk_buff.h"
#include "progtypes/kernel_ctx.h"

namespace skep::helpers::testing {
namespace {

constexpr uint16_t kInet = 2, kInet6 = 10;  // AF_*, NFPROTO_*
constexpr uint32_t kHeadroom = 64;

bool is_zero(const void* from, size_t size) {
  const auto* bytes = static_cast<const std::byte*>(from);
  return std::all_of(bytes, bytes + size, [](std::byte byte) { return byte == std::byte{0}; });
}

Status refuse_options(const TestRunInput& input) {
  if (input.flags != 0 || input.cpu != 0 || input.batch_size != 0) return fail(EINVAL);
  return {};
}

// What netfilter hooks know beside the packet, as clients give it: nf_hook_state.
struct HookState {
  uint8_t hook;
  uint8_t family;
  uint8_t pad[6];
  uint64_t pointers[5];  // in, out, sk, net, okfn
};
static_assert(sizeof(HookState) == 48);

constexpr uint8_t kLocalOut = 3;  // NF_INET_LOCAL_OUT

// The packet of `family` starts with an Ethernet header, but for one that a local socket sends.
Status classify(net::SkBuff& skb, const HookState& state) {
  if (state.hook == kLocalOut) {
    skb.protocol = net::to_network(state.family == kInet6 ? net::kEthIpv6 : net::kEthIp);
    return {};
  }
  if (skb.len < net::kEthHeaderLen + net::kIpHeaderLen) return fail(EINVAL);
  const net::EthernetType type = net::ethernet_type(skb.data, skb.len);
  skb.mac_header = static_cast<uint16_t>(skb.headroom());
  net::pull(skb, net::kEthHeaderLen);
  skb.network_header = static_cast<uint16_t>(skb.headroom());
  skb.protocol = type.protocol;
  skb.packet_bits = type.packet_type;
  if (type.protocol == net::to_network(net::kEthIp)) {
    if (state.family != kInet) return fail(EINVAL);
  } else if (type.protocol == net::to_network(net::kEthIpv6)) {
    if (skb.len < net::kIpv6HeaderLen || state.family != kInet6) return fail(EINVAL);
  } else {
    return fail(EPROTO);
  }
  return {};
}

// Linux's bpf_flow_dissect, which also bounds the offsets that the program has found.
uint64_t dissect(const Job& job, progtypes::FlowDissectorKern& ctx, uint16_t protocol, uint32_t flags,
                 void* raw) {
  abi::bpf_flow_keys& keys = *ctx.flow_keys;
  keys = {};
  keys.n_proto = protocol;
  keys.nhoff = keys.thoff = net::kEthHeaderLen;
  keys.flags = flags;
  const uint64_t result = job.runner(raw, job.run);
  const auto length = static_cast<uint16_t>(ctx.data_end - ctx.data);
  keys.nhoff = std::clamp<uint16_t>(keys.nhoff, net::kEthHeaderLen, std::max(length, net::kEthHeaderLen));
  keys.thoff = std::clamp<uint16_t>(keys.thoff, keys.nhoff, std::max(length, keys.nhoff));
  return result;
}

}  // namespace

Result<TestRunResult> run_flow_dissector(const Job& job) {
  const TestRunInput& input = job.input;
  SKEP_TRY(refuse_options(input));
  if (input.data.size() < net::kEthHeaderLen || input.data.size() > kTestPage) return fail(EINVAL);
  const auto wanted = SKEP_TRY(read_context<abi::bpf_flow_keys>(input.ctx));
  constexpr size_t kFlags = offsetof(abi::bpf_flow_keys, flags), kEnd = kFlags + sizeof(wanted.flags);
  const auto* bytes = reinterpret_cast<const std::byte*>(&wanted);
  if (!is_zero(bytes, kFlags) || !is_zero(bytes + kEnd, sizeof(wanted) - kEnd)) return fail(EINVAL);
  std::vector<std::byte> packet(input.data.begin(), input.data.end());
  auto* data = reinterpret_cast<uint8_t*>(packet.data());
  abi::bpf_flow_keys keys = {};
  progtypes::FlowDissectorKern ctx{
      .flow_keys = &keys, .skb = nullptr, .data = data, .data_end = data + packet.size()};
  uint16_t protocol;
  memcpy(&protocol, data + net::kEthHeaderLen - sizeof(protocol), sizeof(protocol));
  job.run.hook = nullptr;
  TestRunResult result;
  const Runner dissecting = [&](void* raw, RunContext&) {
    return dissect(job, ctx, protocol, wanted.flags, raw);
  };
  repeat({job.type, job.attach_type, input, dissecting, job.run}, &ctx, result);
  result.data = copy_bytes(&keys, sizeof(keys));
  if (!input.ctx.empty()) result.ctx = write_context(wanted);
  return result;
}

Result<TestRunResult> run_sk_lookup(const Job& job) {
  const TestRunInput& input = job.input;
  SKEP_TRY(refuse_options(input));
  if (!input.data.empty() || input.wants_data_out) return fail(EINVAL);
  if (input.ctx.empty()) return fail(EINVAL);
  auto ctx = SKEP_TRY(read_context<abi::bpf_sk_lookup>(input.ctx));
  constexpr size_t kKnown = offsetof(abi::bpf_sk_lookup, ingress_ifindex);
  const auto* bytes = reinterpret_cast<const std::byte*>(&ctx);
  if (ctx.sk != 0 || !is_zero(bytes + kKnown, sizeof(ctx) - kKnown)) return fail(EINVAL);
  if (ctx.local_port > UINT16_MAX) return fail(ERANGE);
  progtypes::SkLookupKern kernel{.family = static_cast<uint16_t>(ctx.family),
                                 .protocol = static_cast<uint16_t>(ctx.protocol),
                                 .remote_port = ctx.remote_port,
                                 .local_port = static_cast<uint16_t>(ctx.local_port)};
  if (kernel.family == kInet) {
    kernel.remote_ip4 = ctx.remote_ip4;
    kernel.local_ip4 = ctx.local_ip4;
  } else if (kernel.family == kInet6) {
    kernel.remote_ip6 = ctx.remote_ip6;
    kernel.local_ip6 = ctx.local_ip6;
  } else {
    return fail(EAFNOSUPPORT);
  }
  job.run.hook = nullptr;
  TestRunResult result;
  repeat(job, &kernel, result, [&] { kernel.selected_sk = nullptr; });
  ctx.cookie = 0;
  if (kernel.selected_sk != nullptr) ctx.cookie = net::socket_cookie(*kernel.selected_sk);
  result.ctx = write_context(ctx);
  return result;
}

Result<TestRunResult> run_netfilter(const Job& job) {
  const TestRunInput& input = job.input;
  SKEP_TRY(refuse_options(input));
  if (input.data.size() < net::kIpHeaderLen || input.data.size() > kTestPage - kHeadroom - kTestTailroom)
    return fail(EINVAL);
  auto state = SKEP_TRY(read_context<HookState>(input.ctx));
  if (input.ctx.empty()) {
    state.hook = kLocalOut;
    state.family = kInet;
  } else if (!is_zero(state.pointers, sizeof(state.pointers)) ||
             (state.family != kInet && state.family != kInet6)) {
    return fail(EINVAL);
  }
  auto packet = SKEP_TRY(net::PacketBuffer::make(input.data, kHeadroom, kTestTailroom));
  net::SkBuff& skb = *packet;
  skb.dev = &net::loopback();
  SKEP_TRY(classify(skb, state));
  skb.update_data_pointers();
  const progtypes::NetfilterHookState hook{.hook = state.hook, .family = state.family};
  progtypes::NetfilterKern kernel{.state = &hook, .skb = &skb};
  job.run.hook = nullptr;
  TestRunResult result;
  repeat(job, &kernel, result);
  return result;
}

}  // namespace skep::helpers::testing
