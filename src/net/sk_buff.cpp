#include "net/sk_buff.h"

#include <cstring>
#include <new>

#include "base/check.h"

namespace skep::net {
namespace {

constexpr uint32_t kAlignment = 64;
constexpr uint32_t aligned(uint32_t bytes) { return (bytes + kAlignment - 1) & ~(kAlignment - 1); }

uint8_t* allocate(uint32_t end) { return new (std::nothrow) uint8_t[end + sizeof(SharedInfo)](); }

void shift(uint16_t& header, uint32_t bytes) {
  if (header != kNoHeader) header = static_cast<uint16_t>(header + bytes);
}

}  // namespace

Result<std::unique_ptr<PacketBuffer>> PacketBuffer::make(std::span<const std::byte> data, uint32_t headroom,
                                                         uint32_t tailroom) {
  auto packet = std::make_unique<PacketBuffer>();
  const auto length = static_cast<uint32_t>(data.size());
  packet->end = aligned(headroom + length + tailroom);
  packet->memory_.reset(allocate(packet->end));
  if (!packet->memory_) return fail(ENOMEM);
  packet->head = packet->memory_.get();
  packet->data = packet->head + headroom;
  packet->tail = headroom + length;
  packet->len = length;
  if (length != 0) memcpy(packet->data, data.data(), length);
  new (packet->head + packet->end) SharedInfo();
  packet->update_data_pointers();
  return packet;
}

bool PacketBuffer::expand(uint32_t more_headroom, uint32_t more_tailroom) {
  const uint32_t before = headroom();
  const uint32_t new_end = aligned(end + more_headroom + more_tailroom);
  std::unique_ptr<uint8_t[]> moved(allocate(new_end));
  if (!moved) return false;
  memcpy(moved.get() + more_headroom, head, tail);
  memcpy(moved.get() + new_end, head + end, sizeof(SharedInfo));
  memory_ = std::move(moved);
  head = memory_.get();
  data = head + before + more_headroom;
  tail += more_headroom;
  end = new_end;
  for (uint16_t* header : {&mac_header, &network_header, &transport_header}) shift(*header, more_headroom);
  update_data_pointers();
  return true;
}

void push(SkBuff& skb, uint32_t bytes) {
  SKEP_CHECK(bytes <= skb.headroom());
  skb.data -= bytes;
  skb.len += bytes;
}

void pull(SkBuff& skb, uint32_t bytes) {
  SKEP_CHECK(bytes <= skb.len);
  skb.data += bytes;
  skb.len -= bytes;
}

void put(SkBuff& skb, uint32_t bytes) {
  SKEP_CHECK(bytes <= skb.tailroom());
  skb.tail += bytes;
  skb.len += bytes;
}

void trim(SkBuff& skb, uint32_t len) {
  SKEP_CHECK(len <= skb.len);
  skb.tail -= skb.len - len;
  skb.len = len;
}

bool ensure_headroom(SkBuff& skb, uint32_t bytes) {
  return skb.headroom() >= bytes || PacketBuffer::of(skb).expand(bytes, 0);
}

bool ensure_tailroom(SkBuff& skb, uint32_t bytes) {
  return skb.tailroom() >= bytes || PacketBuffer::of(skb).expand(0, bytes);
}

}  // namespace skep::net
