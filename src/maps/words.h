// Copies of element keys and values, eight bytes at a time, as relaxed atomic accesses.
//
// Programs and other clients may write a value while it is copied, as on Linux: a copy can be torn between
// words, never within an aligned one, and the race is defined behaviour here.
// The shared side is 8-byte aligned and rounded up to 8 bytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace skep::maps {

inline uint64_t load_word(const uint64_t* shared) {
  return std::atomic_ref<uint64_t>(*const_cast<uint64_t*>(shared)).load(std::memory_order_relaxed);
}

inline void store_word(uint64_t* shared, uint64_t word) {
  std::atomic_ref<uint64_t>(*shared).store(word, std::memory_order_relaxed);
}

// Bytes after `size` in the last word become zero.
inline void copy_in(void* shared, const void* from, size_t size) {
  auto* words = static_cast<uint64_t*>(shared);
  const auto* bytes = static_cast<const std::byte*>(from);
  for (; size >= 8; size -= 8, bytes += 8) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    store_word(words++, word);
  }
  if (size == 0) return;
  uint64_t last = 0;
  std::memcpy(&last, bytes, size);
  store_word(words, last);
}

inline void copy_out(void* to, const void* shared, size_t size) {
  const auto* words = static_cast<const uint64_t*>(shared);
  auto* bytes = static_cast<std::byte*>(to);
  for (; size >= 8; size -= 8, bytes += 8) {
    const uint64_t word = load_word(words++);
    std::memcpy(bytes, &word, 8);
  }
  if (size == 0) return;
  const uint64_t last = load_word(words);
  std::memcpy(bytes, &last, size);
}

inline void clear_words(void* shared, size_t size) {
  auto* words = static_cast<uint64_t*>(shared);
  for (size_t i = 0; i < size / 8; ++i) store_word(words + i, 0);
}

}  // namespace skep::maps
