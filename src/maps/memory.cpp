#include "maps/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "maps/rules.h"
#include "maps/visible_memory.h"

namespace skep::maps {

uint64_t page_size() {
  static const auto size = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return size;
}

namespace {

std::atomic<uint64_t> charged_bytes{0};

uint64_t machine_bytes() {
  static const uint64_t bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * page_size();
  return bytes;
}

}  // namespace

bool affordable(uint64_t bytes) {
  const uint64_t charged = charged_bytes.load(std::memory_order_relaxed);
  return charged <= machine_bytes() && bytes <= machine_bytes() - charged;
}

Result<Memory> Memory::anonymous(uint64_t bytes) {
  if (!affordable(bytes)) return fail(ENOMEM);
  const uint64_t size = round_up(bytes, page_size());
  void* data =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) return fail(ENOMEM);
  charged_bytes.fetch_add(size, std::memory_order_relaxed);
  visible_memory::add(static_cast<std::byte*>(data), size);
  return Memory(static_cast<std::byte*>(data), size, UniqueFd());
}

Result<UniqueFd> make_memfd(const std::string& name, uint64_t bytes) {
  if (!affordable(bytes)) return fail(ENOMEM);
  UniqueFd fd(memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return fail_last();
  if (ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) return fail(ENOMEM);
  // A client that could shrink the file would make our accesses fault.
  if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) return fail_last();
  return fd;
}

Result<Memory> Memory::shared_file(const std::string& name, uint64_t bytes, bool client_writable) {
  const uint64_t size = round_up(bytes, page_size());
  UniqueFd fd = SKEP_TRY(make_memfd(name, size));
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return fail(ENOMEM);
  charged_bytes.fetch_add(size, std::memory_order_relaxed);
  visible_memory::add(static_cast<std::byte*>(data), size);
  Memory memory(static_cast<std::byte*>(data), size, std::move(fd));
  // After our own mapping: the seal lets mappings that exist go on writing.
  if (!client_writable && fcntl(memory.fd(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0)
    return fail_last();
  return memory;
}

Memory::Memory(Memory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      fd_(std::move(other.fd_)) {}

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(fd_, other.fd_);
  return *this;
}

Memory::~Memory() {
  if (data_ == nullptr) return;
  visible_memory::remove(data_);
  munmap(data_, size_);
  charged_bytes.fetch_sub(size_, std::memory_order_relaxed);
}

}  // namespace skep::maps
