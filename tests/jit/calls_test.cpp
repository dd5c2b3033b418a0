// Helpers, BPF-to-BPF calls, callbacks, function pointers and loops through may_goto.
#include <array>
#include <chrono>

#include "program.h"

namespace skep::exec::jit {
namespace {

using helpers::RunContext;
using isa::Op;

class CallTest : public testing::TestWithParam<Engine> {
 protected:
  uint64_t run(const Program& program, void* ctx = nullptr) {
    return jit::run(program.image(GetParam()), ctx);
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, CallTest, testing::Values(Engine::kInterpreter, Engine::kJit),
                         [](const auto& info) { return info.param == Engine::kJit ? "Jit" : "Interpreter"; });

uint64_t arguments(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, RunContext& run) {
  // A misaligned stack shows here: the compiler uses aligned vector stores for this array.
  alignas(32) volatile uint64_t copy[8] = {a, b, c, d, e};
  EXPECT_EQ(reinterpret_cast<uintptr_t>(&copy) % 32, 0u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) % 16, 0u);
  return copy[0] + copy[1] * 10 + copy[2] * 100 + copy[3] * 1000 + copy[4] * 10000 + run.attach_cookie;
}

Program five_arguments() { return {set(1, 1), set(2, 2), set(3, 3), set(4, 4), set(5, 5)}; }

TEST_P(CallTest, HelperGetsFiveArgumentsAndTheRun) {
  Program program = five_arguments();
  program.call(&arguments) += exit_insn();
  RunContext run;
  run.attach_cookie = 100000;
  EXPECT_EQ(program.image(GetParam())->run(nullptr, run), 154321u);
}

// Every number of saved registers and stack sizes, so that both alignments of the frame occur.
TEST_P(CallTest, StackIsAlignedForHelpers) {
  for (int saved = 0; saved <= 4; ++saved) {
    Program program{};
    for (int i = 0; i < saved; ++i) program += set(6 + i, i);
    for (int i = 1; i <= 5; ++i) program += set(i, i);
    program.call(&arguments) += exit_insn();
    for (const uint32_t stack : {0u, 8u, 16u, 24u, 512u}) {
      Executable executable = program.executable();
      executable.subprogs[0].stack_bytes = stack;
      auto image = make_image(std::move(executable), GetParam());
      ASSERT_TRUE(image.has_value());
      EXPECT_EQ(jit::run(*image), 54321u);
    }
  }
}

// main -> 1 -> 2 -> ... -> 7, each with its own r6 and its own stack, all intact afterwards.
TEST_P(CallTest, EightFramesKeepTheirRegistersAndStacks) {
  Program program{};
  constexpr int kLength = 9;
  for (int frame = 0; frame < isa::kMaxCallFrames; ++frame) {
    const bool last = frame + 1 == isa::kMaxCallFrames;
    const size_t begin = program.size();
    program += set(6, 1 << frame);
    program += make(Op::kStore64Imm, 10, 0, -512, 1 << (frame + 8));
    program += last ? set(0, 0) : make(Op::kCallSubprog, 0, 0, 0, kLength - 3);
    program += add(0, 6);
    program += load64(1, 10, -512);
    program += add(0, 1);
    program += make(Op::kMov64Reg, 9, 0);
    program += copy(0, 9);
    program += exit_insn();
    ASSERT_EQ(program.size() - begin, static_cast<size_t>(kLength));
  }
  EXPECT_EQ(run(program), 0xffffu);
}

uint64_t dirty_the_stack(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  volatile uint64_t garbage[512];
  for (auto& word : garbage) word = ~uint64_t{0};
  return garbage[0];
}

// Stack that a program has not written reads as zero, in the first frame and in those that come after others.
TEST_P(CallTest, FreshStackIsZero) {
  for (const uint32_t stack : {8u, 16u, 24u, 40u, 128u, 504u, 512u}) {
    Program program{};
    program.call(&dirty_the_stack);
    program += make(Op::kCallSubprog, 0, 0, 0, 1);
    program += exit_insn();
    program += set(0, 0);
    for (uint32_t at = 8; at <= stack; at += 8) {
      program += load64(1, 10, -static_cast<int>(at));
      program += make(Op::kOr64Reg, 0, 1);
      program += make(Op::kStore64Imm, 10, 0, -static_cast<int>(at), -1);
    }
    program += exit_insn();
    Executable executable = program.executable();
    executable.subprogs[1].stack_bytes = stack;
    const auto image = make_image(std::move(executable), GetParam());
    ASSERT_TRUE(image.has_value());
    EXPECT_EQ(jit::run(*image), 0u) << stack;
    EXPECT_EQ(jit::run(*image), 0u) << stack;
  }
}

struct Counter {
  uint64_t sum = 0;
};

uint64_t call_each(uint64_t count, uint64_t function, uint64_t ctx, uint64_t, uint64_t, RunContext& run) {
  const auto& callback = *reinterpret_cast<const helpers::Function*>(function);
  uint64_t done = 0;
  while (done < count && callback.call(callback, {done, ctx, 3, 4, 5}, run) == 0) ++done;
  return done;
}

// As bpf_loop: the callback adds to what ctx points at, and ends the loop when it gets 5.
TEST_P(CallTest, HelperCallsBackASubprogram) {
  Program program{copy(6, 1), set(7, 77), copy(3, 1), set(1, 100)};
  const size_t load = program.size();
  program += make(Op::kLoadImm64Func, 2, 0, 0, 0);
  program += isa::Insn{};
  program.call(&call_each);
  program += add(0, 7);
  program += exit_insn();
  const int32_t away = static_cast<int32_t>(program.size() - load) - 1;
  program += set(7, 1000);
  program += set(0, 0);
  program += load64(3, 2, 0);
  program += add(3, 1);
  program += store64(2, 0, 3);
  program += make(Op::kJne64Imm, 1, 0, 1, 5);
  program += set(0, 1);
  program += exit_insn();
  program.at(load).imm = away;
  Counter counter;
  EXPECT_EQ(run(program, &counter), 5u + 77u);
  EXPECT_EQ(counter.sum, 0u + 1 + 2 + 3 + 4 + 5);
}

TEST_P(CallTest, ImageCallsASubprogramWithFiveArguments) {
  Program program{make(Op::kCallSubprog, 0, 0, 0, 1), exit_insn(), set(6, 1), copy(0, 1),
                  make(Op::kLsh64Imm, 0, 0, 0, 4)};
  for (int reg = 2; reg <= 5; ++reg) {
    program += add(0, reg);
    program += make(Op::kLsh64Imm, 0, 0, 0, 4);
  }
  program += exit_insn();
  RunContext context;
  EXPECT_EQ(program.image(GetParam())->call(1, std::array<uint64_t, 5>{1, 2, 3, 4, 5}, context), 0x123450u);
  EXPECT_EQ(program.image(GetParam())->call(1, std::array<uint64_t, 2>{1, 2}, context), 0x120000u);
}

// Generated code gives back the registers that belong to its C++ caller.
TEST(JitCall, CalleeSavedRegistersSurvive) {
#if defined(__x86_64__)
  Program program{set(6, -1), set(7, -1), set(8, -1), set(9, -1)};
  program.call([](uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) -> uint64_t { return 42; });
  program += exit_insn();
  const auto image = program.jit();
  RunContext run;
  uint64_t result = 0, lost = 0;
  asm volatile(R"(
    pushq %%rbp
    movq $0x11, %%rbx
    movq $0x22, %%r12
    movq $0x33, %%r13
    movq $0x44, %%r14
    movq $0x55, %%r15
    xorl %%edi, %%edi
    subq $256, %%rsp
    movq %%rsp, %%rbp
    andq $-16, %%rsp
    callq *%%rax
    movq %%rbp, %%rsp
    addq $256, %%rsp
    popq %%rbp
    subq $0x11, %%rbx
    subq $0x22, %%r12
    subq $0x33, %%r13
    subq $0x44, %%r14
    subq $0x55, %%r15
    orq %%r12, %%rbx
    orq %%r13, %%rbx
    orq %%r14, %%rbx
    orq %%r15, %%rbx
  )"
               : "=a"(result), "=b"(lost)
               : "a"(image->jit_tail_entry), "S"(&run)
               : "rcx", "rdx", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
  EXPECT_EQ(result, 42u);
  EXPECT_EQ(lost, 0u);
#endif
}

// while (may_goto) r0++: until 250 ms have passed, and never fewer than one filling of the budget. All other
// registers live through the refills.
TEST_P(CallTest, MayGotoEndsAnEndlessLoop) {
  Program program = five_arguments();
  program += set(0, 0);
  program += make(Op::kMayGoto, 0, 0, 2);
  program += make(Op::kAdd64Imm, 0, 0, 0, 1);
  program += make(Op::kJump, 0, 0, -3);
  for (int reg = 1; reg <= 5; ++reg) {
    program += make(Op::kJne64Imm, reg, 0, 1, reg);
    program += make(Op::kJump, 0, 0, 1);
    program += set(0, -1);
  }
  program += exit_insn();
  const auto start = std::chrono::steady_clock::now();
  const uint64_t iterations = run(program);
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_NE(iterations, ~uint64_t{0});
  EXPECT_GE(iterations, 0xffffu);
  EXPECT_EQ(iterations % 0xffff, 0u);
  EXPECT_GE(took, std::chrono::milliseconds(250));
  EXPECT_LT(took, std::chrono::seconds(5));
}

TEST(JitCall, RefusesWhatItCannotCompile) {
  const auto refused = [](Executable executable) {
    return !make_image(std::move(executable), Engine::kJit).has_value();
  };
  EXPECT_TRUE(refused(Program{set(0, 0)}.executable()));  // runs off the end
  EXPECT_TRUE(
      refused(Program{make(Op::kCallHelper, 0, 0, 0, 1), exit_insn()}.executable()));  // no such helper
  Executable unknown = Program{set(0, 0), exit_insn()}.executable();
  unknown.insns[0].code = 0xff;
  EXPECT_TRUE(refused(std::move(unknown)));
  Executable far = Program{set(0, 0), exit_insn()}.executable();
  far.insns[0] = make(Op::kJump, 0, 0, 100);
  EXPECT_TRUE(refused(std::move(far)));
}

TEST(JitCall, CodeOffsetsFollowTheInstructions) {
  Program program{set(0, 1)};
  program.load_imm64(1, 0x123456789abcdef0);
  program += add(0, 1);
  program += exit_insn();
  Executable executable = program.executable();
  executable.subprogs[0].stack_bytes = 0;
  const auto made = make_image(std::move(executable), Engine::kJit);
  ASSERT_TRUE(made.has_value());
  const Ref<Image>& image = *made;
  const auto offsets = image->code_offsets();
  ASSERT_EQ(offsets.size(), program.size());
  for (size_t i = 1; i < offsets.size(); ++i) EXPECT_LE(offsets[i - 1], offsets[i]);
  EXPECT_EQ(offsets[2], offsets[3]);  // the second half of the wide load is part of the first
  EXPECT_EQ(image->code()[offsets[4]], std::byte{0xc3});  // ret
}

}  // namespace
}  // namespace skep::exec::jit
