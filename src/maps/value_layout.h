// ValueLayout: copies of one value in and out of a map, around its special fields (locks, timers, kernel
// pointers).
//
// bpf(2) and bpf_map_update_elem never see or change a special field: copies in leave it as it is, copies out
// show zeroes. The shared side is 8-byte aligned, rounded up to 8 bytes and written as in words.h.
#pragma once

#include <vector>

#include "maps/map.h"
#include "maps/words.h"

namespace skep::maps {

// The lock word of a bpf_spin_lock inside a value: what bpf_spin_lock and BPF_F_LOCK take. 0: free.
void lock_word_acquire(uint32_t* word) noexcept;
void lock_word_release(uint32_t* word) noexcept;

class ValueLayout {
 public:
  explicit ValueLayout(const MapSpec& spec);

  void copy_in(std::byte* shared, const void* from) const noexcept {
    if (plain_) return maps::copy_in(shared, from, size_);
    copy_in_around(shared, static_cast<const std::byte*>(from));
  }
  void copy_out(void* to, const std::byte* shared) const noexcept {
    if (plain_) return maps::copy_out(to, shared, size_);
    copy_out_around(static_cast<std::byte*>(to), shared);
  }
  // The same with the bytes after the value, up to a multiple of 8, as the per-CPU types carry them.
  void copy_in_slot(std::byte* shared, const std::byte* from) const noexcept {
    plain_ ? maps::copy_in(shared, from, slot_) : copy_in_around(shared, from);
  }
  void copy_out_slot(std::byte* to, const std::byte* shared) const noexcept {
    plain_ ? maps::copy_out(to, shared, slot_) : copy_out_around(to, shared);
  }
  // The same while the value's lock is held (BPF_F_LOCK); only with has_lock().
  void copy_in_locked(std::byte* shared, const void* from) const noexcept;
  void copy_out_locked(void* to, const std::byte* shared) const noexcept;
  // Special fields of memory that becomes a new element.
  void clear_fields(std::byte* shared) const noexcept;

  bool has_lock() const { return lock_offset_ >= 0; }

 private:
  struct Range {
    uint32_t begin, size;
  };

  void copy_in_around(std::byte* shared, const std::byte* from) const noexcept;
  void copy_out_around(std::byte* to, const std::byte* shared) const noexcept;
  uint32_t* lock_of(const std::byte* shared) const noexcept;

  const uint32_t size_;  // of the value, in bytes
  const uint32_t slot_;  // rounded up to 8
  const bool plain_;     // no special fields
  int64_t lock_offset_ = -1;
  std::vector<Range> data_, fields_;  // by rising offset; together the whole value
};

}  // namespace skep::maps
