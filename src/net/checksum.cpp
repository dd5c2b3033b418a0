#include "net/checksum.h"

#include <cstring>

namespace skep::net {

uint32_t add_sums(uint32_t a, uint32_t b) {
  const uint64_t sum = uint64_t{a} + b;
  return static_cast<uint32_t>(sum) + static_cast<uint32_t>(sum >> 32);
}

uint32_t subtract_sums(uint32_t a, uint32_t b) { return add_sums(a, ~b); }

uint32_t partial_sum(std::span<const std::byte> bytes, uint32_t sum) {
  size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    uint32_t word;
    memcpy(&word, bytes.data() + at, sizeof(word));
    sum = add_sums(sum, word);
  }
  uint32_t rest = 0;
  if (at < bytes.size()) memcpy(&rest, bytes.data() + at, bytes.size() - at);
  return add_sums(sum, rest);
}

uint16_t fold(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

uint16_t replace_by_difference(uint16_t checksum, uint32_t diff) {
  return finish(add_sums(diff, static_cast<uint16_t>(~checksum)));
}

uint16_t replace_word16(uint16_t checksum, uint16_t from, uint16_t to) {
  uint32_t sum = static_cast<uint16_t>(~checksum);
  sum = add_sums(sum, static_cast<uint16_t>(~from));
  return finish(add_sums(sum, to));
}

uint16_t replace_word32(uint16_t checksum, uint32_t from, uint32_t to) {
  const uint32_t sum = subtract_sums(static_cast<uint16_t>(~checksum), from);
  return finish(add_sums(sum, to));
}

}  // namespace skep::net
