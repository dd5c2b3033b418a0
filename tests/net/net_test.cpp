// Packet buffers and checksums.
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "net/checksum.h"
#include "net/headers.h"
#include "net/sk_buff.h"

namespace skep::net {
namespace {

std::span<const std::byte> bytes(std::span<const uint8_t> from) { return std::as_bytes(from); }

TEST(Checksum, IsThatOfRfc1071) {
  // The example of section 3: the words 0001 f203 f4f5 f6f7 sum to ddf2 in network order.
  const std::array<uint8_t, 8> data = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(from_network(fold(partial_sum(bytes(data), 0))), 0xddf2);
}

TEST(Checksum, OfAnIpHeaderWithItsChecksumIsZero) {
  // RFC 791: the checksum field makes the header's sum complement to zero.
  const std::array<uint8_t, 20> header = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                                          0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
  EXPECT_EQ(finish(partial_sum(bytes(header), 0)), 0);
}

TEST(Checksum, IncrementalUpdateEqualsAFreshOne) {
  std::array<uint8_t, 20> header = {0x45, 0x00, 0x00, 0x73, 0x12, 0x34, 0x40, 0x00, 0x40, 0x11,
                                    0x00, 0x00, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
  const uint16_t before = finish(partial_sum(bytes(header), 0));
  uint32_t from, to = 0x0a0b0c0d;
  memcpy(&from, header.data() + 12, 4);
  memcpy(header.data() + 12, &to, 4);
  EXPECT_EQ(replace_word32(before, from, to), finish(partial_sum(bytes(header), 0)));
}

TEST(PacketBuffer, KeepsItsBytesWhenItMoves) {
  std::array<uint8_t, 60> data;
  for (size_t index = 0; index < data.size(); ++index) data[index] = static_cast<uint8_t>(index);
  auto packet = PacketBuffer::make(bytes(data), 64, 320).value();
  packet->mac_header = static_cast<uint16_t>(packet->headroom());
  packet->shared().gso_segs = 9;
  ASSERT_TRUE(ensure_headroom(*packet, 1000));
  ASSERT_TRUE(ensure_tailroom(*packet, 5000));
  EXPECT_GE(packet->headroom(), 1000u);
  EXPECT_GE(packet->tailroom(), 5000u);
  EXPECT_EQ(packet->shared().gso_segs, 9);
  EXPECT_EQ(packet->mac(), packet->data);
  EXPECT_EQ(memcmp(packet->data, data.data(), data.size()), 0);
  EXPECT_EQ(packet->cb.data_end, packet->data + data.size());
}

TEST(EthernetType, TellsLengthsFromTypes) {
  std::array<uint8_t, 20> frame{};
  frame[12] = 0x08;
  EXPECT_EQ(ethernet_type(frame.data(), frame.size()).protocol, to_network(kEthIp));
  frame[12] = 0x00;
  EXPECT_EQ(ethernet_type(frame.data(), frame.size()).protocol, to_network(kEth8022));
  frame[14] = frame[15] = 0xff;
  EXPECT_EQ(ethernet_type(frame.data(), frame.size()).protocol, to_network(kEth8023));
  frame[0] = 2;
  EXPECT_EQ(ethernet_type(frame.data(), frame.size()).packet_type, kPacketOtherHost);
}

}  // namespace
}  // namespace skep::net
