// RingBufMap: records from programs to clients, through memory that clients map.
//
// The memfd, as libbpf maps it (offset 0: one page read-write; offset one page: the rest, read-only):
//
//   0              page            2 pages             2 pages + size        2 pages + 2 * size
//   +--------------+---------------+-------------------+---------------------+
//   | consumer pos | producer pos  | data              | data, second copy   |
//   +--------------+---------------+-------------------+---------------------+
//
// Linux maps the same pages twice, so that a record is contiguous; a file cannot. A client reads a record at
// data + (position & mask), so only what a record writes past the end of the first copy must also stand at
// the start of the second: commit copies it there before it clears the busy bit. We ourselves map the first
// copy twice, so programs write contiguously.
//
// What clients can write is never believed. The producer position and the length of each record live in our
// own memory; a record's header is written and never read back; the consumer position is bounds-checked by
// the same comparison that tells whether the ring is full, and the oldest uncommitted record bounds it once
// more.
#pragma once

#include <mutex>

#include "base/unique_fd.h"
#include "maps/map.h"
#include "maps/memory.h"

namespace skep::maps {

class RingBufMap final : public Map {
 public:
  static Result<Ref<RingBufMap>> make(const MapSpec& spec, const MapTypeRow& row);
  ~RingBufMap() override;

  // --- program face: inside an RCU read section, any thread -----------------------------------------------
  // `size` bytes for the program to fill, 8-byte aligned; null when there is no room or flags are given.
  void* reserve(uint64_t size, uint64_t flags) noexcept;
  // For records of any ring: a program gives only the record's address. Unknown flags are ignored, as on
  // Linux.
  static void submit(void* record, uint64_t flags) noexcept;
  static void discard(void* record, uint64_t flags) noexcept;
  // 0, -EINVAL (flags), -EAGAIN (no room).
  int output(const void* data, uint64_t size, uint64_t flags) noexcept;
  uint64_t query(uint64_t what) const noexcept;  // BPF_RB_*; 0 for anything else

  // --- syscall face: there are no elements ----------------------------------------------------------------
  int sys_lookup(std::span<const std::byte>, std::span<std::byte>, uint64_t) override { return -kENotSupp; }
  int sys_update(std::span<const std::byte>, std::span<const std::byte>, uint64_t) override {
    return -kENotSupp;
  }
  int sys_delete(std::span<const std::byte>) override { return -kENotSupp; }
  Result<Mapping> mapping() override;
  uint64_t memory_usage() const override;

  // Whether poll(2) on the map answers EPOLLIN.
  bool readable() const noexcept;
  // Called by committing threads whenever Linux would wake those who poll the map; must not block. A call may
  // still arrive while the hook is replaced, none after the grace period that follows.
  void set_wakeup(std::function<void()> wakeup);
  // Takes the wakeup hook over. When the ring holds data already the fd is readable at once.
  Result<int> wakeup_fd() override;

 private:
  RingBufMap(const MapSpec& spec, const MapTypeRow& row, UniqueFd fd, std::byte* window, Memory lengths);

  static void commit(void* record, uint64_t flags, bool discarded) noexcept;
  void commit_at(uint64_t offset, uint64_t flags, bool discarded) noexcept;

  uint64_t consumer_position() const noexcept;
  void skip_committed() noexcept;
  std::atomic<uint32_t>& length_at(uint64_t position) const noexcept;
  void write_header(uint64_t offset, uint32_t length) noexcept;

  const uint64_t size_;
  UniqueFd fd_;
  std::byte* const window_;       // consumer page, producer page, data, data again
  std::byte* const data_;         // in window_
  std::byte* const second_copy_;  // the second copy as clients see it
  Memory lengths_;                // one word for each 8 bytes of data: what the header there says

  std::atomic<bool> locked_{false};
  std::atomic<uint64_t> producer_position_{0};  // written under locked_
  uint64_t pending_position_ = 0;               // of the oldest record not committed; under locked_
  std::atomic<std::function<void()>*> wakeup_{nullptr};
  std::mutex wakeup_fd_mutex_;
  UniqueFd wakeup_fd_;
};

}  // namespace skep::maps
