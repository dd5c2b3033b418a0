// SKEP_CHECK: an invariant of our own code; stays on in release. Never for input from outside.
#pragma once

namespace skep {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define SKEP_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::skep::check_failed(#condition, __FILE__, __LINE__))
