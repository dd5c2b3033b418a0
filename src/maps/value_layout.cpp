#include "maps/value_layout.h"

#include <sched.h>

#include <algorithm>

#include "maps/rules.h"

namespace skep::maps {
namespace {

constexpr int kSpinsBeforeYield = 50;

// Special fields begin and end at multiples of 4, so what lies between them is made of whole and half words;
// a range ends elsewhere only with the value, whose last word is the map's own.
template <class Step>
void in_pieces(uint32_t begin, uint32_t size, Step step) {
  for (uint32_t at = begin, end = begin + size; at < end;) {
    const uint32_t piece = at % 8 == 0 && end - at >= 8 ? 8 : 4;
    step(at, piece, std::min(piece, end - at));
    at += piece;
  }
}

void store_half(std::byte* shared, uint32_t half) {
  std::atomic_ref(*reinterpret_cast<uint32_t*>(shared)).store(half, std::memory_order_relaxed);
}
uint32_t load_half(const std::byte* shared) {
  auto* half = reinterpret_cast<uint32_t*>(const_cast<std::byte*>(shared));
  return std::atomic_ref(*half).load(std::memory_order_relaxed);
}

}  // namespace

void lock_word_acquire(uint32_t* word) noexcept {
  std::atomic_ref lock(*word);
  for (int tries = 0; lock.exchange(1, std::memory_order_acquire) != 0; ++tries)
    if (tries > kSpinsBeforeYield) sched_yield();
}

void lock_word_release(uint32_t* word) noexcept {
  std::atomic_ref(*word).store(0, std::memory_order_release);
}

ValueLayout::ValueLayout(const MapSpec& spec)
    : size_(spec.value_size),
      slot_(static_cast<uint32_t>(round_up(spec.value_size, 8))),
      plain_(spec.fields.empty()) {
  uint32_t at = 0;
  for (const btf::Field& field : spec.fields.fields) {
    if (field.offset > at) data_.push_back({at, field.offset - at});
    fields_.push_back({field.offset, field.size});
    at = field.offset + field.size;
    if (field.kind == btf::kSpinLock) lock_offset_ = field.offset;
  }
  if (at < size_) data_.push_back({at, size_ - at});
}

void ValueLayout::copy_in_around(std::byte* shared, const std::byte* from) const noexcept {
  for (const Range& range : data_)
    in_pieces(range.begin, range.size, [&](uint32_t at, uint32_t piece, uint32_t bytes) {
      uint64_t word = 0;
      std::memcpy(&word, from + at, bytes);
      if (piece == 8) return store_word(reinterpret_cast<uint64_t*>(shared + at), word);
      store_half(shared + at, static_cast<uint32_t>(word));
    });
}

void ValueLayout::copy_out_around(std::byte* to, const std::byte* shared) const noexcept {
  for (const Range& range : data_)
    in_pieces(range.begin, range.size, [&](uint32_t at, uint32_t piece, uint32_t bytes) {
      const uint64_t word =
          piece == 8 ? load_word(reinterpret_cast<const uint64_t*>(shared + at)) : load_half(shared + at);
      std::memcpy(to + at, &word, bytes);
    });
  for (const Range& field : fields_) std::memset(to + field.begin, 0, field.size);
}

uint32_t* ValueLayout::lock_of(const std::byte* shared) const noexcept {
  return reinterpret_cast<uint32_t*>(const_cast<std::byte*>(shared) + lock_offset_);
}

void ValueLayout::copy_in_locked(std::byte* shared, const void* from) const noexcept {
  lock_word_acquire(lock_of(shared));
  copy_in(shared, from);
  lock_word_release(lock_of(shared));
}

void ValueLayout::copy_out_locked(void* to, const std::byte* shared) const noexcept {
  lock_word_acquire(lock_of(shared));
  copy_out(to, shared);
  lock_word_release(lock_of(shared));
}

void ValueLayout::clear_fields(std::byte* shared) const noexcept {
  for (const Range& field : fields_)
    in_pieces(field.begin, field.size, [&](uint32_t at, uint32_t piece, uint32_t) {
      if (piece == 8) return store_word(reinterpret_cast<uint64_t*>(shared + at), 0);
      store_half(shared + at, 0);
    });
}

}  // namespace skep::maps
