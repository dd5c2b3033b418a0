// Outcome: how the supervisor answers one trapped syscall.
#pragma once

#include <cstdint>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skep::supervisor {

struct [[nodiscard]] Outcome {
  enum class Kind : uint8_t {
    kValue,     // the syscall returns `value` (>= 0)
    kError,     // the syscall fails with errno `value`
    kContinue,  // the kernel runs the syscall itself; only where nothing in client memory was judged
    kFd,        // the syscall returns `fd`, installed in the client in the same step
  };

  Kind kind = Kind::kContinue;
  int64_t value = 0;
  UniqueFd fd;
  bool close_on_exec = false;

  static Outcome returns(int64_t value) { return {Kind::kValue, value, {}, false}; }
  static Outcome error(int code) { return {Kind::kError, code, {}, false}; }
  static Outcome proceed() { return {Kind::kContinue, 0, {}, false}; }
  static Outcome descriptor(UniqueFd fd, bool close_on_exec) {
    return {Kind::kFd, 0, std::move(fd), close_on_exec};
  }
  static Outcome of(const Status& status) { return status ? returns(0) : error(status.error().code); }
  static Outcome of(const Result<int64_t>& result) {
    return result ? returns(*result) : error(result.error().code);
  }
};

// The negative-errno convention of raw syscalls (what ::syscall leaves in errno), as an Outcome.
Outcome outcome_of_syscall(int64_t result);  // result < 0: errno

}  // namespace skep::supervisor
