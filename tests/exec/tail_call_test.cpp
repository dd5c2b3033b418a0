// Tail calls on both engines, with the live kernel's answers to the same programs.
//
// A program is text in which map[fd:0] is the prog_array. Its context is a socket buffer whose control block
// (offset 48) stays when a program tail-calls another.
#include <algorithm>
#include <array>
#include <atomic>

#include "abi/btf.h"
#include "abi/insn.h"
#include "engines.h"
#include "isa/text.h"
#include "support/live_kernel.h"

namespace skep::exec {
namespace {

constexpr uint32_t kSlots = 4;

struct Case {
  const char* name;
  std::array<const char*, 3>
      programs;  // [0] is run; [i] stands in slot i - 1 of the prog_array; slot 3 is empty
};

constexpr const char* kCountAndCallSlot0 =
    "r6 = r1\n"
    "r7 = *(u32 *)(r6 +48)\n"
    "r7 += 1\n"
    "*(u32 *)(r6 +48) = r7\n"
    "r2 = map[fd:0]\n"
    "r3 = 0\n"
    "call bpf_tail_call#12\n"
    "r0 = *(u32 *)(r6 +48)\n"
    "exit\n";

// The same, after two calls that find nothing.
constexpr const char* kMissTwiceThenCallSlot0 =
    "r6 = r1\n"
    "r7 = *(u32 *)(r6 +48)\n"
    "r7 += 1\n"
    "*(u32 *)(r6 +48) = r7\n"
    "r2 = map[fd:0]\n"
    "r3 = 3\n"
    "call bpf_tail_call#12\n"
    "r1 = r6\n"
    "r2 = map[fd:0]\n"
    "r3 = 100\n"
    "call bpf_tail_call#12\n"
    "r1 = r6\n"
    "r2 = map[fd:0]\n"
    "r3 = 0\n"
    "call bpf_tail_call#12\n"
    "r0 = *(u32 *)(r6 +48)\n"
    "exit\n";

// A subprogram is replaced, and its caller goes on.
constexpr const char* kCallFromSubprogram =
    "r6 = r1\n"
    "r8 = 1000\n"
    "call function\n"
    "r0 += r8\n"
    "exit\n"
    "function:\n"
    "r8 = 7\n"
    "r2 = map[fd:0]\n"
    "r3 = 0\n"
    "call bpf_tail_call#12\n"
    "r0 = 3\n"
    "exit\n";

// Twice from subprograms; the chain in slot 0 counts until the limit, which the whole run shares.
constexpr const char* kTwoChainsFromSubprograms =
    "r6 = r1\n"
    "call function\n"
    "r1 = r6\n"
    "call function\n"
    "r0 = *(u32 *)(r6 +48)\n"
    "exit\n"
    "function:\n"
    "r2 = map[fd:0]\n"
    "r3 = 0\n"
    "call bpf_tail_call#12\n"
    "r0 = 0\n"
    "exit\n";

const Case kCases[] = {
    {"ChainStopsAtTheLimit", {kCountAndCallSlot0, kCountAndCallSlot0, nullptr}},
    {"MissesDoNotEndTheRun", {kMissTwiceThenCallSlot0, kMissTwiceThenCallSlot0, nullptr}},
    {"EmptySlotContinues", {kCountAndCallSlot0, nullptr, nullptr}},
    {"SubprogramIsReplaced", {kCallFromSubprogram, "r0 = 5\nexit", nullptr}},
    {"SubprogramMisses", {kCallFromSubprogram, nullptr, nullptr}},
    {"ChainsOfSubprogramsShareTheLimit", {kTwoChainsFromSubprograms, kCountAndCallSlot0, nullptr}},
};

std::vector<isa::Insn> assemble(const char* text) {
  auto insns = isa::assemble(text);
  EXPECT_TRUE(insns) << insns.error().message;
  return insns ? *insns : std::vector<isa::Insn>();
}

constexpr maps::MapTypeRow kProgArrayRow = {};

// A prog_array as engines see one.
class Slots final : public maps::Map {
 public:
  Slots() : Map({}, kProgArrayRow) {}
  const maps::TailSlots* tail_slots() const noexcept override { return &view_; }
  uint64_t memory_usage() const override { return 0; }
  std::atomic<maps::TailTarget*> targets[kSlots] = {};

 private:
  maps::TailSlots view_{kSlots, targets};
};

Executable prepare(const char* text, const Ref<Slots>& slots) {
  auto insns = assemble(text);
  for (size_t i = 0; i < insns.size(); ++i) {
    isa::Insn& insn = insns[i];
    if (insn.code == 0x18) {
      insn = {.code = 0x18, .dst = insn.dst, .imm = static_cast<int32_t>(slots->handle())};
      insns[i + 1].imm = static_cast<int32_t>(slots->handle() >> 32);
    }
    if (insn.code == 0x85 && insn.src == 0)
      insn = {.code = isa::row(isa::Op::kTailCall).code, .imm = insn.imm};
  }
  auto executable = make_plain_executable(insns);
  EXPECT_TRUE(executable) << executable.error().message;
  for (size_t i = 0; i < insns.size(); ++i) executable->facts[i].is_map_handle = insns[i].code == 0x18;
  executable->maps.push_back(slots);
  return *std::move(executable);
}

class TailCall : public EngineTest {
 protected:
  uint64_t run_case(const Case& test) {
    const auto slots = make_ref<Slots>();
    std::vector<Ref<Image>> images;
    for (size_t i = 0; i < test.programs.size(); ++i) {
      if (test.programs[i] == nullptr) continue;
      images.push_back(image(prepare(test.programs[i], slots)));
      if (i > 0) slots->targets[i - 1] = images.back().get();
    }
    alignas(8) std::array<std::byte, 192> context = {};
    helpers::RunContext run;
    return EngineTest::run(*images[0], context.data(), run);
  }
};

// Linux takes tail calls in subprograms only of programs with BTF: int main(), static int function().
std::vector<std::byte> two_functions_btf() {
  const std::string strings("\0int\0main\0function\0", 19);
  const uint32_t types[] = {
      1,  abi::BTF_KIND_INT << 24,        4, 0x01000020,  // 1: int, signed, 32 bits
      0,  abi::BTF_KIND_FUNC_PROTO << 24, 1,              // 2: int()
      5,  abi::BTF_KIND_FUNC << 24,       2,              // 3: main
      10, abi::BTF_KIND_FUNC << 24,       2,              // 4: function
  };
  const abi::btf_header header = {.magic = abi::BTF_MAGIC,
                                  .version = abi::BTF_VERSION,
                                  .flags = 0,
                                  .hdr_len = sizeof(header),
                                  .type_off = 0,
                                  .type_len = sizeof(types),
                                  .str_off = sizeof(types),
                                  .str_len = static_cast<uint32_t>(strings.size())};
  std::vector<std::byte> btf;
  const auto append = [&](const void* data, size_t size) {
    const auto* begin = static_cast<const std::byte*>(data);
    btf.insert(btf.end(), begin, begin + size);
  };
  append(&header, sizeof(header));
  append(types, sizeof(types));
  append(strings.data(), strings.size());
  return btf;
}

live::Loaded load_with_functions(const std::vector<isa::Insn>& insns) {
  live::LoadOptions options = {.log_level = 1};
  uint32_t func_info[] = {0, 3, 0, 4};
  for (size_t i = 0; i < insns.size(); ++i)
    if (insns[i].code == 0x85 && insns[i].src == abi::BPF_PSEUDO_CALL)
      func_info[2] = static_cast<uint32_t>(i) + 1 + static_cast<uint32_t>(insns[i].imm);
  if (func_info[2] == 0) return live::load(insns, options);
  const auto btf = live::load_btf(two_functions_btf(), 1);
  EXPECT_TRUE(btf.fd) << btf.log;
  options.btf_fd = btf.fd.get();
  options.func_info = std::as_bytes(std::span(func_info));
  return live::load(insns, options);
}

std::optional<uint64_t> ask_kernel(const Case& test) {
  const auto map = live::create_map(abi::BPF_MAP_TYPE_PROG_ARRAY, 4, 4, kSlots);
  EXPECT_TRUE(map);
  if (!map) return std::nullopt;
  std::vector<live::Loaded> loaded;
  for (uint32_t i = 0; i < test.programs.size(); ++i) {
    if (test.programs[i] == nullptr) continue;
    auto insns = assemble(test.programs[i]);
    for (isa::Insn& insn : insns)
      if (insn.code == 0x18) insn.imm = map->get();
    loaded.push_back(load_with_functions(insns));
    EXPECT_TRUE(loaded.back()) << loaded.back().log;
    if (!loaded.back()) return std::nullopt;
    const uint32_t slot = i - 1;
    const int fd = loaded.back().fd.get();
    if (i > 0) {
      EXPECT_TRUE(live::update(map->get(), &slot, &fd));
    }
  }
  const std::array<std::byte, 64> packet = {};
  const auto result = live::test_run(loaded[0].fd.get(), {.data = packet});
  EXPECT_TRUE(result) << result.error().code;
  return result ? std::optional<uint64_t>(result->retval) : std::nullopt;
}

TEST_P(TailCall, AnswersAsTheKernelDoes) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (const Case& test : kCases) {
    const auto expected = ask_kernel(test);
    ASSERT_TRUE(expected) << test.name;
    EXPECT_EQ(run_case(test), *expected) << test.name;
  }
}

TEST_P(TailCall, LimitIs33) {
  EXPECT_EQ(run_case(kCases[0]), 34u);
  EXPECT_EQ(run_case(kCases[2]), 1u);
}

SKEP_FOR_EACH_ENGINE(TailCall);

}  // namespace
}  // namespace skep::exec
