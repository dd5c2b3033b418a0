#include "helpers/memory_access.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace skep::helpers {
namespace {

constexpr uint64_t kUserEnd = uint64_t{1} << 47;
constexpr uint64_t kPage = 4096;

bool within(uint64_t address, uint64_t size, uint64_t begin, uint64_t end) {
  return address >= begin && address <= end && size <= end - address;
}

// What the virtual kernel shows: its exports, and the frames of the program itself, which lie on the runner's
// stack between this helper's frame and the RunContext.
bool is_exported(const RunContext& run, uint64_t address, uint64_t size) {
  const auto begin = reinterpret_cast<uint64_t>(run.exported_begin);
  const auto end = reinterpret_cast<uint64_t>(run.exported_end);
  if (begin != end && within(address, size, begin, end)) return true;
  const auto here = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
  return within(address, size, here, reinterpret_cast<uint64_t>(&run));
}

// Exported memory is ours, so its addresses look like user addresses: the range decides first.
bool goes_to_user(const RunContext& run, AddressSpace space, uint64_t address, uint64_t size) {
  if (space == AddressSpace::kByAddress) return address < kUserEnd && !is_exported(run, address, size);
  return space == AddressSpace::kUser;
}

}  // namespace

bool read_memory(RunContext& run, AddressSpace space, uint64_t address, std::span<std::byte> out) {
  if (out.empty()) return true;
  if (goes_to_user(run, space, address, out.size())) {
    if (address >= kUserEnd || out.size() > kUserEnd - address) return false;
    return run.env->read_user(address, out).has_value();
  }
  if (!is_exported(run, address, out.size())) return false;
  memcpy(out.data(), reinterpret_cast<const void*>(address), out.size());
  return true;
}

int64_t read_string(RunContext& run, AddressSpace space, uint64_t address, std::span<std::byte> out) {
  size_t done = 0;
  while (done < out.size()) {
    // Not across a page at once: the next one may be missing behind the string's end.
    const uint64_t at = address + done;
    size_t step = std::min<size_t>({out.size() - done, kPage - at % kPage, 256});
    if (!goes_to_user(run, space, at, 1)) {
      while (step > 1 && !is_exported(run, at, step)) step /= 2;
    }
    if (!read_memory(run, space, at, out.subspan(done, step))) return -EFAULT;
    if (const void* zero = memchr(out.data() + done, 0, step))
      return static_cast<const std::byte*>(zero) - out.data() + 1;
    done += step;
  }
  if (out.empty()) return 0;
  out.back() = std::byte{0};
  return static_cast<int64_t>(out.size());
}

}  // namespace skep::helpers
