// Helpers that change a packet's size or encapsulation.
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "abi/helper_ids.h"
#include "helpers/impl.h"
#include "net/headers.h"
#include "net/sk_buff.h"

namespace skep::helpers {
namespace {

using net::SkBuff;

constexpr int kENotSupp = 524;
constexpr uint32_t kLargestPacket = 4 * 4096 - 320;

uint64_t status(int code) { return static_cast<uint64_t>(int64_t{code}); }
SkBuff& skb_of(uint64_t ctx) { return *reinterpret_cast<SkBuff*>(ctx); }

uint32_t network_offset(const SkBuff& skb) {
  return skb.network_header > skb.headroom() ? skb.network_header - skb.headroom() : 0;
}

uint32_t mac_header_len(const SkBuff& skb) {
  return static_cast<uint32_t>(skb.network_header - skb.mac_header);
}

uint32_t network_header_len(const SkBuff& skb) {
  return skb.protocol == net::to_network(net::kEthIpv6) ? net::kIpv6HeaderLen : net::kIpHeaderLen;
}

// `bytes` zeroes at `offset`; what stands before moves to the front.
bool insert(SkBuff& skb, uint32_t offset, uint32_t bytes) {
  if (!net::ensure_headroom(skb, bytes)) return false;
  net::push(skb, bytes);
  memmove(skb.data, skb.data + bytes, offset);
  memset(skb.data + offset, 0, bytes);
  skb.mac_header = static_cast<uint16_t>(skb.mac_header - bytes);
  skb.network_header = static_cast<uint16_t>(skb.network_header - bytes);
  return true;
}

void remove(SkBuff& skb, uint32_t offset, uint32_t bytes) {
  memmove(skb.data + bytes, skb.data, offset);
  net::pull(skb, bytes);
  skb.mac_header = static_cast<uint16_t>(skb.mac_header + bytes);
  skb.network_header = static_cast<uint16_t>(skb.network_header + bytes);
}

bool is_vlan(uint16_t protocol) {
  return protocol == net::to_network(net::kEthVlan) || protocol == net::to_network(net::kEthVlanService);
}

// The tag behind the addresses of the frame; the packet's protocol becomes what it carries.
void take_tag(SkBuff& skb) {
  uint8_t* mac = skb.data;
  uint16_t proto, tci, inner;
  memcpy(&proto, mac + 12, 2);
  memcpy(&tci, mac + 14, 2);
  memcpy(&inner, mac + 16, 2);
  remove(skb, 12, net::kVlanHeaderLen);
  skb.network_header = static_cast<uint16_t>(skb.network_header - net::kVlanHeaderLen);
  skb.vlan_proto = proto;
  skb.vlan_tci = net::from_network(tci);
  skb.protocol = inner;
}

bool write_tag(SkBuff& skb, uint16_t proto, uint16_t tci) {
  const uint16_t tci_wire = net::to_network(tci);
  if (!insert(skb, 12, net::kVlanHeaderLen)) return false;
  skb.network_header = static_cast<uint16_t>(skb.network_header + net::kVlanHeaderLen);
  memcpy(skb.data + 12, &proto, 2);
  memcpy(skb.data + 14, &tci_wire, 2);
  skb.protocol = proto;
  return true;
}

}  // namespace

uint64_t skb_change_tail(uint64_t ctx, uint64_t length, uint64_t flags, uint64_t, uint64_t, RunContext&) {
  SkBuff& skb = skb_of(ctx);
  const auto wanted = static_cast<uint32_t>(length);
  if (flags != 0 || wanted > kLargestPacket || wanted < network_offset(skb)) return status(-EINVAL);
  if (wanted > skb.len) {
    const uint32_t more = wanted - skb.len;
    if (!net::ensure_tailroom(skb, more)) return status(-ENOMEM);
    memset(skb.tail_pointer(), 0, more);
    net::put(skb, more);
  } else {
    net::trim(skb, wanted);
  }
  skb.update_data_pointers();
  return 0;
}

uint64_t skb_change_head(uint64_t ctx, uint64_t bytes, uint64_t flags, uint64_t, uint64_t, RunContext&) {
  SkBuff& skb = skb_of(ctx);
  const auto more = static_cast<uint32_t>(bytes);
  if (flags != 0 || static_cast<int32_t>(more) < 0 || uint64_t{skb.len} + more > kLargestPacket)
    return status(-EINVAL);
  if (!net::ensure_headroom(skb, more)) return status(-ENOMEM);
  net::push(skb, more);
  memset(skb.data, 0, more);
  skb.mac_header = static_cast<uint16_t>(skb.headroom());
  skb.update_data_pointers();
  return 0;
}

uint64_t skb_change_proto(uint64_t ctx, uint64_t proto, uint64_t flags, uint64_t, uint64_t, RunContext&) {
  constexpr uint32_t kDifference = net::kIpv6HeaderLen - net::kIpHeaderLen;
  constexpr uint16_t kFour = net::to_network(net::kEthIp), kSix = net::to_network(net::kEthIpv6);
  SkBuff& skb = skb_of(ctx);
  const auto wanted = static_cast<uint16_t>(proto);
  if (flags != 0) return status(-EINVAL);
  if (skb.protocol == kFour && wanted == kSix) {
    if (!insert(skb, mac_header_len(skb), kDifference)) return status(-ENOMEM);
  } else if (skb.protocol == kSix && wanted == kFour) {
    if (mac_header_len(skb) + kDifference > skb.len) return status(-ENOMEM);
    remove(skb, mac_header_len(skb), kDifference);
  } else {
    return status(-kENotSupp);
  }
  skb.protocol = wanted;
  skb.hash = 0;
  skb.hash_bits = 0;
  skb.update_data_pointers();
  return 0;
}

uint64_t skb_adjust_room(uint64_t ctx, uint64_t difference, uint64_t mode, uint64_t flags, uint64_t,
                         RunContext&) {
  constexpr uint64_t kKnown = abi::BPF_F_ADJ_ROOM_FIXED_GSO | abi::BPF_F_ADJ_ROOM_NO_CSUM_RESET |
                              abi::BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | abi::BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 |
                              abi::BPF_F_ADJ_ROOM_DECAP_L3_IPV4 | abi::BPF_F_ADJ_ROOM_DECAP_L3_IPV6;
  SkBuff& skb = skb_of(ctx);
  const auto by = static_cast<int32_t>(difference);
  const uint32_t bytes = by < 0 ? 0u - static_cast<uint32_t>(by) : static_cast<uint32_t>(by);
  if ((flags & ~kKnown) != 0) return status(-EINVAL);
  if (bytes > 0xfff) return status(-EFAULT);
  if (skb.protocol != net::to_network(net::kEthIp) && skb.protocol != net::to_network(net::kEthIpv6))
    return status(-kENotSupp);
  uint32_t at = mac_header_len(skb);
  const auto where = static_cast<uint32_t>(mode);
  if (where == abi::BPF_ADJ_ROOM_NET)
    at += network_header_len(skb);
  else if (where != abi::BPF_ADJ_ROOM_MAC)
    return status(-kENotSupp);
  const uint32_t current = skb.len - network_offset(skb);
  if (at > skb.len) return status(-ENOMEM);
  if (by < 0) {
    if (bytes >= current || current - bytes < network_header_len(skb)) return status(-kENotSupp);
    if (at + bytes > skb.len) return status(-ENOMEM);
    remove(skb, at, bytes);
    if ((flags & abi::BPF_F_ADJ_ROOM_DECAP_L3_IPV4) != 0) skb.protocol = net::to_network(net::kEthIp);
    if ((flags & abi::BPF_F_ADJ_ROOM_DECAP_L3_IPV6) != 0) skb.protocol = net::to_network(net::kEthIpv6);
  } else {
    if (skb.len + bytes > kLargestPacket) return status(-kENotSupp);
    if (!insert(skb, at, bytes)) return status(-ENOMEM);
    if ((flags & abi::BPF_F_ADJ_ROOM_ENCAP_L3_IPV4) != 0) skb.protocol = net::to_network(net::kEthIp);
    if ((flags & abi::BPF_F_ADJ_ROOM_ENCAP_L3_IPV6) != 0) skb.protocol = net::to_network(net::kEthIpv6);
  }
  skb.update_data_pointers();
  return 0;
}

// The newest tag stands beside the packet; pushing another writes it into the frame.
uint64_t skb_vlan_push(uint64_t ctx, uint64_t proto, uint64_t tci, uint64_t, uint64_t, RunContext&) {
  SkBuff& skb = skb_of(ctx);
  auto wanted = static_cast<uint16_t>(proto);
  if (!is_vlan(wanted)) wanted = net::to_network(net::kEthVlan);
  if (skb.vlan_all != 0) {
    if (skb.len < net::kEthHeaderLen) return status(-ENOMEM);
    if (!write_tag(skb, skb.vlan_proto, skb.vlan_tci)) return status(-ENOMEM);
  }
  skb.vlan_proto = wanted;
  skb.vlan_tci = static_cast<uint16_t>(tci);
  skb.update_data_pointers();
  return 0;
}

uint64_t skb_vlan_pop(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  constexpr uint32_t kTagged = net::kEthHeaderLen + net::kVlanHeaderLen;
  SkBuff& skb = skb_of(ctx);
  if (skb.vlan_all == 0) {
    if (!is_vlan(skb.protocol)) return 0;
    if (skb.len < kTagged) return status(-ENOMEM);
    take_tag(skb);
  }
  skb.vlan_all = 0;
  if (is_vlan(skb.protocol)) {
    if (skb.len < kTagged) return status(-ENOMEM);
    take_tag(skb);
  }
  skb.update_data_pointers();
  return 0;
}

}  // namespace skep::helpers
