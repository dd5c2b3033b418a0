// Lowering of context fields: how rows of ctx/*.def turn into instructions on the kernel-side structs.
//
// Each function here is a LowerFn; member(), nested() and so on pack its parameters into
// ContextField::lower_data. The number of instructions of each is that of Linux's convert_ctx_access, so that
// xlated lengths agree.
#pragma once

#include <cstddef>
#include <cstdint>

#include "progtypes/prog_type.h"

namespace skep::progtypes {

// lower_data of a load or store of `size` bytes at `offset` of what `base` points at; `pointer` is the offset
// of that base pointer in the context (unused by lower_member).
constexpr uint64_t nested(uint64_t pointer, uint64_t offset, uint64_t size) {
  return pointer | offset << 16 | size << 32;
}
constexpr uint64_t member(uint64_t offset, uint64_t size) { return nested(0, offset, size); }
constexpr int16_t pointer_of(uint64_t data) { return static_cast<int16_t>(data & 0xffff); }
constexpr int16_t offset_of(uint64_t data) { return static_cast<int16_t>(data >> 16 & 0xffff); }
constexpr uint32_t size_of(uint64_t data) { return static_cast<uint32_t>(data >> 32 & 0xff); }

isa::Insn load(uint32_t size, int dst, int src, int off);
isa::Insn store(uint32_t size, const isa::Insn& original, int off);  // keeps register or immediate
isa::Insn store_at(uint32_t size, int base, const isa::Insn& original, int off);
isa::Insn store_register(uint32_t size, int base, int src, int off);
isa::Insn alu64(int32_t code, int dst, int32_t imm);
isa::Insn alu64_register(int32_t code, int dst, int src);
isa::Insn alu32(int32_t code, int dst, int32_t imm);
isa::Insn jump(int32_t code, int dst, int32_t imm, int off);
isa::Insn jump32(int32_t code, int dst, int32_t imm, int off);

int spare_register(int a, int b);  // one other than these two

using Out = std::vector<isa::Insn>;

// A member of the context itself; element n of an array field is n elements further.
void lower_member(const ContextField& field, const FieldUse& use, Out& out);
// The same with the access's own size (kAnySize).
void lower_bytes(const ContextField& field, const FieldUse& use, Out& out);
// A member of what a pointer in the context points at; read only.
void lower_nested(const ContextField& field, const FieldUse& use, Out& out);
// The same where the pointer may be null: the field is 0 then.
void lower_nested_or_zero(const ContextField& field, const FieldUse& use, Out& out);
// A port of 16 bits in network order, as a field of 32 bits in network order.
void lower_nested_port(const ContextField& field, const FieldUse& use, Out& out);

}  // namespace skep::progtypes
