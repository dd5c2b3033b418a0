// What packets start with: the few header facts that hooks and helpers need.
#pragma once

#include <bit>
#include <cstdint>

namespace skep::net {

constexpr uint16_t swap16(uint16_t value) { return static_cast<uint16_t>(value << 8 | value >> 8); }
constexpr uint16_t to_network(uint16_t value) {
  return std::endian::native == std::endian::little ? swap16(value) : value;
}
constexpr uint16_t from_network(uint16_t value) { return to_network(value); }

inline constexpr uint16_t kEthIp = 0x0800, kEthIpv6 = 0x86dd, kEthVlan = 0x8100, kEthVlanService = 0x88a8;
inline constexpr uint16_t kEthFirstType = 0x0600;  // smaller values are a length (802.3)
inline constexpr uint16_t kEth8022 = 4, kEth8023 = 1;
inline constexpr uint32_t kIpHeaderLen = 20, kIpv6HeaderLen = 40;
inline constexpr uint32_t kIpSource = 12, kIpDestination = 16;  // offsets of the addresses
inline constexpr uint32_t kIpv6Source = 8, kIpv6Destination = 24;

// PACKET_*: for whom a packet is.
inline constexpr uint8_t kPacketHost = 0, kPacketBroadcast = 1, kPacketMulticast = 2, kPacketOtherHost = 3;

// Type of an Ethernet frame (network order) and whom it is for, given the device's address of zeroes.
struct EthernetType {
  uint16_t protocol;
  uint8_t packet_type;
};
EthernetType ethernet_type(const uint8_t* frame, uint32_t len);

}  // namespace skep::net
