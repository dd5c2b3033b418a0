// The Internet checksum (RFC 1071) and its incremental update (RFC 1624). A partial sum is 32 bits in host
// order of 16-bit words in network order, as Linux's __wsum; a folded one is what stands in a header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace skep::net {

uint32_t partial_sum(std::span<const std::byte> bytes, uint32_t sum);
uint32_t add_sums(uint32_t a, uint32_t b);
uint32_t subtract_sums(uint32_t a, uint32_t b);
uint16_t fold(uint32_t sum);  // 16 bits, not complemented
inline uint16_t finish(uint32_t sum) { return static_cast<uint16_t>(~fold(sum)); }

// The header checksum after a difference of `diff`, or after a word changed.
uint16_t replace_by_difference(uint16_t checksum, uint32_t diff);
uint16_t replace_word16(uint16_t checksum, uint16_t from, uint16_t to);
uint16_t replace_word32(uint16_t checksum, uint32_t from, uint32_t to);

}  // namespace skep::net
