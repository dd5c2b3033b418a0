// Result<T>: how every fallible function of skep answers. Nothing throws across a module.
//
// An Error carries the errno that Linux would give and, where a person will read it, one line of text.
// "-errno" appears at the ABI edge only (syscall/, supervisor/, helpers' return values).
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <utility>

namespace skep {

struct [[nodiscard]] Error {
  int code = EINVAL;    // a positive errno
  std::string message;  // may be empty: the errno says it all

  static Error of(int code) { return {code, {}}; }
  static Error of(int code, std::string message) { return {code, std::move(message)}; }
  static Error last() { return {errno, {}}; }  // of the libc call that just failed
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(int code) { return std::unexpected(Error::of(code)); }
inline std::unexpected<Error> fail(int code, std::string message) {
  return std::unexpected(Error::of(code, std::move(message)));
}
inline std::unexpected<Error> fail_last() { return std::unexpected(Error::last()); }

}  // namespace skep

// SKEP_TRY(expression): yields the value, or returns the error from the enclosing function.
#define SKEP_TRY(...)                                             \
  ({                                                              \
    auto skep_try_result = (__VA_ARGS__);                         \
    if (!skep_try_result) [[unlikely]]                            \
      return std::unexpected(std::move(skep_try_result).error()); \
    ::skep::detail::take(std::move(skep_try_result));             \
  })

namespace skep::detail {
template <class T>
T take(Result<T>&& result) {
  return *std::move(result);
}
inline void take(Status&&) {}
}  // namespace skep::detail
