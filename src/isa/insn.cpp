// The instruction table in memory, and the index from an opcode byte to its rows.
#include "isa/insn.h"

#include <array>

namespace skep::isa {
namespace {

constexpr InsnDesc kTable[] = {
#define SKEP_INSN(name, code, off, imm, src, operation, source, width, bytes, access, format, mnemonic, \
                  group, major, minor)                                                                  \
  {Op::k##name,                                                                                         \
   code,                                                                                                \
   off,                                                                                                 \
   imm,                                                                                                 \
   src,                                                                                                 \
   Operation::k##operation,                                                                             \
   Source::k##source,                                                                                   \
   Width::k##width,                                                                                     \
   bytes,                                                                                               \
   Access::k##access,                                                                                   \
   Format::k##format,                                                                                   \
   mnemonic,                                                                                            \
   Group::k##group,                                                                                     \
   v(major, minor)},
#include "isa/insn.def"
#undef SKEP_INSN
};
constexpr size_t kRowCount = std::size(kTable);
static_assert(kRowCount == static_cast<size_t>(Op::kCount));

// Rows ordered by code; those of one code stand at [begin[code], begin[code + 1]).
struct CodeIndex {
  std::array<uint16_t, kRowCount> rows{};
  std::array<uint16_t, 257> begin{};
};

constexpr CodeIndex make_index() {
  CodeIndex index;
  uint16_t next = 0;
  for (size_t code = 0; code < 256; ++code) {
    index.begin[code] = next;
    for (uint16_t i = 0; i < kRowCount; ++i)
      if (kTable[i].code == code) index.rows[next++] = i;
  }
  index.begin[256] = next;
  return index;
}
constexpr CodeIndex kIndex = make_index();

constexpr bool keys_overlap(int a, int b) { return a == kAny || b == kAny || a == b; }

// No instruction may match two rows, else the order of the table would carry meaning.
constexpr bool rows_are_unique() {
  for (size_t code = 0; code < 256; ++code) {
    for (size_t i = kIndex.begin[code]; i < kIndex.begin[code + 1]; ++i) {
      const InsnDesc& a = kTable[kIndex.rows[i]];
      for (size_t j = i + 1; j < kIndex.begin[code + 1]; ++j) {
        const InsnDesc& b = kTable[kIndex.rows[j]];
        if (keys_overlap(a.off_key, b.off_key) && keys_overlap(a.imm_key, b.imm_key) &&
            keys_overlap(a.src_key, b.src_key))
          return false;
      }
    }
  }
  return true;
}
static_assert(rows_are_unique());

constexpr bool rows_are_in_enum_order() {
  for (size_t i = 0; i < kRowCount; ++i)
    if (kTable[i].op != static_cast<Op>(i)) return false;
  return true;
}
static_assert(rows_are_in_enum_order());

// Every operation has a row, so that a switch over Operation that lacks one is a gap of the switch.
constexpr bool every_operation_has_a_row() {
  for (int operation = 0; operation <= static_cast<int>(Operation::kNospec); ++operation) {
    bool found = false;
    for (const InsnDesc& desc : kTable) found = found || desc.operation == static_cast<Operation>(operation);
    if (!found) return false;
  }
  return true;
}
static_assert(every_operation_has_a_row());

bool key_matches(int key, int value) { return key == kAny || key == value; }

}  // namespace

std::span<const InsnDesc> table() { return kTable; }
const InsnDesc& row(Op op) { return kTable[static_cast<size_t>(op)]; }

const InsnDesc* describe(const Insn& insn) {
  for (size_t i = kIndex.begin[insn.code]; i < kIndex.begin[insn.code + 1]; ++i) {
    const InsnDesc& desc = kTable[kIndex.rows[i]];
    if (key_matches(desc.off_key, insn.off) && key_matches(desc.imm_key, insn.imm) &&
        key_matches(desc.src_key, insn.src))
      return &desc;
  }
  return nullptr;
}

bool opcode_known(uint8_t code) {
  for (size_t i = kIndex.begin[code]; i < kIndex.begin[code + 1]; ++i)
    if (kTable[kIndex.rows[i]].group != Group::kInternal) return true;
  return false;
}

bool reserved_fields_ok(const InsnDesc& desc, const Insn& insn) {
  const FieldUse use = field_use(desc);
  const bool off_ignored = desc.operation == Operation::kExit;  // Linux does not look at it
  return (use.dst || insn.dst == 0) && (use.src || insn.src == 0) &&
         (use.off || off_ignored || insn.off == 0) && (use.imm || insn.imm == 0);
}

FieldUse field_use(const InsnDesc& desc) {
  const bool reg = desc.source == Source::kReg;
  const bool keyed_off = desc.off_key != kAny;
  switch (desc.format) {
    case Format::kAlu:
      return {true, reg, keyed_off, !reg};
    case Format::kNeg:
      return {true, false, false, false};
    case Format::kMovsx:
      return {true, true, true, false};
    case Format::kAddrSpaceCast:
      return {true, true, true, true};
    case Format::kByteOrder:
    case Format::kBswap:
      return {true, false, false, true};
    case Format::kLoadImm64:
      return {true, true, false, true};
    case Format::kLoadAbs:
      return {false, false, false, true};
    case Format::kLoadInd:
      return {false, true, false, true};
    case Format::kLoad:
      return {true, true, true, false};
    case Format::kStore:
      return {true, reg, true, !reg};
    case Format::kAtomic:
    case Format::kAtomicFetch:
    case Format::kLoadAcquire:
    case Format::kStoreRelease:
      return {true, true, true, true};
    case Format::kJump:
      return {false, false, true, false};
    case Format::kJumpLong:
      return {false, false, false, true};
    case Format::kCondJump:
      return {true, reg, true, !reg};
    case Format::kMayGoto:
      return {false, true, true, false};
    case Format::kCall:
      if (desc.operation == Operation::kCallIndirect) return {true, false, false, false};
      if (desc.operation == Operation::kTailCall) return {false, false, false, true};
      return {false, true, desc.operation == Operation::kCallKfunc, true};
    case Format::kExit:
    case Format::kNospec:
      return {};
  }
  return {};
}

}  // namespace skep::isa
