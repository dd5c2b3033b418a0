#include "progtypes/ctx/lowering.h"

#include "abi/insn.h"
#include "base/check.h"

namespace skep::progtypes {
namespace {

uint8_t size_code(uint32_t size) {
  switch (size) {
    case 1:
      return abi::BPF_B;
    case 2:
      return abi::BPF_H;
    case 4:
      return abi::BPF_W;
    default:
      SKEP_CHECK(size == 8);
      return abi::BPF_DW;
  }
}

isa::Insn make(int code, int dst, int src, int off, int32_t imm) {
  isa::Insn insn;
  insn.code = static_cast<uint8_t>(code);
  insn.dst = static_cast<uint8_t>(dst & 15);
  insn.src = static_cast<uint8_t>(src & 15);
  insn.off = static_cast<int16_t>(off);
  insn.imm = imm;
  return insn;
}

}  // namespace

isa::Insn load(uint32_t size, int dst, int src, int off) {
  return make(abi::BPF_LDX | abi::BPF_MEM | size_code(size), dst, src, off, 0);
}

isa::Insn store_at(uint32_t size, int base, const isa::Insn& original, int off) {
  return make((original.code & 7) | abi::BPF_MEM | size_code(size), base, original.src, off, original.imm);
}

isa::Insn store(uint32_t size, const isa::Insn& original, int off) {
  return store_at(size, original.dst, original, off);
}

isa::Insn store_register(uint32_t size, int base, int src, int off) {
  return make(abi::BPF_STX | abi::BPF_MEM | size_code(size), base, src, off, 0);
}

isa::Insn alu64(int32_t code, int dst, int32_t imm) { return make(abi::BPF_ALU64 | code, dst, 0, 0, imm); }
isa::Insn alu64_register(int32_t code, int dst, int src) {
  return make(abi::BPF_ALU64 | abi::BPF_X | code, dst, src, 0, 0);
}
isa::Insn alu32(int32_t code, int dst, int32_t imm) { return make(abi::BPF_ALU | code, dst, 0, 0, imm); }
isa::Insn jump(int32_t code, int dst, int32_t imm, int off) {
  return make(abi::BPF_JMP | code, dst, 0, off, imm);
}
isa::Insn jump32(int32_t code, int dst, int32_t imm, int off) {
  return make(abi::BPF_JMP32 | code, dst, 0, off, imm);
}

int spare_register(int a, int b) {
  int spare = 9;
  while (spare == a || spare == b) --spare;
  return spare;
}

void lower_member(const ContextField& field, const FieldUse& use, Out& out) {
  int off = offset_of(field.lower_data) + static_cast<int>(use.offset - field.offset);
  uint32_t size = size_of(field.lower_data);
  out.push_back(use.write ? store(size, use.insn, off) : load(size, use.insn.dst, use.insn.src, off));
}

void lower_bytes(const ContextField& field, const FieldUse& use, Out& out) {
  int off = offset_of(field.lower_data) + static_cast<int>(use.offset - field.offset);
  out.push_back(use.write ? store(use.size, use.insn, off) : load(use.size, use.insn.dst, use.insn.src, off));
}

void lower_nested(const ContextField& field, const FieldUse& use, Out& out) {
  int off = offset_of(field.lower_data) + static_cast<int>(use.offset - field.offset);
  out.push_back(load(8, use.insn.dst, use.insn.src, pointer_of(field.lower_data)));
  out.push_back(load(size_of(field.lower_data), use.insn.dst, use.insn.dst, off));
}

void lower_nested_or_zero(const ContextField& field, const FieldUse& use, Out& out) {
  int off = offset_of(field.lower_data) + static_cast<int>(use.offset - field.offset);
  out.push_back(load(8, use.insn.dst, use.insn.src, pointer_of(field.lower_data)));
  out.push_back(jump(abi::BPF_JEQ, use.insn.dst, 0, 1));
  out.push_back(load(size_of(field.lower_data), use.insn.dst, use.insn.dst, off));
}

void lower_nested_port(const ContextField& field, const FieldUse& use, Out& out) {
  lower_nested(field, use, out);
  out.push_back(alu32(abi::BPF_LSH, use.insn.dst, 16));
}

}  // namespace skep::progtypes
