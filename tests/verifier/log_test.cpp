// The log under pressure: small buffers, fixed and rotating, each level, against the live kernel: the text
// that stays, log_true_size, and whether the load fails with ENOSPC.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "abi/bpf.h"
#include "comparison.h"
#include "isa/text.h"

namespace skep::testing {
namespace {

// Without a time or an address in its log, so that lengths can be compared.
Case program(bool accepted) {
  Case test;
  test.family = "log";
  auto insns = isa::assemble(
      accepted ? "r0 = 0\nr2 = *(u32 *)(r1 +0)\nif r2 > 0x7 goto out\nr0 = 1\nr0 += r2\nout: exit"
               : "r0 = 0\nr2 = *(u32 *)(r1 +0)\nr2 += 1\nr0 = r3\nexit");
  EXPECT_TRUE(insns);
  test.insns = *insns;
  return test;
}

struct Kept {
  int error;
  uint64_t true_size;
  std::string text;
};

Kept kernels(const Prepared& prepared, uint32_t level, uint32_t size) {
  const live::Loaded loaded = prepared.load(level, size);
  return {loaded.error, loaded.log_true_size, loaded.log};
}

Kept ours(const Prepared& prepared, uint32_t level, uint32_t size) {
  const verifier::Outcome outcome = verifier::check(prepared.request(level, size));
  int error = outcome.accepted ? 0 : outcome.rejection.code;
  if (outcome.log_truncated) error = ENOSPC;
  return {error, outcome.log_true_size, outcome.log};
}

class LogBuffer : public ::testing::TestWithParam<std::tuple<bool, uint32_t>> {};

TEST_P(LogBuffer, KeepsWhatTheKernelKeeps) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const auto [accepted, level] = GetParam();
  const Prepared prepared(program(accepted));
  const uint64_t whole = kernels(prepared, level, 1 << 20).true_size;
  for (uint64_t size = 1; size <= whole + 3; size += size < whole - 4 && size > 4 ? 7 : 1) {
    const Kept there = kernels(prepared, level, static_cast<uint32_t>(size));
    const Kept here = ours(prepared, level, static_cast<uint32_t>(size));
    const std::string what = fmt::format("level {} size {} of {}", level, size, whole);
    EXPECT_EQ(here.error, there.error) << what;
    EXPECT_EQ(here.true_size, there.true_size) << what;
    EXPECT_EQ(here.text, there.text) << what;
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, LogBuffer,
                         ::testing::Combine(::testing::Bool(), ::testing::Values(1u, 2u, 3u, 9u, 10u)),
                         [](const auto& info) {
                           return fmt::format("{}Level{}", std::get<0>(info.param) ? "Accepted" : "Refused",
                                              std::get<1>(info.param));
                         });

TEST(Log, LevelZeroSaysNothing) {
  const Prepared prepared(program(false));
  const Kept here = ours(prepared, 0, 0);
  EXPECT_EQ(here.error, EACCES);
  EXPECT_EQ(here.text, "");
}

TEST(Log, StatisticsAloneHaveTheirLines) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const Prepared prepared(program(true));
  const Verdict there = prepared.ask_kernel(4), here = prepared.ask_ours(4);
  EXPECT_EQ(here.log, there.log);
}

}  // namespace
}  // namespace skep::testing
