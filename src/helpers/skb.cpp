// Helpers that read and write a packet's bytes and metadata.
#include <cerrno>
#include <cstring>

#include "abi/bpf.h"
#include "abi/helper_ids.h"
#include "helpers/hook_state.h"
#include "helpers/impl.h"
#include "net/checksum.h"
#include "net/headers.h"
#include "net/sk_buff.h"

namespace skep::helpers {
namespace {

using net::SkBuff;

constexpr uint32_t kLargestOffset = 0x7fffffff;

uint64_t status(int code) { return static_cast<uint64_t>(int64_t{code}); }
SkBuff& skb_of(uint64_t ctx) { return *reinterpret_cast<SkBuff*>(ctx); }

bool inside(const SkBuff& skb, uint64_t offset, uint64_t size) {
  return offset <= kLargestOffset && offset + size <= skb.len;
}

uint64_t clear_and_fault(uint64_t out, uint64_t size) {
  memset(reinterpret_cast<void*>(out), 0, size);
  return status(-EFAULT);
}

void forget_hash(SkBuff& skb) {
  skb.hash = 0;
  skb.hash_bits = 0;
}

// Spreads what tells flows apart: addresses and, behind the header, ports.
uint32_t flow_hash(const SkBuff& skb) {
  uint32_t hash = 2166136261u;
  const uint8_t* start = skb.network_header != net::kNoHeader ? skb.network() : skb.data;
  const bool six = skb.protocol == net::to_network(net::kEthIpv6);
  const ptrdiff_t from = six ? net::kIpv6Source : net::kIpSource;
  const ptrdiff_t until = six ? net::kIpv6HeaderLen + 4 : net::kIpHeaderLen + 4;
  for (ptrdiff_t at = from; at < until && start + at < skb.tail_pointer(); ++at)
    hash = (hash ^ start[at]) * 16777619u;
  return hash == 0 ? 1 : hash;
}

constexpr uint8_t kEcnMask = 3, kEcnCapable = 2, kCongestion = 3;  // RFC 3168; 1 and 2 are capable

// 1 when it is marked already, 0 when its sender cannot learn; -1 when it is to be marked.
int mark_known(uint8_t bits) {
  if (bits == kCongestion) return 1;
  return bits == 0 ? 0 : -1;
}

uint64_t mark_ip(uint8_t* header) {
  constexpr int kTos = 1, kChecksum = 10;
  const int known = mark_known(header[kTos] & kEcnMask);
  if (known >= 0) return static_cast<uint64_t>(known);
  uint16_t before, after, checksum;
  memcpy(&before, header, sizeof(before));
  header[kTos] |= kCongestion;
  memcpy(&after, header, sizeof(after));
  memcpy(&checksum, header + kChecksum, sizeof(checksum));
  checksum = net::replace_word16(checksum, before, after);
  memcpy(header + kChecksum, &checksum, sizeof(checksum));
  return 1;
}

// |version:4|class:8|flow label:20|: the mark is in bits 4 and 5 of the second byte.
uint64_t mark_ipv6(SkBuff& skb, uint8_t* header) {
  constexpr int kShift = 4;
  const int known = mark_known(header[1] >> kShift & kEcnMask);
  if (known >= 0) return static_cast<uint64_t>(known);
  uint32_t before, after;
  memcpy(&before, header, sizeof(before));
  header[1] |= kCongestion << kShift;
  memcpy(&after, header, sizeof(after));
  if (skb.ip_summed == net::kChecksumComplete)
    skb.csum = net::add_sums(net::subtract_sums(skb.csum, before), after);
  return 1;
}

}  // namespace

uint64_t skb_load_bytes(uint64_t ctx, uint64_t offset, uint64_t out, uint64_t size, uint64_t, RunContext&) {
  const SkBuff& skb = skb_of(ctx);
  const auto at = static_cast<uint32_t>(offset);
  if (!inside(skb, at, size)) return clear_and_fault(out, size);
  memcpy(reinterpret_cast<void*>(out), skb.data + at, size);
  return 0;
}

uint64_t skb_load_bytes_relative(uint64_t ctx, uint64_t offset, uint64_t out, uint64_t size, uint64_t start,
                                 RunContext&) {
  const SkBuff& skb = skb_of(ctx);
  const auto at = static_cast<uint32_t>(offset);
  uint16_t header = net::kNoHeader;
  if (static_cast<uint32_t>(start) == abi::BPF_HDR_START_MAC) header = skb.mac_header;
  if (static_cast<uint32_t>(start) == abi::BPF_HDR_START_NET) header = skb.network_header;
  if (at > 0xffff || header == net::kNoHeader || uint64_t{header} + at + size > skb.tail)
    return clear_and_fault(out, size);
  memcpy(reinterpret_cast<void*>(out), skb.head + header + at, size);
  return 0;
}

uint64_t skb_store_bytes(uint64_t ctx, uint64_t offset, uint64_t from, uint64_t size, uint64_t flags,
                         RunContext&) {
  SkBuff& skb = skb_of(ctx);
  const auto at = static_cast<uint32_t>(offset);
  if ((flags & ~uint64_t{abi::BPF_F_RECOMPUTE_CSUM | abi::BPF_F_INVALIDATE_HASH}) != 0)
    return status(-EINVAL);
  if (!inside(skb, at, size)) return status(-EFAULT);
  memmove(skb.data + at, reinterpret_cast<const void*>(from), size);
  if ((flags & abi::BPF_F_INVALIDATE_HASH) != 0) forget_hash(skb);
  return 0;
}

// The packet is linear and ours: all of it can always be written.
uint64_t skb_pull_data(uint64_t ctx, uint64_t size, uint64_t, uint64_t, uint64_t, RunContext&) {
  SkBuff& skb = skb_of(ctx);
  if (static_cast<uint32_t>(size) > skb.len) return status(-ENOMEM);
  skb.update_data_pointers();
  return 0;
}

uint64_t skb_change_type(uint64_t ctx, uint64_t type, uint64_t, uint64_t, uint64_t, RunContext&) {
  SkBuff& skb = skb_of(ctx);
  const auto wanted = static_cast<uint32_t>(type);
  if ((skb.packet_bits & net::kPacketTypeMask) > net::kPacketOtherHost || wanted > net::kPacketOtherHost)
    return status(-EINVAL);
  skb.packet_bits = static_cast<uint8_t>((skb.packet_bits & ~net::kPacketTypeMask) | wanted);
  return 0;
}

uint64_t get_hash_recalc(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  SkBuff& skb = skb_of(ctx);
  if (skb.hash_bits == 0) {
    skb.hash = flow_hash(skb);
    skb.hash_bits = net::kSwHash;
  }
  return skb.hash;
}

uint64_t set_hash_invalid(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  forget_hash(skb_of(ctx));
  return 0;
}

uint64_t set_hash(uint64_t ctx, uint64_t hash, uint64_t, uint64_t, uint64_t, RunContext&) {
  SkBuff& skb = skb_of(ctx);
  skb.hash = static_cast<uint32_t>(hash);
  skb.hash_bits = net::kSwHash;
  return 0;
}

uint64_t skb_set_tstamp(uint64_t ctx, uint64_t tstamp, uint64_t type, uint64_t, uint64_t, RunContext&) {
  SkBuff& skb = skb_of(ctx);
  if (skb.protocol != net::to_network(net::kEthIp) && skb.protocol != net::to_network(net::kEthIpv6))
    return status(-EOPNOTSUPP);
  const auto clock = static_cast<uint32_t>(type);
  if (clock > abi::BPF_SKB_CLOCK_TAI) return status(-EINVAL);
  if (clock != abi::BPF_SKB_CLOCK_REALTIME && tstamp == 0) return status(-EINVAL);
  skb.tstamp = static_cast<int64_t>(tstamp);
  skb.time_bits = static_cast<uint8_t>((skb.time_bits & ~net::kTstampTypeMask) | clock);
  return 0;
}

// The network has one device, loopback.
uint64_t clone_redirect(uint64_t, uint64_t ifindex, uint64_t flags, uint64_t, uint64_t, RunContext&) {
  if ((flags & ~uint64_t{abi::BPF_F_INGRESS}) != 0) return status(-EINVAL);
  return static_cast<uint32_t>(ifindex) == net::loopback().ifindex ? 0 : status(-EINVAL);
}

uint64_t redirect(uint64_t ifindex, uint64_t flags, uint64_t, uint64_t, uint64_t, RunContext& run) {
  if ((flags & ~uint64_t{abi::BPF_F_INGRESS}) != 0) return abi::TC_ACT_SHOT;
  if (auto* hook = static_cast<PacketHook*>(run.hook)) {
    hook->redirect_ifindex = static_cast<uint32_t>(ifindex);
    hook->redirect_flags = flags;
  }
  return abi::TC_ACT_REDIRECT;
}

// Congestion: marks a packet whose sender can learn of it. 1 when the packet carries the mark afterwards.
uint64_t skb_ecn_set_ce(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  SkBuff& skb = skb_of(ctx);
  const bool four = skb.protocol == net::to_network(net::kEthIp);
  const uint32_t header = four ? net::kIpHeaderLen : net::kIpv6HeaderLen;
  if ((!four && skb.protocol != net::to_network(net::kEthIpv6)) || skb.network_header == net::kNoHeader ||
      skb.network() + header > skb.tail_pointer())
    return 0;
  return four ? mark_ip(skb.network()) : mark_ipv6(skb, skb.network());
}

// A flow dissector that runs on bare data has no packet to load from.
uint64_t flow_dissector_load_bytes(uint64_t ctx, uint64_t offset, uint64_t out, uint64_t size, uint64_t,
                                   RunContext& run) {
  const net::SkBuff* skb = reinterpret_cast<progtypes::FlowDissectorKern*>(ctx)->skb;
  if (skb == nullptr || static_cast<uint32_t>(offset) > 0xffff) return clear_and_fault(out, size);
  return skb_load_bytes(reinterpret_cast<uint64_t>(skb), offset, out, size, 0, run);
}

// No packet here comes out of a tunnel.
uint64_t skb_get_tunnel_key(uint64_t, uint64_t key, uint64_t size, uint64_t, uint64_t, RunContext&) {
  memset(reinterpret_cast<void*>(key), 0, static_cast<uint32_t>(size));
  return status(-EINVAL);
}
uint64_t skb_get_tunnel_opt(uint64_t, uint64_t options, uint64_t size, uint64_t, uint64_t, RunContext&) {
  memset(reinterpret_cast<void*>(options), 0, static_cast<uint32_t>(size));
  return status(-ENOENT);
}
uint64_t skb_get_xfrm_state(uint64_t, uint64_t, uint64_t state, uint64_t size, uint64_t, RunContext&) {
  memset(reinterpret_cast<void*>(state), 0, static_cast<uint32_t>(size));
  return status(-EINVAL);
}

// No routing realms and no net_cls hierarchy exist here.
uint64_t get_route_realm(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) { return 0; }
uint64_t get_cgroup_classid(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) { return 0; }

}  // namespace skep::helpers
