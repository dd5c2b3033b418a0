// Helpers on checksums.
#include <cerrno>
#include <cstring>

#include "abi/helper_ids.h"
#include "helpers/impl.h"
#include "net/checksum.h"
#include "net/sk_buff.h"

namespace skep::helpers {
namespace {

constexpr int kENotSupp = 524;
constexpr uint16_t kMangled = 0xffff;  // a UDP checksum of 0 is written like this

uint64_t status(int code) { return static_cast<uint64_t>(int64_t{code}); }
net::SkBuff& skb_of(uint64_t ctx) { return *reinterpret_cast<net::SkBuff*>(ctx); }

std::span<const std::byte> bytes_at(uint64_t address, uint64_t size) {
  return {reinterpret_cast<const std::byte*>(address), static_cast<uint32_t>(size)};
}

// The header checksum that `offset` names; null when it is odd or outside of the packet.
uint8_t* checksum_at(net::SkBuff& skb, uint64_t offset) {
  const auto at = static_cast<uint32_t>(offset);
  if (at > 0xffff || (at & 1) != 0 || at + 2 > skb.len) return nullptr;
  return skb.data + at;
}

uint16_t load16(const uint8_t* at) {
  uint16_t value;
  memcpy(&value, at, sizeof(value));
  return value;
}

// The checksum after `from` became `to`; size 0 means that `to` is a difference. -EINVAL for other sizes.
int replaced(uint16_t checksum, uint64_t from, uint64_t to, uint64_t size, uint16_t* result) {
  switch (size) {
    case 0:
      if (from != 0) return -EINVAL;
      *result = net::replace_by_difference(checksum, static_cast<uint32_t>(to));
      return 0;
    case 2:
      *result = net::replace_word16(checksum, static_cast<uint16_t>(from), static_cast<uint16_t>(to));
      return 0;
    case 4:
      *result = net::replace_word32(checksum, static_cast<uint32_t>(from), static_cast<uint32_t>(to));
      return 0;
    default:
      return -EINVAL;
  }
}

}  // namespace

uint64_t csum_diff(uint64_t from, uint64_t from_size, uint64_t to, uint64_t to_size, uint64_t seed,
                   RunContext&) {
  const auto start = static_cast<uint32_t>(seed);
  const uint32_t added = net::partial_sum(bytes_at(to, to_size), start);
  const uint32_t removed = net::partial_sum(bytes_at(from, from_size), 0);
  if (from_size != 0 && to_size != 0) return net::fold(net::subtract_sums(added, removed));
  if (to_size != 0) return net::fold(added);
  if (from_size != 0) return net::fold(~net::partial_sum(bytes_at(from, from_size), ~start));
  return net::fold(start);
}

uint64_t csum_update(uint64_t ctx, uint64_t csum, uint64_t, uint64_t, uint64_t, RunContext&) {
  net::SkBuff& skb = skb_of(ctx);
  if (skb.ip_summed != net::kChecksumComplete) return status(-kENotSupp);
  skb.csum = net::add_sums(skb.csum, static_cast<uint32_t>(csum));
  return skb.csum;
}

uint64_t csum_level(uint64_t ctx, uint64_t operation, uint64_t, uint64_t, uint64_t, RunContext&) {
  constexpr uint8_t kDeepest = 3;
  net::SkBuff& skb = skb_of(ctx);
  const bool known = skb.ip_summed == net::kChecksumUnnecessary;
  switch (operation) {
    case abi::BPF_CSUM_LEVEL_QUERY:
      return known ? skb.csum_level : status(-EACCES);
    case abi::BPF_CSUM_LEVEL_INC:
      if (known && skb.csum_level < kDeepest)
        ++skb.csum_level;
      else if (skb.ip_summed == net::kChecksumNone)
        skb.ip_summed = net::kChecksumUnnecessary, skb.csum_level = 0;
      return 0;
    case abi::BPF_CSUM_LEVEL_DEC:
      if (known && skb.csum_level == 0)
        skb.ip_summed = net::kChecksumNone;
      else if (known)
        --skb.csum_level;
      return 0;
    case abi::BPF_CSUM_LEVEL_RESET:
      if (known) skb.ip_summed = net::kChecksumNone, skb.csum_level = 0;
      return 0;
    default:
      return status(-EINVAL);
  }
}

uint64_t l3_csum_replace(uint64_t ctx, uint64_t offset, uint64_t from, uint64_t to, uint64_t flags,
                         RunContext&) {
  if ((flags & ~uint64_t{abi::BPF_F_HDR_FIELD_MASK}) != 0) return status(-EINVAL);
  uint8_t* at = checksum_at(skb_of(ctx), offset);
  if (at == nullptr) return status(-EFAULT);
  uint16_t result;
  const int error = replaced(load16(at), from, to, flags & abi::BPF_F_HDR_FIELD_MASK, &result);
  if (error == 0) memcpy(at, &result, sizeof(result));
  return status(error);
}

uint64_t l4_csum_replace(uint64_t ctx, uint64_t offset, uint64_t from, uint64_t to, uint64_t flags,
                         RunContext&) {
  constexpr uint64_t kKnown = abi::BPF_F_MARK_MANGLED_0 | abi::BPF_F_MARK_ENFORCE | abi::BPF_F_PSEUDO_HDR |
                              abi::BPF_F_HDR_FIELD_MASK | abi::BPF_F_IPV6;
  if ((flags & ~kKnown) != 0) return status(-EINVAL);
  uint8_t* at = checksum_at(skb_of(ctx), offset);
  if (at == nullptr) return status(-EFAULT);
  const bool zero_is_none = (flags & abi::BPF_F_MARK_MANGLED_0) != 0;
  if (zero_is_none && (flags & abi::BPF_F_MARK_ENFORCE) == 0 && load16(at) == 0) return 0;
  uint16_t result;
  const int error = replaced(load16(at), from, to, flags & abi::BPF_F_HDR_FIELD_MASK, &result);
  if (error != 0) return status(error);
  if (zero_is_none && result == 0) result = kMangled;
  memcpy(at, &result, sizeof(result));
  return 0;
}

}  // namespace skep::helpers
