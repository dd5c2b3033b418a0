#include "helpers/memory_access.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "maps/visible_memory.h"

namespace skep::helpers {
namespace {

constexpr uint64_t kUserEnd = uint64_t{1} << 47;
constexpr uint64_t kPage = 4096;

bool within(uint64_t address, uint64_t size, uint64_t begin, uint64_t end) {
  return address >= begin && address <= end && size <= end - address;
}

// The frames of the program itself lie on the runner's stack between this function's frame and the
// RunContext.
[[gnu::noinline]] bool in_frames(const RunContext& run, uint64_t address, uint64_t size) {
  const auto here = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
  return within(address, size, here, reinterpret_cast<uint64_t>(&run));
}

// What the virtual kernel shows: its exports, the program's frames, the memory of maps.
bool read_own(const RunContext& run, uint64_t address, std::span<std::byte> out) {
  const auto begin = reinterpret_cast<uint64_t>(run.exported_begin);
  const auto end = reinterpret_cast<uint64_t>(run.exported_end);
  const bool exported = begin != end && within(address, out.size(), begin, end);
  if (!exported && !in_frames(run, address, out.size())) return maps::visible_memory::read(address, out);
  memcpy(out.data(), reinterpret_cast<const void*>(address), out.size());
  return true;
}

bool read_task(RunContext& run, uint64_t address, std::span<std::byte> out) {
  if (address >= kUserEnd || out.size() > kUserEnd - address) return false;
  return run.env->read_user(address, out).has_value();
}

}  // namespace

bool read_memory(RunContext& run, AddressSpace space, uint64_t address, std::span<std::byte> out) {
  if (out.empty()) return true;
  // What we show is our own memory, so its addresses look like user addresses: it goes first.
  if (space != AddressSpace::kUser && read_own(run, address, out)) return true;
  return space != AddressSpace::kKernel && read_task(run, address, out);
}

int64_t read_string(RunContext& run, AddressSpace space, uint64_t address, std::span<std::byte> out) {
  constexpr size_t kStep = 256;
  size_t done = 0;
  while (done < out.size()) {
    // Not across a page at once: the next one may be missing behind the string's end.
    const uint64_t at = address + done;
    size_t step = std::min<size_t>({out.size() - done, kPage - at % kPage, kStep});
    if (space != AddressSpace::kUser && in_frames(run, at, 1)) step = 1;
    while (!read_memory(run, space, at, out.subspan(done, step))) {
      if (step == 1) return -EFAULT;
      step /= 2;
    }
    if (const void* zero = memchr(out.data() + done, 0, step))
      return static_cast<const std::byte*>(zero) - out.data() + 1;
    done += step;
  }
  if (out.empty()) return 0;
  out.back() = std::byte{0};
  return static_cast<int64_t>(out.size());
}

}  // namespace skep::helpers
