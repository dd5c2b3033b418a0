#include "net/headers.h"

#include <algorithm>
#include <cstring>

namespace skep::net {
namespace {

uint8_t packet_type(const uint8_t* destination) {
  if ((destination[0] & 1) == 0) {
    const bool ours = std::all_of(destination, destination + 6, [](uint8_t byte) { return byte == 0; });
    return ours ? kPacketHost : kPacketOtherHost;
  }
  return kPacketMulticast;  // loopback has no broadcast address
}

}  // namespace

EthernetType ethernet_type(const uint8_t* frame, uint32_t len) {
  uint16_t protocol;
  memcpy(&protocol, frame + 12, sizeof(protocol));
  const uint8_t type = packet_type(frame);
  if (from_network(protocol) >= kEthFirstType) return {protocol, type};
  // A length: Novell's raw frames start with two bytes of ones, anything else has an 802.2 header.
  const bool raw = len >= 16 && frame[14] == 0xff && frame[15] == 0xff;
  return {to_network(raw ? kEth8023 : kEth8022), type};
}

}  // namespace skep::net
