// Check: how a step of the verifier answers: nothing, or that the program is refused. What was refused and
// why stands in the context's Rejection, so that the answer itself is one int on the hot path.
#pragma once

namespace skep::verifier {

class [[nodiscard]] Check {
 public:
  Check() = default;
  static Check refused(int code) {
    Check c;
    c.code_ = code;
    return c;
  }
  bool ok() const { return code_ == 0; }
  int code() const { return code_; }  // positive errno

 private:
  int code_ = 0;
};

}  // namespace skep::verifier

// Returns from the enclosing function when the step refuses the program.
#define SKEP_REQUIRE(...)                                               \
  do {                                                                  \
    if (auto skep_check = (__VA_ARGS__); !skep_check.ok()) [[unlikely]] \
      return skep_check;                                                \
  } while (false)
