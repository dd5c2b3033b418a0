// Every row of the instruction table on the interpreter and on the JIT: all pairs of registers, edge values,
// and for memory also what lies outside of it. The interpreter is the oracle.
#include <sys/mman.h>

#include <array>
#include <cstring>

#include "program.h"

namespace skep::exec::jit {
namespace {

using isa::Access;
using isa::Format;
using isa::Insn;
using isa::InsnDesc;
using isa::Op;
using isa::Operation;
using isa::Source;

constexpr int kRegisters = 10;  // r0..r9
constexpr uint64_t kEdges[] = {0,
                               1,
                               2,
                               0x7f,
                               0x80,
                               0xffff,
                               0x7fffffff,
                               0x80000000,
                               0xffffffff,
                               0x100000000,
                               0x7fffffffffffffff,
                               0x8000000000000000,
                               0xffffffffffffffff,
                               0x0123456789abcdef};
constexpr int32_t kImmediates[] = {0,  1,  -1,   2,    3,    7,    8,          31,       32,
                                   63, 64, 0x7f, 0x80, -128, -129, 0x7fffffff, INT32_MIN};

// What a program reads and writes. The first part is its context.
struct State {
  uint64_t registers[kRegisters] = {};
  uint64_t fell_through = 0;  // 1 when the instruction did not jump
  uint64_t result = 0;        // of the run
  alignas(16) uint64_t memory[4] = {};
  friend bool operator==(const State&, const State&) = default;
};

constexpr int slot(int number) { return -8 * (number + 1); }  // 0: context, 1: fell_through, 2+i: register i

uint64_t mix(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, helpers::RunContext& run) {
  return a + 3 * b + 5 * c + 7 * d + 11 * e + run.attach_cookie;
}

// Loads all registers, executes `insn`, notes whether it jumped over the next instruction, stores all
// registers.
Program surround(const InsnDesc& row, const Insn& insn) {
  Program program{store64(10, slot(0), 1), make(Op::kStore64Imm, 10, 0, slot(1), 0)};
  for (const int reg : {0, 2, 3, 4, 5, 6, 7, 8, 9, 1}) program += load64(reg, 1, 8 * reg);
  if (row.operation == Operation::kCallHelper || row.operation == Operation::kCallKfunc)
    program.call(insn, &mix);
  else
    program += insn;
  if (isa::slots(row) == 2) program += Insn{.imm = 0x1234567};
  program += make(Op::kStore64Imm, 10, 0, slot(1), 1);
  for (int reg = 0; reg < kRegisters; ++reg) program += store64(10, slot(2 + reg), reg);
  program += load64(1, 10, slot(0));
  for (int field = 0; field < kRegisters; ++field) {
    program += load64(2, 10, slot(2 + field));
    program += store64(1, 8 * field, 2);
  }
  program += load64(2, 10, slot(1));
  program += store64(1, offsetof(State, fell_through), 2);
  program += copy(0, 2);
  program += exit_insn();
  // A subprogram for those that call one; it changes every register that it has to put back.
  for (const int reg : {2, 3, 4, 5}) program += add(1, reg);
  for (const int reg : {6, 7, 8, 9}) program += set(reg, -reg);
  program += copy(0, 1);
  program += exit_insn();
  return program;
}

// Distance from the tested instruction to the subprogram at the end of surround()'s program.
constexpr int kSubprogramLength = 10;

int load_packet(helpers::RunContext&, const void* ctx, uint32_t offset, uint32_t bytes, uint64_t* value) {
  if (offset >= 0x80) return -EFAULT;
  *value = reinterpret_cast<uintptr_t>(ctx) + offset * 256 + bytes;
  return 0;
}

bool is_call(const InsnDesc& row) { return row.format == Format::kCall; }
bool clobbers_arguments(const InsnDesc& row) {
  return is_call(row) || row.format == Format::kLoadAbs || row.format == Format::kLoadInd;
}
bool has_memory(const InsnDesc& row) {
  return row.mem_bytes != 0 &&
         (row.format == Format::kLoad || row.format == Format::kStore || row.is_atomic_rmw() ||
          row.format == Format::kLoadAcquire || row.format == Format::kStoreRelease);
}
bool address_is_src(const InsnDesc& row) {
  return row.format == Format::kLoad || row.format == Format::kLoadAcquire;
}

enum class Place { kInside, kUnmapped, kNotExported, kNoArena };

struct Surroundings {
  Place place = Place::kInside;
  void* unmapped = nullptr;
};

// One run. `state` is at the same address for both engines, since addresses land in registers.
void run_once(const Ref<Image>& image, const InsnDesc& row, State& state, const Surroundings& around) {
  helpers::RunContext run;
  run.packet_load = &load_packet;
  run.attach_cookie = 17;
  run.percpu_offset = 0x123456789000;
  run.arena_user_base = 0x7e0000000000;
  run.exported_begin = state.memory;
  run.exported_end = std::end(state.memory);
  run.arena_base = reinterpret_cast<std::byte*>(state.memory);
  if (around.place == Place::kUnmapped) {
    run.exported_begin = around.unmapped;
    run.exported_end = static_cast<std::byte*>(around.unmapped) + 4096;
    run.arena_base = static_cast<std::byte*>(around.unmapped);
  } else if (around.place == Place::kNotExported) {
    run.exported_end = reinterpret_cast<std::byte*>(state.memory) + 8 + row.mem_bytes - 1;
  } else if (around.place == Place::kNoArena) {
    run.arena_base = nullptr;
  }
  state.result = image->run(&state, run);
  if (clobbers_arguments(row)) std::fill_n(&state.registers[1], 5, 0);
}

class RowTest : public testing::TestWithParam<size_t> {
 protected:
  static void SetUpTestSuite() {
    unmapped_ = ::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(unmapped_, MAP_FAILED);
  }
  static void TearDownTestSuite() { ::munmap(unmapped_, 4096); }

  const InsnDesc& row() const { return isa::table()[GetParam()]; }
  void compare(const Insn& insn);
  void compare_values(const Insn& insn, const std::vector<Ref<Image>>& images, Surroundings around);
  void fill(State& state, const Insn& insn, uint64_t a, uint64_t b, const Surroundings& around) const;

  static void* unmapped_;
};
void* RowTest::unmapped_ = nullptr;

void RowTest::fill(State& state, const Insn& insn, uint64_t a, uint64_t b, const Surroundings& around) const {
  state = {};
  for (int i = 0; i < kRegisters; ++i)
    state.registers[i] = 0x1111111111111111u * static_cast<uint64_t>(i + 1);
  for (size_t i = 0; i < std::size(state.memory); ++i) state.memory[i] = a ^ (0x0101010101010101u * i);
  if (insn.src < kRegisters) state.registers[insn.src] = b;
  if (insn.dst < kRegisters) state.registers[insn.dst] = a;
  if (row().operation == Operation::kAtomicCmpxchg && (b & 1)) state.registers[0] = state.memory[1];
  if (!has_memory(row())) return;
  // The instruction's off is 8, so that the address is one word before the operand.
  uint64_t& address = state.registers[address_is_src(row()) ? insn.src : insn.dst];
  if (row().access == Access::kArena || row().access == Access::kArenaAtomic)
    address = b << 32;  // only the low half counts
  else if (around.place == Place::kUnmapped)
    address = reinterpret_cast<uintptr_t>(around.unmapped);
  else
    address = reinterpret_cast<uintptr_t>(state.memory);
}

void RowTest::compare_values(const Insn& insn, const std::vector<Ref<Image>>& images, Surroundings around) {
  static State state;
  const size_t step = has_memory(row()) ? 3 : 1;
  for (size_t i = 0; i < std::size(kEdges); ++i) {
    for (size_t j = i % step; j < std::size(kEdges); j += step) {
      const uint64_t a = kEdges[i], b = kEdges[j];
      fill(state, insn, a, b, around);
      run_once(images[0], row(), state, around);
      const State expected = state;
      for (size_t image = 1; image < images.size(); ++image) {
        fill(state, insn, a, b, around);
        run_once(images[image], row(), state, around);
        if (state == expected) continue;
        for (int r = 0; r < kRegisters; ++r) EXPECT_EQ(state.registers[r], expected.registers[r]) << "r" << r;
        for (size_t m = 0; m < std::size(state.memory); ++m) EXPECT_EQ(state.memory[m], expected.memory[m]);
        EXPECT_EQ(state.fell_through, expected.fell_through);
        EXPECT_EQ(state.result, expected.result);
        FAIL() << "dst r" << int{insn.dst} << " src r" << int{insn.src} << " imm " << insn.imm << std::hex
               << " a " << a << " b " << b << " place " << static_cast<int>(around.place) << " image "
               << image;
      }
    }
  }
}

void RowTest::compare(const Insn& insn) {
  const Program program = surround(row(), insn);
  std::vector<Ref<Image>> images = {program.image(Engine::kInterpreter), program.jit()};
  if (row().format == Format::kAlu || is_call(row()))
    images.push_back(program.jit({.bmi2 = false, .near_calls = false}));
  for (const auto& image : images) ASSERT_TRUE(image);
  compare_values(insn, images, {});
  if (!has_memory(row()) || row().access == Access::kProved) return;
  compare_values(insn, images, {Place::kUnmapped, unmapped_});
  compare_values(insn, images,
                 {row().access == Access::kProbe ? Place::kNotExported : Place::kNoArena, nullptr});
}

TEST_P(RowTest, JitDoesWhatTheInterpreterDoes) {
  const InsnDesc& row = this->row();
  const isa::FieldUse use = isa::field_use(row);
  if (row.operation == Operation::kCallIndirect) {
    EXPECT_FALSE(make_plain_executable(std::array{make(row.op), exit_insn()}).has_value());
    return;
  }
  if (row.operation == Operation::kTailCall) GTEST_SKIP() << "tail_call_test.cpp";
  if (row.op == Op::kLoadImm64Func) GTEST_SKIP() << "calls_test.cpp: each image has its own address";
  std::vector<int32_t> immediates = {0x20};
  if (row.source == Source::kImm && !is_call(row) && row.imm_key == isa::kAny)
    immediates.assign(std::begin(kImmediates), std::end(kImmediates));
  if (row.operation == Operation::kLoadInd) immediates = {0, -1, 0x7f};
  if (row.operation == Operation::kAddrSpaceCast) immediates = {1, 1 << 16};
  int off = has_memory(row) ? 8 : 0;
  if (row.is_jump()) off = 1;
  if (row.format == Format::kJumpLong) immediates = {1};
  if (row.operation == Operation::kCallSubprog) {
    const auto length = static_cast<int32_t>(surround(isa::row(Op::kExit), exit_insn()).size());
    immediates = {length - kSubprogramLength - 13};
  }
  const bool two_registers = use.src && row.source == Source::kReg;
  for (int dst = 0; dst < (use.dst ? kRegisters : 1); ++dst)
    for (int src = 0; src < (two_registers ? kRegisters : 1); ++src)
      for (const int32_t imm : immediates) {
        compare(make(row.op, dst, src, off, imm));
        if (HasFatalFailure()) return;
      }
}

std::string row_name(const testing::TestParamInfo<size_t>& info) {
  static constexpr const char* kNames[] = {
#define SKEP_INSN(name, ...) #name,
#include "isa/insn.def"
#undef SKEP_INSN
  };
  return kNames[info.param];
}

INSTANTIATE_TEST_SUITE_P(Isa, RowTest, testing::Range(size_t{0}, isa::table().size()), row_name);

}  // namespace
}  // namespace skep::exec::jit
