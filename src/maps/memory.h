// Memory: zeroed pages for a map's elements, private or a memfd that clients can map too.
//
// Pages are taken from the system when first touched, so a large and empty map costs little. What cannot fit
// into this machine's memory is refused with ENOMEM, as Linux does for maps that it cannot allocate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skep::maps {

uint64_t page_size();
// Whether a map may take so much: no more than the machine has.
bool affordable(uint64_t bytes);

class Memory {
 public:
  // `bytes` is rounded up to whole pages.
  static Result<Memory> anonymous(uint64_t bytes);
  // `client_writable` false: the file is sealed so that no writable mapping but ours can ever exist.
  static Result<Memory> shared_file(const std::string& name, uint64_t bytes, bool client_writable);

  Memory() = default;
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  ~Memory();

  std::byte* data() const { return data_; }
  uint64_t size() const { return size_; }  // mapped bytes
  int fd() const { return fd_.get(); }     // -1 when private

 private:
  Memory(std::byte* data, uint64_t size, UniqueFd fd) : data_(data), size_(size), fd_(std::move(fd)) {}

  std::byte* data_ = nullptr;
  uint64_t size_ = 0;
  UniqueFd fd_;
};

// A sealed-size memfd of zeroes. Nothing is mapped.
Result<UniqueFd> make_memfd(const std::string& name, uint64_t bytes);

}  // namespace skep::maps
