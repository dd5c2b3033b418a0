// Interpreter, JIT and the live kernel on the same random programs: the same r0, registers and stack, bit for
// bit. SKEP_DIFF_PROGRAMS sets how many (5,000 by default), SKEP_DIFF_SEED where they start.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "base/rcu.h"
#include "exec/executable.h"
#include "generator.h"
#include "isa/text.h"
#include "support/live_kernel.h"

namespace skep::exec {
namespace {

uint64_t number_from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 0) : otherwise;
}

struct Result {
  uint32_t r0 = 0;  // bpf(2) answers the low half
  Context context;
  friend bool operator==(const Result&, const Result&) = default;
};

std::string listing(const std::vector<isa::Insn>& insns) {
  std::string text;
  for (size_t i = 0; i < insns.size(); ++i) {
    text += fmt::format("{}: {}\n", i, isa::print(std::span(insns).subspan(i)));
    if (insns[i].code == 0x18) ++i;
  }
  return text;
}

std::string difference(const char* name, const Result& ours, const Result& theirs) {
  std::string text;
  if (ours.r0 != theirs.r0) text += fmt::format("r0: {} {:#x}, else {:#x}\n", name, ours.r0, theirs.r0);
  for (size_t i = 0; i < Context::kWords; ++i)
    if (ours.context.words[i] != theirs.context.words[i])
      text += fmt::format("word {}: {} {:#x}, else {:#x}\n", i, name, ours.context.words[i],
                          theirs.context.words[i]);
  return text;
}

Result run_engine(const std::vector<isa::Insn>& insns, Engine engine, const Context& start) {
  Result result{.r0 = 0, .context = start};
  auto executable = make_plain_executable(insns);
  if (!executable) {
    ADD_FAILURE() << executable.error().message;
    return result;
  }
  const auto image = make_image(*std::move(executable), engine);
  if (!image) {
    ADD_FAILURE() << image.error().message;
    return result;
  }
  helpers::RunContext run;
  const RcuReadSection section;
  result.r0 = static_cast<uint32_t>((*image)->run(&result.context, run));
  return result;
}

Result run_kernel(const live::Loaded& program, const Context& start) {
  Result result{.r0 = 0, .context = start};
  const auto ran =
      live::test_run(program.fd.get(), {.ctx = std::as_writable_bytes(std::span(result.context.words))});
  EXPECT_TRUE(ran) << ran.error().code;
  if (ran) result.r0 = ran->retval;
  return result;
}

TEST(Differential, InterpreterJitAndKernelAgree) {
  const uint64_t programs = number_from_environment("SKEP_DIFF_PROGRAMS", 5000);
  const uint64_t first = number_from_environment("SKEP_DIFF_SEED", 1);
  const bool with_kernel = live::available();
  uint64_t accepted = 0;
  for (uint64_t seed = first; seed < first + programs && !HasFailure(); ++seed) {
    const auto insns = generate_program(seed);
    live::Loaded kernel;
    if (with_kernel) {
      kernel = live::load(insns, {.type = abi::BPF_PROG_TYPE_SYSCALL, .flags = abi::BPF_F_SLEEPABLE});
      accepted += kernel ? 1 : 0;
    }
    for (uint64_t round = 0; round < 3; ++round) {
      const Context start = generate_context(seed * 3 + round);
      const Result interpreter = run_engine(insns, Engine::kInterpreter, start);
      const Result jit = run_engine(insns, Engine::kJit, start);
      EXPECT_EQ(difference("jit", jit, interpreter), "") << "seed " << seed << " round " << round << "\n"
                                                         << listing(insns);
      if (!kernel) continue;
      const Result live = run_kernel(kernel, start);
      EXPECT_EQ(difference("kernel", live, interpreter), "") << "seed " << seed << " round " << round << "\n"
                                                             << listing(insns);
    }
  }
  fmt::print("{} programs, {} of them on the live kernel\n", programs, accepted);
  if (with_kernel && !HasFailure()) {
    EXPECT_GE(accepted * 100, programs * 95) << "the generator makes programs that Linux refuses";
  }
}

// Whether the exchange happens or not, the upper half of r0 is gone.
TEST(Differential, CmpxchgZeroExtends) {
  const auto insns = isa::assemble(
      "r6 = r1\n"
      "*(u32 *)(r10 -8) = 5\n"
      "r0 = *(u64 *)(r6 +0)\n"
      "r2 = 9\n"
      "r0 = atomic_cmpxchg((u32 *)(r10 -8), r0, r2)\n"
      "*(u64 *)(r6 +0) = r0\n"
      "r0 = *(u32 *)(r10 -8)\n"
      "exit");
  ASSERT_TRUE(insns) << insns.error().message;
  live::Loaded kernel;
  if (live::available())
    kernel = live::load(*insns, {.type = abi::BPF_PROG_TYPE_SYSCALL, .flags = abi::BPF_F_SLEEPABLE});
  for (const uint64_t expected : {0xffffffff00000005, 0xffffffff00000006}) {
    Context start;
    start.words[0] = expected;
    for (const Engine engine : {Engine::kInterpreter, Engine::kJit}) {
      const Result result = run_engine(*insns, engine, start);
      EXPECT_EQ(result.context.words[0], 5u);
      EXPECT_EQ(result.r0, expected == 0xffffffff00000005 ? 9u : 5u);
      if (kernel) {
        EXPECT_EQ(run_kernel(kernel, start), result);
      }
    }
  }
}

TEST(Differential, GeneratedProgramsAreAccepted) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const auto insns = generate_program(seed);
    const auto loaded = live::load(
        insns, {.type = abi::BPF_PROG_TYPE_SYSCALL, .flags = abi::BPF_F_SLEEPABLE, .log_level = 1});
    EXPECT_TRUE(loaded) << seed << ": " << loaded.error << "\n"
                        << loaded.log.substr(loaded.log.size() > 600 ? loaded.log.size() - 600 : 0);
  }
}

}  // namespace
}  // namespace skep::exec
