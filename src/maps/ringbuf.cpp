#include "maps/ringbuf.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "abi/bpf.h"
#include "base/rcu.h"
#include "maps/factories.h"
#include "maps/ring_registry.h"
#include "maps/rules.h"
#include "maps/spin_lock.h"

namespace skep::maps {
namespace {

constexpr uint64_t kMaxRecord = UINT32_MAX / 4;
// Where Linux's data area begins, in pages from its control block: part of the second header word.
constexpr uint32_t kKernelDataPage = 3;

constexpr uint64_t record_bytes(uint32_t length) {
  const uint32_t payload = length & ~(abi::BPF_RINGBUF_BUSY_BIT | abi::BPF_RINGBUF_DISCARD_BIT);
  return round_up(uint64_t{payload} + abi::BPF_RINGBUF_HDR_SZ, 8);
}

// A mapping of a part of the file at a fixed place inside the window.
bool map_part(std::byte* at, uint64_t bytes, int fd, uint64_t offset) {
  return mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, static_cast<off_t>(offset)) !=
         MAP_FAILED;
}

// [consumer, producer, data, data again], then the file's second copy; null when memory is short.
std::byte* map_window(int fd, uint64_t size) {
  const uint64_t head = 2 * page_size();
  void* reserved =
      mmap(nullptr, head + 3 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return nullptr;
  auto* window = static_cast<std::byte*>(reserved);
  if (map_part(window, head + size, fd, 0) && map_part(window + head + size, size, fd, head) &&
      map_part(window + head + 2 * size, size, fd, head + size))
    return window;
  munmap(window, head + 3 * size);
  return nullptr;
}

uint64_t* position_in(std::byte* page) { return reinterpret_cast<uint64_t*>(page); }

}  // namespace

Result<Ref<Map>> create_ringbuf(const MapSpec& spec, const MapTypeRow& row) {
  if (spec.flags & ~abi::BPF_F_NUMA_NODE) return fail(EINVAL);
  if (spec.key_size != 0 || spec.value_size != 0 || !std::has_single_bit(spec.max_entries) ||
      spec.max_entries % page_size() != 0)
    return fail(EINVAL);
  return RingBufMap::make(spec, row);
}

Result<Ref<RingBufMap>> RingBufMap::make(const MapSpec& spec, const MapTypeRow& row) {
  const uint64_t size = spec.max_entries;
  UniqueFd fd = SKEP_TRY(make_memfd("bpf-ringbuf:" + spec.name, 2 * page_size() + 2 * size));
  Memory lengths = SKEP_TRY(Memory::anonymous(size / 8 * sizeof(uint32_t)));
  std::byte* window = map_window(fd.get(), size);
  if (window == nullptr) return fail(ENOMEM);
  // No client may seal the file against the others.
  if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL) != 0) return fail_last();
  auto* ring = new RingBufMap(spec, row, std::move(fd), window, std::move(lengths));
  register_ring(ring, ring->data_, ring->data_ + 2 * size);
  return Ref<RingBufMap>::adopt(ring);
}

RingBufMap::RingBufMap(const MapSpec& spec, const MapTypeRow& row, UniqueFd fd, std::byte* window,
                       Memory lengths)
    : Map(spec, row),
      size_(spec.max_entries),
      fd_(std::move(fd)),
      window_(window),
      data_(window + 2 * page_size()),
      second_copy_(data_ + 2 * size_),
      lengths_(std::move(lengths)) {}

RingBufMap::~RingBufMap() {
  unregister_ring(data_);
  munmap(window_, 2 * page_size() + 3 * size_);
  delete wakeup_.load();
}

uint64_t RingBufMap::consumer_position() const noexcept {
  return std::atomic_ref(*position_in(window_)).load(std::memory_order_acquire);
}

std::atomic<uint32_t>& RingBufMap::length_at(uint64_t position) const noexcept {
  return reinterpret_cast<std::atomic<uint32_t>*>(lengths_.data())[(position & (size_ - 1)) / 8];
}

// Both words of a header at once: a client sees the old header or the new one.
void RingBufMap::write_header(uint64_t offset, uint32_t length) noexcept {
  const uint64_t page = kKernelDataPage + offset / page_size();
  std::atomic_ref(*position_in(data_ + offset)).store(page << 32 | length, std::memory_order_release);
}

void RingBufMap::skip_committed() noexcept {
  const uint64_t end = producer_position_.load(std::memory_order_relaxed);
  while (pending_position_ < end) {
    const uint32_t length = length_at(pending_position_).load(std::memory_order_acquire);
    if (length & abi::BPF_RINGBUF_BUSY_BIT) return;
    pending_position_ += record_bytes(length);
  }
}

// Linux: __bpf_ringbuf_reserve. Neither what the client has not read nor what is not committed yet is
// overwritten, whatever the client says it has read.
void* RingBufMap::reserve(uint64_t size, uint64_t flags) noexcept {
  if (flags != 0 || size > kMaxRecord) return nullptr;
  const uint64_t bytes = round_up(size + abi::BPF_RINGBUF_HDR_SZ, 8);
  if (bytes > size_) return nullptr;
  const uint64_t consumer = consumer_position();

  SpinGuard guard(locked_);
  skip_committed();
  const uint64_t position = producer_position_.load(std::memory_order_relaxed);
  const uint64_t end = position + bytes;
  if (end - consumer > size_ - 1 || end - pending_position_ > size_ - 1) return nullptr;

  const uint32_t length = static_cast<uint32_t>(size) | abi::BPF_RINGBUF_BUSY_BIT;
  const uint64_t offset = position & (size_ - 1);
  length_at(position).store(length, std::memory_order_relaxed);
  write_header(offset, length);
  producer_position_.store(end, std::memory_order_release);
  std::atomic_ref(*position_in(window_ + page_size())).store(end, std::memory_order_release);
  return data_ + offset + abi::BPF_RINGBUF_HDR_SZ;
}

void RingBufMap::commit_at(uint64_t offset, uint64_t flags, bool discarded) noexcept {
  std::atomic<uint32_t>& shadow = length_at(offset);
  uint32_t length = shadow.load(std::memory_order_relaxed) & ~abi::BPF_RINGBUF_BUSY_BIT;
  const uint64_t end = offset + abi::BPF_RINGBUF_HDR_SZ + length;
  if (discarded)
    length |= abi::BPF_RINGBUF_DISCARD_BIT;
  else if (end > size_)
    std::memcpy(second_copy_, data_, end - size_);
  write_header(offset, length);
  shadow.store(length, std::memory_order_release);  // from here on the space may be reserved again

  // A client that has read everything before this record may be asleep.
  const bool caught_up = (consumer_position() & (size_ - 1)) == offset;
  if ((flags & abi::BPF_RB_FORCE_WAKEUP) || (caught_up && !(flags & abi::BPF_RB_NO_WAKEUP)))
    if (auto* wakeup = wakeup_.load(std::memory_order_acquire)) (*wakeup)();
}

void RingBufMap::commit(void* record, uint64_t flags, bool discarded) noexcept {
  RcuReadSection section;
  auto* header = static_cast<std::byte*>(record) - abi::BPF_RINGBUF_HDR_SZ;
  if (RingBufMap* ring = ring_of(header))
    ring->commit_at(static_cast<uint64_t>(header - ring->data_), flags, discarded);
}

void RingBufMap::submit(void* record, uint64_t flags) noexcept { commit(record, flags, false); }
void RingBufMap::discard(void* record, uint64_t flags) noexcept { commit(record, flags, true); }

int RingBufMap::output(const void* data, uint64_t size, uint64_t flags) noexcept {
  if (flags & ~(abi::BPF_RB_NO_WAKEUP | abi::BPF_RB_FORCE_WAKEUP)) return -EINVAL;
  void* record = reserve(size, 0);
  if (record == nullptr) return -EAGAIN;
  std::memcpy(record, data, size);
  submit(record, flags);
  return 0;
}

uint64_t RingBufMap::query(uint64_t what) const noexcept {
  const uint64_t produced = producer_position_.load(std::memory_order_acquire);
  switch (what) {
    case abi::BPF_RB_AVAIL_DATA:
      return produced - consumer_position();
    case abi::BPF_RB_RING_SIZE:
      return size_;
    case abi::BPF_RB_CONS_POS:
      return consumer_position();
    case abi::BPF_RB_PROD_POS:
      return produced;
    default:
      return 0;
  }
}

bool RingBufMap::readable() const noexcept { return query(abi::BPF_RB_AVAIL_DATA) != 0; }

void RingBufMap::set_wakeup(std::function<void()> wakeup) {
  auto* old = wakeup_.exchange(wakeup ? new std::function<void()>(std::move(wakeup)) : nullptr);
  if (old != nullptr) rcu_defer([old] { delete old; });
}

Result<int> RingBufMap::wakeup_fd() {
  std::lock_guard lock(wakeup_fd_mutex_);
  if (!wakeup_fd_) {
    wakeup_fd_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wakeup_fd_) return fail_last();
    set_wakeup([fd = wakeup_fd_.get()] {
      // Emptied first, so that the counter never gets full; each write is one event for edge-triggered
      // waiters.
      eventfd_t count;
      (void)eventfd_read(fd, &count);
      (void)eventfd_write(fd, 1);
    });
    if (readable()) (void)eventfd_write(wakeup_fd_.get(), 1);
  }
  return wakeup_fd_.get();
}

Result<Mapping> RingBufMap::mapping() {
  return Mapping{.fd = fd_.get(), .size = 2 * page_size() + 2 * size_, .writable = true};
}

// Linux keeps two page pointers for each page of data.
uint64_t RingBufMap::memory_usage() const {
  return kRingBufOverhead + size_ + size_ / page_size() * 2 * sizeof(void*);
}

}  // namespace skep::maps
