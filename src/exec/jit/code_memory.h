// CodeMemory: one finished piece of machine code, mapped for execution.
//
// The code is written into a memfd through its file descriptor, the file is sealed against writing, and only
// then mapped: no mapping of it is ever writable, so none is ever writable and executable. The mapping has an
// inaccessible page on both sides and is filled up with int3. Unmapped on destruction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace skep::exec::jit {

class CodeMemory {
 public:
  CodeMemory() = default;
  CodeMemory(CodeMemory&& other) noexcept;
  CodeMemory& operator=(CodeMemory&& other) noexcept;
  ~CodeMemory();

  // Reserves room for `bytes` of code; base() is final from here on, so the caller can relocate. Then seal().
  static Result<CodeMemory> reserve(size_t bytes);
  // Makes `code` (at most the reserved size) executable at base(). Once.
  Status seal(std::span<const std::byte> code);

  const std::byte* base() const { return base_; }
  std::span<const std::byte> code() const { return {base_, size_}; }

 private:
  const std::byte* base_ = nullptr;  // first byte of code, one page after the reservation's start
  size_t size_ = 0;                  // bytes of code
  size_t pages_bytes_ = 0;           // size_ rounded up to pages
};

// Whether every place that reserve() can return lies within a 32-bit displacement of `target`, so that
// `call rel32` reaches it. Constant during the life of the process.
bool in_near_reach(const void* target);

}  // namespace skep::exec::jit
