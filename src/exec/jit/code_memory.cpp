// How executable memory is found, filled and given back.
#include "exec/jit/code_memory.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/unique_fd.h"

namespace skep::exec::jit {
namespace {

constexpr size_t kPage = 4096;
constexpr std::byte kInt3{0xcc};
constexpr size_t kRegionBytes = size_t{256} << 20;
constexpr uintptr_t kReach = uintptr_t{1} << 31;

size_t round_to_pages(size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

// Address space close to this library's text, from which images are cut, so that calls into it are short.
// Inaccessible where no image lies. First fit over the free ranges, which merge when they touch.
class Region {
 public:
  static Region& instance() {
    static Region* region = new Region();  // outlives every image, also those dropped during exit
    return *region;
  }

  uintptr_t begin() const { return begin_; }
  uintptr_t end() const { return begin_ ? begin_ + kRegionBytes : 0; }

  // Null when the region is full or could not be had.
  std::byte* take(size_t bytes) {
    std::lock_guard lock(mutex_);
    auto fits = std::ranges::find_if(free_, [&](const Range& range) { return range.size >= bytes; });
    if (fits == free_.end()) return nullptr;
    auto* taken = reinterpret_cast<std::byte*>(fits->begin);
    fits->begin += bytes;
    fits->size -= bytes;
    if (fits->size == 0) free_.erase(fits);
    return taken;
  }

  void give_back(const std::byte* address, size_t bytes) {
    std::lock_guard lock(mutex_);
    Range freed{reinterpret_cast<uintptr_t>(address), bytes};
    auto next = std::ranges::lower_bound(free_, freed.begin, {}, &Range::begin);
    if (next != free_.end() && freed.begin + freed.size == next->begin) {
      freed.size += next->size;
      next = free_.erase(next);
    }
    if (next != free_.begin() && std::prev(next)->begin + std::prev(next)->size == freed.begin)
      std::prev(next)->size += freed.size;
    else
      free_.insert(next, freed);
  }

 private:
  struct Range {
    uintptr_t begin;
    size_t size;
  };

  // Half of the reach leaves room for the text itself. Elsewhere code works too, with longer calls.
  Region() {
    const uintptr_t text = reinterpret_cast<uintptr_t>(&round_to_pages) / kPage * kPage;
    for (uintptr_t distance = kRegionBytes * 2; distance < kReach / 2; distance += kRegionBytes) {
      if (distance > text) break;
      void* got = ::mmap(reinterpret_cast<void*>(text - distance), kRegionBytes, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
      if (got == MAP_FAILED) continue;
      own(got);
      return;
    }
    void* got = ::mmap(nullptr, kRegionBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (got != MAP_FAILED) own(got);
  }

  void own(void* address) {
    begin_ = reinterpret_cast<uintptr_t>(address);
    free_.push_back({begin_, kRegionBytes});
  }

  std::mutex mutex_;
  uintptr_t begin_ = 0;
  std::vector<Range> free_;  // by address, never touching
};

// Linux before 6.3 has no MFD_EXEC and answers EINVAL; there every memfd is executable.
UniqueFd make_code_file() {
  constexpr unsigned kMfdExec = 0x10;
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  UniqueFd fd(::memfd_create("skep-jit", kFlags | kMfdExec));
  if (!fd) fd.reset(::memfd_create("skep-jit", kFlags));
  return fd;
}

Status write_all(int fd, std::span<const std::byte> bytes, off_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fail(ENOMEM, "cannot write machine code");
    bytes = bytes.subspan(written);
    offset += written;
  }
  return {};
}

}  // namespace

CodeMemory::CodeMemory(CodeMemory&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      pages_bytes_(std::exchange(other.pages_bytes_, 0)) {}

CodeMemory& CodeMemory::operator=(CodeMemory&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(size_, other.size_);
  std::swap(pages_bytes_, other.pages_bytes_);
  return *this;
}

CodeMemory::~CodeMemory() {
  if (!base_) return;
  // Mapping over it, not unmapping: the region must not be given to anyone else in between.
  void* pages = const_cast<std::byte*>(base_);
  SKEP_CHECK(::mmap(pages, pages_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
                    -1, 0) == pages);
  Region::instance().give_back(base_ - kPage, pages_bytes_ + 2 * kPage);
}

Result<CodeMemory> CodeMemory::reserve(size_t bytes) {
  CodeMemory memory;
  const size_t pages_bytes = round_to_pages(std::max<size_t>(bytes, 1));
  std::byte* start = Region::instance().take(pages_bytes + 2 * kPage);
  if (!start) return fail(ENOMEM, "no address space for machine code");
  memory.base_ = start + kPage;
  memory.size_ = bytes;
  memory.pages_bytes_ = pages_bytes;
  return memory;
}

Status CodeMemory::seal(std::span<const std::byte> code) {
  SKEP_CHECK(code.size() <= size_);
  size_ = code.size();
  const UniqueFd fd = make_code_file();
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(pages_bytes_)) != 0)
    return fail(ENOMEM, "cannot make a file for machine code");
  std::byte padding[kPage];
  std::ranges::fill(padding, kInt3);
  SKEP_TRY(write_all(fd.get(), code, 0));
  for (size_t at = code.size(); at < pages_bytes_;) {
    const size_t count = std::min(kPage, pages_bytes_ - at);
    SKEP_TRY(write_all(fd.get(), std::span(padding).first(count), static_cast<off_t>(at)));
    at += count;
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return fail(ENOMEM, "cannot seal machine code");
  // A shared mapping of a sealed file can never become writable; Linux before 6.7 has only private ones of
  // it.
  void* pages = const_cast<std::byte*>(base_);
  for (const int sharing : {MAP_SHARED, MAP_PRIVATE})
    if (::mmap(pages, pages_bytes_, PROT_READ | PROT_EXEC, sharing | MAP_FIXED | MAP_POPULATE, fd.get(), 0) ==
        pages)
      return {};
  return fail(ENOMEM, "cannot map machine code");
}

bool in_near_reach(const void* target) {
  const Region& region = Region::instance();
  const auto address = reinterpret_cast<uintptr_t>(target);
  const auto distance = [&](uintptr_t from) { return from > address ? from - address : address - from; };
  return region.begin() != 0 && distance(region.begin()) < kReach && distance(region.end()) < kReach;
}

}  // namespace skep::exec::jit
