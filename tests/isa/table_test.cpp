#include <gtest/gtest.h>

#include "isa/insn.h"
#include "sample.h"

namespace skep::isa {
namespace {

TEST(Table, DescribeFindsEachRow) {
  for (const InsnDesc& desc : table()) {
    for (uint32_t seed = 0; seed < 50; ++seed) {
      const Insn insn = sample(desc, seed)[0];
      EXPECT_EQ(describe(insn), &desc) << desc.mnemonic << " code " << int{desc.code};
      EXPECT_TRUE(reserved_fields_ok(desc, insn));
    }
  }
}

// The opcodes of RFC 9669's appendix, as classes of what must be there and what must not.
TEST(Table, OpcodesOfTheStandardAreThere) {
  const std::vector<int> unknown_in_linux = {0x8d,        0x96,        0x86, 0x8e, 0xdf,
                                             0x87 | 0x08, 0x84 | 0x08, 0x38, 0x58, 0xe6};
  for (int code : unknown_in_linux)
    EXPECT_FALSE(opcode_known(static_cast<uint8_t>(code))) << std::hex << code;
  for (int code :
       {0x05, 0x06, 0x07, 0x18, 0x20, 0x61, 0x81, 0x85, 0x95, 0xc3, 0xdb, 0xcb, 0xd3, 0xd4, 0xdc, 0xd7, 0xe5})
    EXPECT_TRUE(opcode_known(static_cast<uint8_t>(code))) << std::hex << code;
}

TEST(Table, KeyedFieldsDecide) {
  EXPECT_EQ(describe({.code = 0xbf, .off = 0})->op, Op::kMov64Reg);
  EXPECT_EQ(describe({.code = 0xbf, .off = 8})->op, Op::kMovsx64From8);
  EXPECT_EQ(describe({.code = 0xbf, .off = 1})->op, Op::kAddrSpaceCast);
  EXPECT_EQ(describe({.code = 0xbf, .off = 2}), nullptr);
  EXPECT_EQ(describe({.code = 0xbc, .off = 32}), nullptr);
  EXPECT_EQ(describe({.code = 0x3f, .off = 1})->op, Op::kSdiv64Reg);
  EXPECT_EQ(describe({.code = 0xdb, .imm = 0xf1})->op, Op::kAtomicCmpxchg64);
  EXPECT_EQ(describe({.code = 0xdb, .imm = 0x02}), nullptr);
  EXPECT_EQ(describe({.code = 0xd3, .imm = 0x100})->op, Op::kLoadAcquire8);
  EXPECT_EQ(describe({.code = 0xd3, .imm = 0}), nullptr);
  EXPECT_EQ(describe({.code = 0x85, .src = 1})->op, Op::kCallSubprog);
  EXPECT_EQ(describe({.code = 0x85, .src = 3}), nullptr);
  EXPECT_EQ(describe({.code = 0xd4, .imm = 24}), nullptr);
}

}  // namespace
}  // namespace skep::isa
