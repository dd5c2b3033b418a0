#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isa/text.h"
#include "sample.h"

namespace skep::isa {
namespace {

TEST(Text, EveryRowReadsBackAsItWasPrinted) {
  const Naming naming = symbolic_naming();
  for (const InsnDesc& desc : table()) {
    for (uint32_t seed = 0; seed < 20; ++seed) {
      std::vector<Insn> insns = sample(desc, seed);
      // Neither is part of the notation: which object a kfunc comes from, and what a rewritten tail call
      // carries.
      if (desc.operation == Operation::kCallKfunc) insns[0].off = 0;
      if (desc.operation == Operation::kTailCall) insns[0].imm = 0;
      const std::string text = print(insns, naming);
      const auto back = assemble(text);
      ASSERT_TRUE(back) << text << ": " << back.error().message;
      EXPECT_EQ(*back, insns) << text;
      if (desc.group == Group::kInternal) continue;
      const auto without_opcode = assemble(std::string_view(text).substr(5));
      ASSERT_TRUE(without_opcode) << text << ": " << without_opcode.error().message;
      EXPECT_EQ(print(*without_opcode, naming), text);
    }
  }
}

TEST(Text, LabelsCommentsAndIndexes) {
  const auto program = assemble(
      "; counts to ten\n"
      "0: (b7) r0 = 0\n"
      "again: r0 += 1   // one more\n"
      "  if r0 < 0xa goto again\n"
      "call function\n"
      "\n"
      "goto end\n"
      "function:\n"
      "  r0 = 7\n"
      "end: exit");
  ASSERT_TRUE(program) << program.error().message;
  ASSERT_EQ(program->size(), 7u);
  EXPECT_EQ((*program)[2], (Insn{.code = 0xa5, .off = -2, .imm = 10}));
  EXPECT_EQ((*program)[3], (Insn{.code = 0x85, .src = 1, .imm = 1}));
  EXPECT_EQ((*program)[4], (Insn{.code = 0x05, .off = 1}));
}

TEST(Text, WideAndNarrowConstants) {
  const auto program = assemble("r1 = 5\nr1 = 0x5\nr1 = 0xffffffffffffffff");
  ASSERT_TRUE(program) << program.error().message;
  ASSERT_EQ(program->size(), 5u);
  EXPECT_EQ((*program)[0].code, 0xb7);
  EXPECT_EQ((*program)[1].code, 0x18);
  EXPECT_EQ(imm64((*program)[3], (*program)[4]), ~uint64_t{0});
}

struct BadLine {
  const char* text;
  const char* message;
};
class TextErrors : public testing::TestWithParam<BadLine> {};
TEST_P(TextErrors, NameTheLine) {
  const auto program = assemble(GetParam().text);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, EINVAL);
  EXPECT_EQ(program.error().message, GetParam().message);
}
INSTANTIATE_TEST_SUITE_P(
    All, TextErrors,
    testing::Values(BadLine{"r0 = 0\nr12 = 1", "line 2: no instruction is written 'r12 = 1'"},
                    BadLine{"r0 = 4294967296", "line 1: no instruction is written 'r0 = 4294967296'"},
                    BadLine{"r1 = -r2", "line 1: no instruction is written 'r1 = -r2'"},
                    BadLine{"(b7) r0 += 1", "line 1: no instruction is written '(b7) r0 += 1'"},
                    BadLine{"gotonowhere", "line 1: no instruction is written 'gotonowhere'"},
                    BadLine{"goto nowhere", "line 1: no label 'nowhere'"},
                    BadLine{"a: r0 = 0\na: exit", "line 2: label 'a' stands twice"},
                    BadLine{"r0 = *(u32 *)(r1 +40000)",
                            "line 1: no instruction is written 'r0 = *(u32 *)(r1 +40000)'"},
                    BadLine{"r0 = 0 exit", "line 1: no instruction is written 'r0 = 0 exit'"}));

TEST(Text, UnknownBytesPrint) {
  const Insn insn{.code = 0xff};
  EXPECT_EQ(print({&insn, 1}), "(ff) unknown");
  const Insn half{.code = 0x18, .imm = 5};
  EXPECT_EQ(print({&half, 1}), "(18) r0 = 0x5");
}

}  // namespace
}  // namespace skep::isa
