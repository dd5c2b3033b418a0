#include "cli/environment.h"

namespace skep::cli {
namespace {

constexpr uint64_t kClockStepNs = 1000;
constexpr size_t kPrintedLimit = 1u << 20;  // a program in a long repeat must not fill memory

}  // namespace

uint64_t TestEnvironment::now_ns(Clock clock) {
  clock_ns_ += kClockStepNs;
  constexpr uint64_t kNanosecondsPerJiffy = 4'000'000;  // CONFIG_HZ=250
  return clock == Clock::kJiffies ? clock_ns_ / kNanosecondsPerJiffy : clock_ns_;
}

// splitmix64: every bit of a counter mixed, so that a fixed seed gives a fixed, well-spread sequence.
uint32_t TestEnvironment::random_u32() {
  random_state_ += 0x9e3779b97f4a7c15;
  uint64_t z = random_state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return static_cast<uint32_t>((z ^ (z >> 31)) >> 32);
}

// There is no user process behind a test run.
Status TestEnvironment::read_user(uint64_t, std::span<std::byte>) { return fail(EFAULT); }
Status TestEnvironment::write_user(uint64_t, std::span<const std::byte>) { return fail(EFAULT); }

void TestEnvironment::trace_print(std::string_view text) {
  if (printed_.size() + text.size() > kPrintedLimit) return;
  printed_ += text;
  if (!text.ends_with('\n')) printed_ += '\n';
}

}  // namespace skep::cli
