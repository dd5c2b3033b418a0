// Tail calls: the limit and what counts, within and across engines, from subprograms; the live kernel agrees.
#include <array>
#include <atomic>

#include "abi/helper_ids.h"
#include "maps/map.h"
#include "program.h"
#include "support/live_kernel.h"

namespace skep::exec::jit {
namespace {

using helpers::RunContext;
using isa::Op;

constexpr int kSlots = 4;

// What a program sees of a prog_array.
class Slots final : public maps::Map {
 public:
  Slots()
      : Map({.type = abi::BPF_MAP_TYPE_PROG_ARRAY, .max_entries = kSlots},
            *maps::find_type(abi::BPF_MAP_TYPE_PROG_ARRAY)) {}
  void set(int index, const Ref<Image>& image) { targets_[index] = image.get(); }
  const maps::TailSlots* tail_slots() const noexcept override { return &view_; }
  uint64_t memory_usage() const override { return 0; }

 private:
  std::array<std::atomic<maps::TailTarget*>, kSlots> targets_ = {};
  maps::TailSlots view_{kSlots, targets_.data()};
};

// (*(u64 *)ctx)++; tail call of slot `index`; r0 = 1000 + r6 when that fails. `known` as the verifier would
// know it.
Program counting(const maps::Map& map, int index, bool known = true) {
  Program program{load64(2, 1, 0), make(Op::kAdd64Imm, 2, 0, 0, 1), store64(1, 0, 2), set(6, 5)};
  if (known)
    program.load_map(2, map);
  else
    program.load_imm64(2, map.handle());
  program += set(3, index);
  program += make(Op::kTailCall);
  program += set(0, 1000);
  program += add(0, 6);
  program += exit_insn();
  return program;
}

class TailCallTest : public testing::TestWithParam<std::pair<Engine, Engine>> {
 protected:
  Engine caller() const { return GetParam().first; }
  Engine callee() const { return GetParam().second; }
  Ref<Slots> map_ = make_ref<Slots>();
};
constexpr std::pair<Engine, Engine> kPairs[] = {{Engine::kInterpreter, Engine::kInterpreter},
                                                {Engine::kInterpreter, Engine::kJit},
                                                {Engine::kJit, Engine::kInterpreter},
                                                {Engine::kJit, Engine::kJit}};
INSTANTIATE_TEST_SUITE_P(Engines, TailCallTest, testing::ValuesIn(kPairs), [](const auto& info) {
  const auto name = [](Engine engine) { return engine == Engine::kJit ? "Jit" : "Interpreter"; };
  return std::string(name(info.param.first)) + "To" + name(info.param.second);
});

// Two programs call each other: 33 calls are taken, the 34th goes on behind the call.
TEST_P(TailCallTest, LimitIs33) {
  for (const bool known : {true, false}) {
    const auto a = counting(*map_, 1, known).image(caller());
    const auto b = counting(*map_, 0, known).image(callee());
    map_->set(0, a);
    map_->set(1, b);
    uint64_t runs = 0;
    EXPECT_EQ(run(a, &runs), 1005u);
    EXPECT_EQ(runs, 34u);
    runs = 0;
    EXPECT_EQ(run(a, &runs), 1005u);  // each run counts from 0
    EXPECT_EQ(runs, 34u);
  }
}

TEST_P(TailCallTest, EmptySlotsAndBadIndicesGoOn) {
  for (const int index : {0, kSlots, -1}) {
    uint64_t runs = 0;
    EXPECT_EQ(run(counting(*map_, index).image(caller()), &runs), 1005u) << index;
    EXPECT_EQ(runs, 1u);
  }
}

// The index is 32 bits wide: what stands above it does not count.
TEST_P(TailCallTest, IndexIsItsLowHalf) {
  const auto target = Program{set(0, 9), exit_insn()}.image(callee());
  map_->set(2, target);
  Program program{};
  program.load_map(2, *map_).load_imm64(3, 0xabcd00000002);
  program += make(Op::kTailCall);
  program += set(0, 1);
  program += exit_insn();
  EXPECT_EQ(run(program.image(caller())), 9u);
}

// A tail call in a subprogram replaces the subprogram: the target's r0 goes to the caller of the subprogram,
// whose registers and stack are intact.
TEST_P(TailCallTest, FromASubprogramReturnsToItsCaller) {
  Program target{};
  for (int reg = 6; reg <= 9; ++reg) target += set(reg, -1);
  for (int at = 8; at <= 512; at += 8) target += make(Op::kStore64Imm, 10, 0, -at, -1);
  target += set(0, 40);
  target += exit_insn();
  const auto callee_image = target.image(callee());
  map_->set(3, callee_image);
  Program program{set(7, 2),
                  make(Op::kStore64Imm, 10, 0, -8, 100),
                  make(Op::kCallSubprog, 0, 0, 0, 4),
                  add(0, 7),
                  load64(1, 10, -8),
                  add(0, 1),
                  exit_insn(),
                  set(8, 1)};
  program.load_map(2, *map_);
  program += set(3, 3);
  program += make(Op::kTailCall);
  program += set(0, 0);
  program += exit_insn();
  EXPECT_EQ(run(program.image(caller())), 142u);
}

// r2 loaded before a branch that joins is not known at the call any more.
TEST_P(TailCallTest, MapThatDependsOnTheWayIsReadAtRunTime) {
  const auto other = make_ref<Slots>();
  const auto nine = Program{set(0, 9), exit_insn()}.image(callee());
  const auto eight = Program{set(0, 8), exit_insn()}.image(callee());
  map_->set(0, nine);
  other->set(0, eight);
  Program program{load64(4, 1, 0)};
  program.load_map(2, *map_);
  program += make(Op::kJne64Imm, 4, 0, 2, 0);
  program.load_map(2, *other);
  program += set(3, 0);
  program += make(Op::kTailCall);
  program += set(0, 1);
  program += exit_insn();
  const auto image = program.image(caller());
  uint64_t way = 0;
  EXPECT_EQ(run(image, &way), 8u);
  way = 1;
  EXPECT_EQ(run(image, &way), 9u);
}

// The same with a loop: the second time round, r2 holds what the end of the first left in it.
TEST_P(TailCallTest, MapThatChangesInALoopIsReadAtRunTime) {
  const auto other = make_ref<Slots>();
  const auto eight = Program{set(0, 8), exit_insn()}.image(callee());
  other->set(0, eight);
  Program program{copy(6, 1)};
  program.load_map(2, *map_);
  program += set(3, 0);
  program += make(Op::kTailCall);  // the first time, the slot is empty
  program += copy(1, 6);
  program.load_map(2, *other);
  program += make(Op::kJump, 0, 0, -6);
  program += exit_insn();
  EXPECT_EQ(run(program.image(caller())), 8u);
}

// 40 calls of an empty slot, then a call of itself: on the live kernel and here.
std::vector<isa::Insn> empty_slots_first(const std::vector<isa::Insn>& count, uint64_t map_high_low,
                                         int src) {
  std::vector<isa::Insn> insns = count;
  const auto call = [&](int index) {
    insns.push_back(copy(1, 6));
    insns.push_back(make(src != 0 ? Op::kLoadImm64MapFd : Op::kLoadImm64Const, 2, 0, 0,
                         static_cast<int32_t>(map_high_low)));
    insns.push_back({});
    insns.back().imm = static_cast<int32_t>(map_high_low >> 32);
    insns.push_back(set(3, index));
    insns.push_back(src != 0 ? make(Op::kCallHelper, 0, 0, 0, abi::BPF_FUNC_tail_call) : make(Op::kTailCall));
  };
  for (int i = 0; i < 40; ++i) call(1);
  call(0);
  insns.push_back(set(0, 0));
  insns.push_back(exit_insn());
  return insns;
}

constexpr uint64_t kExpectedRuns = 34;

TEST_P(TailCallTest, CallsOfEmptySlotsDoNotCount) {
  const std::vector<isa::Insn> count = {copy(6, 1), load64(2, 1, 0), make(Op::kAdd64Imm, 2, 0, 0, 1),
                                        store64(1, 0, 2)};
  auto executable = make_plain_executable(empty_slots_first(count, map_->handle(), 0));
  ASSERT_TRUE(executable.has_value());
  auto image = make_image(*std::move(executable), caller());
  ASSERT_TRUE(image.has_value());
  map_->set(0, *image);
  uint64_t runs = 0;
  run(*image, &runs);
  EXPECT_EQ(runs, kExpectedRuns);
}

TEST(TailCallOracle, LiveKernelDoesNotCountEmptySlotsEither) {
  SKEP_REQUIRE_LIVE_KERNEL();
  auto programs = live::create_map(abi::BPF_MAP_TYPE_PROG_ARRAY, 4, 4, kSlots);
  auto counter = live::create_map(abi::BPF_MAP_TYPE_ARRAY, 4, 8, 1);
  ASSERT_TRUE(programs.has_value() && counter.has_value());
  const std::vector<isa::Insn> count = {copy(6, 1),
                                        make(Op::kLoadImm64MapValue, 1, 0, 0, counter->get()),
                                        {},
                                        load64(2, 1, 0),
                                        make(Op::kAdd64Imm, 2, 0, 0, 1),
                                        store64(1, 0, 2)};
  const auto loaded = live::load(empty_slots_first(count, static_cast<uint32_t>(programs->get()), 1));
  ASSERT_TRUE(loaded) << loaded.error << loaded.log;
  const uint32_t key = 0, fd = static_cast<uint32_t>(loaded.fd.get());
  ASSERT_TRUE(live::update(programs->get(), &key, &fd).has_value());
  const std::array<std::byte, 64> packet = {};
  ASSERT_TRUE(live::test_run(loaded.fd.get(), {.data = packet}).has_value());
  uint64_t runs = 0;
  ASSERT_TRUE(live::lookup(counter->get(), &key, &runs).has_value());
  EXPECT_EQ(runs, kExpectedRuns);
}

}  // namespace
}  // namespace skep::exec::jit
