// Instructions of a row for tests: the keyed fields set, the operand fields from a seed.
#pragma once

#include <random>
#include <vector>

#include "isa/insn.h"

namespace skep::isa {

inline std::vector<Insn> sample(const InsnDesc& desc, uint32_t seed) {
  std::mt19937 random(seed);
  const FieldUse use = field_use(desc);
  Insn insn{.code = desc.code};
  if (use.dst) insn.dst = random() % 10;
  if (use.src) insn.src = random() % 10;
  if (use.off) insn.off = static_cast<int16_t>(random());
  if (use.imm) insn.imm = static_cast<int32_t>(random());
  if (desc.off_key != kAny) insn.off = static_cast<int16_t>(desc.off_key);
  if (desc.imm_key != kAny) insn.imm = desc.imm_key;
  if (desc.src_key != kAny) insn.src = static_cast<uint8_t>(desc.src_key) & 0xf;
  if (slots(desc) == 1) return {insn};
  const bool has_second = desc.op == Op::kLoadImm64Const || desc.op == Op::kLoadImm64MapValue ||
                          desc.op == Op::kLoadImm64BtfId || desc.op == Op::kLoadImm64MapIdxValue;
  return {insn, {.imm = has_second ? static_cast<int32_t>(random()) : 0}};
}

}  // namespace skep::isa
