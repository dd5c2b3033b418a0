// What a run sees of memory besides its own: probe loads, the arena, the packet, and callbacks.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "abi/insn.h"
#include "engines.h"
#include "exec/loop_budget.h"
#include "isa/text.h"

namespace skep::exec {
namespace {

// Two pages, of which only the first may be accessed.
class GuardedPage {
 public:
  GuardedPage() {
    memory_ = static_cast<std::byte*>(
        mmap(nullptr, 2 * size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(memory_ + size(), size(), PROT_NONE);
  }
  ~GuardedPage() { munmap(memory_, 2 * size()); }
  GuardedPage(const GuardedPage&) = delete;
  GuardedPage& operator=(const GuardedPage&) = delete;
  static size_t size() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }
  std::byte* begin() const { return memory_; }
  std::byte* end() const { return memory_ + size(); }  // end of what may be accessed
  std::byte* limit() const { return memory_ + 2 * size(); }

 private:
  std::byte* memory_;
};

class Memory : public EngineTest {
 protected:
  uint64_t run_text(const char* text, void* ctx, helpers::RunContext& context) {
    auto insns = isa::assemble(text);
    EXPECT_TRUE(insns) << insns.error().message;
    auto executable = make_plain_executable(*insns);
    EXPECT_TRUE(executable) << executable.error().message;
    return run(*image(*std::move(executable)), ctx, context);
  }
};

// r1 is the address; the sum shows that the program goes on after a fault and only the loaded register
// changed.
constexpr const char* kProbe8 = "r2 = 1000\n(39) r0 = *(u64 *)(r1 +0)\nr0 += r2\nexit";
constexpr const char* kProbeSigned1 = "(51) r0 = *(s8 *)(r1 +0)\nexit";

TEST_P(Memory, ProbeLoadReadsExportedMemory) {
  const GuardedPage page;
  helpers::RunContext context{.exported_begin = page.begin(), .exported_end = page.limit()};
  const uint64_t value = 0x8182838485868788;
  std::memcpy(page.begin() + 8, &value, 8);
  EXPECT_EQ(run_text(kProbe8, page.begin() + 8, context), value + 1000);
  EXPECT_EQ(run_text(kProbeSigned1, page.begin() + 8, context), 0xffffffffffffff88);
}

TEST_P(Memory, ProbeLoadThatFaultsReadsZero) {
  const GuardedPage page;
  helpers::RunContext context{.exported_begin = page.begin(), .exported_end = page.limit()};
  EXPECT_EQ(run_text(kProbe8, page.end(), context), 1000u);
  EXPECT_EQ(run_text(kProbe8, page.end() - 4, context), 1000u);  // crosses into it
  EXPECT_EQ(run_text(kProbeSigned1, page.end(), context), 0u);
}

TEST_P(Memory, ProbeLoadOutsideTheExportedRangeReadsZero) {
  const GuardedPage page;
  std::memset(page.begin(), 0xff, GuardedPage::size());
  helpers::RunContext context{.exported_begin = page.begin() + 16, .exported_end = page.begin() + 32};
  EXPECT_EQ(run_text(kProbe8, page.begin(), context), 1000u);
  EXPECT_EQ(run_text(kProbe8, page.begin() + 12, context), 1000u);
  EXPECT_EQ(run_text(kProbe8, page.begin() + 28, context), 1000u);
  EXPECT_EQ(run_text(kProbe8, page.begin() + 24, context), 999u);
  EXPECT_EQ(run_text(kProbe8, nullptr, context), 1000u);
  EXPECT_EQ(run_text(kProbe8, reinterpret_cast<void*>(0x8000000000000000), context), 1000u);
  EXPECT_EQ(run_text(kProbe8, reinterpret_cast<void*>(~uint64_t{3}), context), 1000u);
  helpers::RunContext nothing_exported;
  EXPECT_EQ(run_text(kProbe8, page.begin(), nothing_exported), 1000u);
}

TEST_P(Memory, ArenaIsReachedBy32BitAddresses) {
  const GuardedPage page;
  helpers::RunContext context{.arena_base = page.begin(), .arena_user_base = 0x7f0012340000};
  const uint64_t at = 16;
  EXPECT_EQ(run_text("(ba) *(u64 *)(r1 +8) = -2\n(a1) r0 = *(u32 *)(r1 +8)\nexit",
                     reinterpret_cast<void*>(at), context),
            0xfffffffeu);
  EXPECT_EQ(run_text("r2 = 3\n(fb) r2 = atomic64_fetch_add((u64 *)(r1 +8), r2)\nr0 = r2\nexit",
                     reinterpret_cast<void*>(at), context),
            ~uint64_t{1});
  uint64_t memory = 0;
  std::memcpy(&memory, page.begin() + 24, 8);
  EXPECT_EQ(memory, 1u);
}

TEST_P(Memory, ArenaFaultsReadZeroAndWriteNothing) {
  const GuardedPage page;
  helpers::RunContext context{.arena_base = page.begin()};
  auto* beyond = reinterpret_cast<void*>(GuardedPage::size());
  EXPECT_EQ(run_text("(a1) r0 = *(u32 *)(r1 +0)\nr0 += 5\nexit", beyond, context), 5u);
  EXPECT_EQ(run_text("(ba) *(u64 *)(r1 +8) = 1\nr0 = 6\nexit", beyond, context), 6u);
  EXPECT_EQ(run_text("r2 = 3\n(fb) lock *(u64 *)(r1 +8) += r2\nr0 = 7\nexit", beyond, context), 7u);
}

TEST_P(Memory, AddressSpaceCast) {
  helpers::RunContext context{.arena_user_base = 0x7f0012340000};
  auto* kernel = reinterpret_cast<void*>(0xabcd00001000);
  EXPECT_EQ(run_text("r0 = addr_space_cast(r1, 0, 1)\nexit", kernel, context), 0x1000u);
  EXPECT_EQ(run_text("r0 = addr_space_cast(r1, 1, 0)\nexit", kernel, context), 0x7f0000001000u);
  EXPECT_EQ(run_text("r0 = addr_space_cast(r1, 1, 0)\nexit", nullptr, context), 0u);
}

int load_from_test_packet(helpers::RunContext&, const void* ctx, uint32_t offset, uint32_t bytes,
                          uint64_t* value) {
  const auto* packet = static_cast<const uint8_t*>(ctx);
  if (offset + bytes > 8) return -EFAULT;
  *value = 0;
  for (uint32_t i = 0; i < bytes; ++i) *value = *value << 8 | packet[offset + i];
  return 0;
}

TEST_P(Memory, PacketLoads) {
  uint8_t packet[] = {1, 2, 3, 4, 5, 6, 7, 8};
  helpers::RunContext context{.packet_load = load_from_test_packet};
  EXPECT_EQ(run_text("r6 = r1\nr0 = *(u16 *)skb[2]\nexit", packet, context), 0x0304u);
  EXPECT_EQ(run_text("r6 = r1\nr7 = 3\nr0 = *(u32 *)skb[r7 + 1]\nexit", packet, context), 0x05060708u);
  // Past the end the program ends with 0, whatever comes after.
  EXPECT_EQ(run_text("r6 = r1\nr0 = 9\nr0 = *(u32 *)skb[6]\nr0 = 7\nexit", packet, context), 0u);
  helpers::RunContext no_packet;
  EXPECT_EQ(run_text("r6 = r1\nr0 = *(u8 *)skb[0]\nr0 = 7\nexit", packet, no_packet), 0u);
}

uint64_t call_twice(uint64_t function, uint64_t argument, uint64_t, uint64_t, uint64_t,
                    helpers::RunContext& run) {
  const auto& callback = *reinterpret_cast<const helpers::Function*>(function);
  return callback.call(callback, {1, argument, 0, 0, 0}, run) +
         callback.call(callback, {2, argument, 0, 0, 0}, run);
}

TEST_P(Memory, CallbacksRunASubprogram) {
  const auto insns = isa::assemble(
      "r6 = 77\nr1 = subprog[+5]\nr2 = 10\ncall callback#1\nr0 += r6\nexit\n"
      "r6 = r1\nr6 *= r2\n*(u64 *)(r10 -8) = r6\nr0 = *(u64 *)(r10 -8)\nexit");
  ASSERT_TRUE(insns) << insns.error().message;
  auto executable = make_plain_executable(*insns);
  ASSERT_TRUE(executable) << executable.error().message;
  executable->facts[4].helper = call_twice;
  helpers::RunContext context;
  EXPECT_EQ(run(*image(*std::move(executable)), nullptr, context), 1 * 10 + 2 * 10 + 77u);
}

TEST_P(Memory, CallbacksCanBeCalledFromOutside) {
  const auto insns = isa::assemble("r1 = subprog[+3]\nr0 = 0\nexit\nr0 = r1\nr0 -= r5\nexit");
  ASSERT_TRUE(insns) << insns.error().message;
  auto executable = make_plain_executable(*insns);
  ASSERT_TRUE(executable) << executable.error().message;
  const auto made = image(*std::move(executable));
  helpers::RunContext context;
  const uint64_t args[] = {10, 0, 0, 0, 3};
  const RcuReadSection section;
  EXPECT_EQ(made->call(1, args, context), 7u);
}

// may_goto ends a loop that would run for ever; each call of a function has its own budget.
TEST_P(Memory, MayGotoEndsALoop) {
  helpers::RunContext context;
  const uint64_t rounds =
      run_text("r0 = 0\nagain: r0 += 1\nmay_goto end\ngoto again\nend: exit", nullptr, context);
  EXPECT_GT(rounds, LoopBudget::kIterations);
}

TEST_P(Memory, DeepestCallChainHasAStackForEachFrame) {
  std::string text;
  for (int depth = 0; depth < isa::kMaxCallFrames; ++depth) {
    text += "f" + std::to_string(depth) + ":\nr6 = " + std::to_string(depth) + "\n*(u64 *)(r10 -512) = r6\n";
    if (depth + 1 < isa::kMaxCallFrames) text += "call f" + std::to_string(depth + 1) + "\n";
    text += depth + 1 == isa::kMaxCallFrames ? "r0 = 0\n" : "";
    text += "r7 = *(u64 *)(r10 -512)\nr7 *= r6\nr0 += r7\nexit\n";
  }
  helpers::RunContext context;
  EXPECT_EQ(run_text(text.c_str(), nullptr, context), 0 + 1 + 4 + 9 + 16 + 25 + 36 + 49u);
}

SKEP_FOR_EACH_ENGINE(Memory);

TEST(PlainExecutable, RefusesWhatNoProgramIs) {
  const std::vector<std::vector<isa::Insn>> bad = {
      {},
      {{.code = 0xff}},
      {{.code = 0x8d, .dst = 1}, {.code = 0x95}},
      {{.code = 0x05, .off = 5}, {.code = 0x95}},
      {{.code = 0x05, .off = -2}, {.code = 0x95}},
      {{.code = 0x85, .src = 1, .imm = 9}, {.code = 0x95}},
      {{.code = 0x18}},
      {{.code = 0x18}, {.code = 0x95}},
      {{.code = 0xb7, .dst = 13}, {.code = 0x95}},
  };
  for (const auto& insns : bad) {
    const auto executable = make_plain_executable(insns);
    ASSERT_FALSE(executable);
    EXPECT_EQ(executable.error().code, EINVAL);
  }
  const std::vector<isa::Insn> no_helper = {{.code = 0x85, .imm = 1}, {.code = 0x95}};
  EXPECT_FALSE(make_image(*make_plain_executable(no_helper), Engine::kInterpreter));
}

}  // namespace
}  // namespace skep::exec
