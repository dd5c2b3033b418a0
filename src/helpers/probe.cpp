// Helpers that read memory by address. On a fault the whole buffer is zero, as on Linux.
#include <cerrno>
#include <cstring>

#include "helpers/impl.h"
#include "helpers/memory_access.h"

namespace skep::helpers {
namespace {

std::span<std::byte> buffer(uint64_t address, uint64_t size) {
  return {reinterpret_cast<std::byte*>(address), static_cast<uint32_t>(size)};
}

uint64_t read(AddressSpace space, uint64_t out, uint64_t size, uint64_t address, RunContext& run) {
  const std::span<std::byte> to = buffer(out, size);
  if (read_memory(run, space, address, to)) return 0;
  memset(to.data(), 0, to.size());
  return static_cast<uint64_t>(int64_t{-EFAULT});
}

uint64_t read_text(AddressSpace space, uint64_t out, uint64_t size, uint64_t address, RunContext& run) {
  const std::span<std::byte> to = buffer(out, size);
  const int64_t length = read_string(run, space, address, to);
  if (length < 0) memset(to.data(), 0, to.size());
  return static_cast<uint64_t>(length);
}

}  // namespace

uint64_t probe_read(uint64_t out, uint64_t size, uint64_t address, uint64_t, uint64_t, RunContext& run) {
  return read(AddressSpace::kByAddress, out, size, address, run);
}

uint64_t probe_read_user(uint64_t out, uint64_t size, uint64_t address, uint64_t, uint64_t, RunContext& run) {
  return read(AddressSpace::kUser, out, size, address, run);
}

uint64_t probe_read_kernel(uint64_t out, uint64_t size, uint64_t address, uint64_t, uint64_t,
                           RunContext& run) {
  return read(AddressSpace::kKernel, out, size, address, run);
}

uint64_t probe_read_str(uint64_t out, uint64_t size, uint64_t address, uint64_t, uint64_t, RunContext& run) {
  return read_text(AddressSpace::kByAddress, out, size, address, run);
}

uint64_t probe_read_user_str(uint64_t out, uint64_t size, uint64_t address, uint64_t, uint64_t,
                             RunContext& run) {
  return read_text(AddressSpace::kUser, out, size, address, run);
}

uint64_t probe_read_kernel_str(uint64_t out, uint64_t size, uint64_t address, uint64_t, uint64_t,
                               RunContext& run) {
  return read_text(AddressSpace::kKernel, out, size, address, run);
}

uint64_t copy_from_user(uint64_t out, uint64_t size, uint64_t address, uint64_t, uint64_t, RunContext& run) {
  return read(AddressSpace::kUser, out, size, address, run);
}

}  // namespace skep::helpers
