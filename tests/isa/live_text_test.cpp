// The live kernel prints each instruction in its verifier log; ours must be the same text. And it says which
// fields of each instruction are reserved.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "isa/text.h"
#include "sample.h"
#include "support/live_kernel.h"

namespace skep::isa {
namespace {

constexpr size_t kAt = 11;  // index of the instruction under test

// How many places execution may go to from here: each needs an end of its own.
int ways_on(const InsnDesc& desc) {
  if (desc.operation == Operation::kExit) return 0;
  return desc.is_conditional() || desc.operation == Operation::kCallSubprog ? 2 : 1;
}

// Scalars in r0..r9 and initialised stack below r10, then the instruction, then the end, once for each way
// on.
std::vector<Insn> program_around(const std::vector<Insn>& insns, int ways) {
  std::vector<Insn> program;
  for (uint8_t r = 0; r < 10; ++r) program.push_back({.code = 0xb7, .dst = r, .imm = 1});
  program.push_back({.code = 0x7b, .dst = 10, .src = 1, .off = -8});
  program.insert(program.end(), insns.begin(), insns.end());
  for (int i = 0; i < ways; ++i) {
    program.push_back({.code = 0xb7, .dst = 0, .imm = 0});
    program.push_back({.code = 0x95});
  }
  return program;
}

// The text of the instruction at kAt in a verifier log, without the state behind it.
std::optional<std::string> printed(const std::string& log) {
  const std::string start = fmt::format("\n{}: (", kAt);
  const size_t at = log.find(start);
  if (at == log.npos) return std::nullopt;
  std::string line = log.substr(at + start.size() - 1);
  line = line.substr(0, line.find('\n'));
  line = line.substr(0, line.find(';'));
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

// Operands with which the instruction gets as far as being printed.
std::vector<Insn> printable(const InsnDesc& desc, uint32_t seed) {
  std::vector<Insn> insns = sample(desc, seed);
  Insn& insn = insns[0];
  if (desc.is_conditional()) insn.off = 2;
  if (desc.format == Format::kJump) insn.off = 0;
  if (desc.format == Format::kJumpLong) insn.imm = 0;
  if (desc.operation == Operation::kCallSubprog) insn.imm = 2;
  if (desc.operation == Operation::kCallHelper) insn.imm = 7;
  if (desc.operation == Operation::kAddrSpaceCast) insn.imm = seed % 2 != 0 ? 1 : 1 << 16;
  if (desc.mem_bytes != 0 && desc.access == Access::kProved && desc.format != Format::kMovsx) {
    // A dereference is refused before it is printed only when its offset is out of all bounds: keep it small.
    if (desc.off_key == kAny && field_use(desc).off)
      insn.off = static_cast<int16_t>(-8 * static_cast<int>(1 + seed % 3));
  }
  return insns;
}

Naming live_naming() {
  Naming naming;
  naming.call = [](const Insn& insn) -> std::string { return insn.src == 0 ? "bpf_get_prandom_u32#7" : ""; };
  return naming;
}

// Wide loads of objects print addresses, and a kfunc is resolved before anything is printed.
bool prints_as_is(const InsnDesc& desc) {
  if (desc.group == Group::kInternal || desc.operation == Operation::kCallKfunc) return false;
  return desc.operation != Operation::kLoadImm64 || desc.op == Op::kLoadImm64Const;
}

TEST(LiveText, EveryPrintableRowReadsLikeTheKernelsLog) {
  SKEP_REQUIRE_LIVE_KERNEL();
  size_t compared = 0, rows = 0;
  for (const InsnDesc& desc : table()) {
    if (!prints_as_is(desc)) continue;
    ++rows;
    bool seen = false;
    for (uint32_t seed = 0; seed < 4; ++seed) {
      const std::vector<Insn> insns = printable(desc, seed);
      const auto program = program_around(insns, ways_on(desc));
      const auto loaded = live::load(program, {.type = abi::BPF_PROG_TYPE_SOCKET_FILTER, .log_level = 2});
      const auto text = printed(loaded.log);
      if (!text) continue;
      seen = true;
      ++compared;
      EXPECT_EQ(print(insns, live_naming()), *text);
    }
    EXPECT_TRUE(seen) << "the kernel printed no form of " << print(sample(desc, 0)) << ": "
                      << live::load(program_around(printable(desc, 0), ways_on(desc)), {.log_level = 2}).log;
  }
  RecordProperty("compared", static_cast<int>(compared));
  EXPECT_GT(compared, rows * 3);
}

// Sets one field that a row does not use and asks whether the kernel minds.
struct Mutation {
  const char* field;
  bool FieldUse::* used;
  void (*set)(Insn&);
};
const Mutation kMutations[] = {
    {"dst", &FieldUse::dst, [](Insn& insn) { insn.dst = 1; }},
    {"src", &FieldUse::src, [](Insn& insn) { insn.src = 1; }},
    {"off", &FieldUse::off, [](Insn& insn) { insn.off = 2; }},
    {"imm", &FieldUse::imm, [](Insn& insn) { insn.imm = 1; }},
};

TEST(LiveText, ReservedFieldsAreThoseTheKernelRefuses) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (const InsnDesc& desc : table()) {
    if (!prints_as_is(desc)) continue;
    for (const Mutation& mutation : kMutations) {
      if (field_use(desc).*mutation.used) continue;
      std::vector<Insn> insns = printable(desc, 1);
      mutation.set(insns[0]);
      const InsnDesc* found = describe(insns[0]);
      const bool ours_ok = found != nullptr && reserved_fields_ok(*found, insns[0]);
      const auto loaded = live::load(program_around(insns, ways_on(desc)), {.log_level = 2});
      const std::string tail = loaded.log.substr(loaded.log.size() > 300 ? loaded.log.size() - 300 : 0);
      const bool kernel_minds = loaded.log.find("reserved field") != std::string::npos ||
                                loaded.log.find("invalid may_goto") != std::string::npos;
      EXPECT_EQ(ours_ok, !kernel_minds) << print(insns) << " with " << mutation.field << " set\n" << tail;
      if (kernel_minds) {
        EXPECT_EQ(loaded.error, EINVAL);
      }
    }
  }
}

TEST(LiveText, OpcodesThatNoRowHasAreUnknownToTheKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (int code = 0; code < 256; ++code) {
    std::vector<Insn> insns = {{.code = static_cast<uint8_t>(code)}};
    if (code == 0x18) insns.push_back({});
    const auto loaded = live::load(program_around(insns, code == 0x95 ? 0 : 1), {.log_level = 2});
    // Linux looks at the mode of an LDX first, and calls it a reserved field when there is no such load.
    const bool unknown = loaded.log.find(fmt::format("unknown opcode {:02x}", code)) != std::string::npos ||
                         loaded.log.find("BPF_LDX uses reserved fields") != std::string::npos;
    EXPECT_EQ(opcode_known(static_cast<uint8_t>(code)), !unknown) << std::hex << code << "\n" << loaded.log;
    if (unknown) {
      EXPECT_EQ(loaded.error, EINVAL);
    }
  }
}

}  // namespace
}  // namespace skep::isa
