// The instruction: its eight bytes, and the one table (insn.def) that says what they mean.
//
//   7    0 3  0 7  4 15        0 31                       0
//  +------+----+----+-----------+--------------------------+
//  | code | dst| src|    off    |           imm            |
//  +------+----+----+-----------+--------------------------+
//
// `describe(insn)` is the one way from bytes to meaning: decoder, verifier, interpreter, JITs, assembler and
// disassembler all switch on the `Operation`, `Width` and `Source` of the row, never on raw opcode bytes.
// Source: RFC 9669; Documentation/bpf/standardization/instruction-set.rst of Linux.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/profile.h"

namespace skep::isa {

struct Insn {
  uint8_t code = 0;
  uint8_t dst : 4 = 0;
  uint8_t src : 4 = 0;
  int16_t off = 0;
  int32_t imm = 0;
  friend bool operator==(const Insn&, const Insn&) = default;
};
static_assert(sizeof(Insn) == 8);

inline constexpr int kRegisterCount = 11;  // r0..r10; r10 is the read-only frame pointer
inline constexpr int kAuxRegister = 11;    // BPF_REG_AX: only in rewritten programs (blinding, fix-ups)
inline constexpr int kMaxCallFrames = 8;
inline constexpr int kStackSize = 512;  // bytes a frame
inline constexpr int kMaxTailCalls = 33;

// clang-format off: one family a line
// What an instruction does, independent of operand source and width.
enum class Operation : uint8_t {
  // dst = dst OP operand
  kAdd, kSub, kMul, kDiv, kSdiv, kOr, kAnd, kLsh, kRsh, kArsh, kMod, kSmod, kXor,
  kNeg,                      // dst = -dst
  kMov,                      // dst = operand
  kMovsx,                    // dst = sign-extended low row.mem_bytes of src
  kAddrSpaceCast,            // dst = src moved between address spaces imm>>16 (to) and imm&0xffff (from)
  kPerCpuAddress,            // dst = src + this CPU's per-CPU base; rewritten programs only
  kToLe, kToBe, kBswap,      // byte order of the low imm bits (16, 32, 64); the rest becomes zero
  kLoadImm64,                // two slots; src says what imm names (BPF_PSEUDO_*)
  kLoadAbs, kLoadInd,        // packet load, network order, to r0; ends the program with 0 when out of range
  kLoad, kLoadSx,            // dst = *(mem_bytes *)(src + off), zero- or sign-extended
  kStore,                    // *(mem_bytes *)(dst + off) = operand
  kAtomicAdd, kAtomicOr, kAtomicAnd, kAtomicXor,              // no fetch
  kAtomicFetchAdd, kAtomicFetchOr, kAtomicFetchAnd, kAtomicFetchXor,  // src = old value
  kAtomicXchg,               // src <-> memory
  kAtomicCmpxchg,            // if memory == r0 then memory = src; r0 = old value
  kLoadAcquire,              // dst = *(src + off), acquire
  kStoreRelease,             // *(dst + off) = src, release
  kJump,                     // pc += off (32-bit class: imm)
  kJeq, kJne, kJgt, kJge, kJlt, kJle, kJsgt, kJsge, kJslt, kJsle, kJset,
  kMayGoto,                  // jump off when the iteration budget is used up
  kCallHelper, kCallSubprog, kCallKfunc, kCallIndirect,
  kTailCall,                 // rewritten form of a call of bpf_tail_call
  kExit,
  kNospec,                   // speculation barrier; rewritten programs only
};
// clang-format on

// Where the second operand comes from.
enum class Source : uint8_t { kNone, kImm, kReg };

// The width an ALU operation or comparison works in; 32-bit results are zero-extended to 64.
enum class Width : uint8_t { kNone = 0, k32 = 32, k64 = 64 };

// Fault behaviour of a load or store: an ordinary access is proved in bounds by the verifier.
enum class Access : uint8_t {
  kProved,
  kProbe,  // BPF_PROBE_MEM / _MEMSX: a fault reads as zero
  kArena,  // BPF_PROBE_MEM32: 32-bit offset from the arena base; a fault reads as zero, is not written
  kArenaAtomic,
};

// Conformance groups of RFC 9669; kInternal rows occur in rewritten programs only and never load.
enum class Group : uint8_t {
  kBase32,
  kBase64,
  kDivmul32,
  kDivmul64,
  kAtomic32,
  kAtomic64,
  kPacket,
  kLinux,
  kInternal
};

// How the kernel prints and the assembler reads an instruction; the operand slots of each are in text.h.
enum class Format : uint8_t {
  kAlu,
  kNeg,
  kMovsx,
  kAddrSpaceCast,
  kByteOrder,
  kBswap,
  kLoadImm64,
  kLoadAbs,
  kLoadInd,
  kLoad,
  kStore,
  kAtomic,
  kAtomicFetch,
  kLoadAcquire,
  kStoreRelease,
  kJump,
  kJumpLong,
  kCondJump,
  kMayGoto,
  kCall,
  kExit,
  kNospec,
};

// In a key column of the table: the field may hold anything. No field of a keyed row can hold this value.
inline constexpr int kAny = INT32_MIN;

enum class Op : uint16_t {
#define SKEP_INSN(name, ...) k##name,
#include "isa/insn.def"
#undef SKEP_INSN
  kCount,
};

struct InsnDesc {
  Op op;
  uint8_t code;
  int off_key;  // required off, or kAny
  int imm_key;  // required imm, or kAny
  int src_key;  // required src register nibble, or kAny
  Operation operation;
  Source source;
  Width width;        // ALU, jumps and atomics; kNone where it has no meaning
  uint8_t mem_bytes;  // 1, 2, 4, 8: memory operand, or the low bytes that kMovsx extends; else 0
  Access access;
  Format format;
  std::string_view mnemonic;  // the operator or keyword of the notation: "+=", "if", "call", "lock", ...
  Group group;
  KernelVersion since;

  bool is_jump() const {  // a conditional or unconditional branch with a target (not call, not exit)
    return operation >= Operation::kJump && operation <= Operation::kMayGoto;
  }
  bool is_conditional() const { return operation >= Operation::kJeq && operation <= Operation::kMayGoto; }
  bool is_atomic_rmw() const {
    return operation >= Operation::kAtomicAdd && operation <= Operation::kAtomicCmpxchg;
  }
};

// All rows, indexed by Op.
std::span<const InsnDesc> table();
const InsnDesc& row(Op op);

// The row that these bytes match, or null when no instruction has them (unknown opcode, or a keyed field is
// off). Reserved fields that must be zero are a separate question: see reserved_fields_ok. O(1).
const InsnDesc* describe(const Insn& insn);

// Which fields a row reads, as operands or as keys; the others are reserved.
struct FieldUse {
  bool dst = false, src = false, off = false, imm = false;
};
FieldUse field_use(const InsnDesc& desc);

// Whether fields that the row does not use are zero, as Linux demands (it answers EINVAL otherwise).
bool reserved_fields_ok(const InsnDesc& desc, const Insn& insn);

// Whether any loadable row has this opcode byte. Linux tells "unknown opcode" from "uses reserved fields" by
// it.
bool opcode_known(uint8_t code);

// 2 for LD_IMM64, else 1.
inline int slots(const InsnDesc& desc) { return desc.operation == Operation::kLoadImm64 ? 2 : 1; }

// Where a jump at `index` goes when taken; for rows with is_jump().
inline int64_t jump_target(const InsnDesc& desc, const Insn& insn, int64_t index) {
  return index + 1 + (desc.format == Format::kJumpLong ? int64_t{insn.imm} : int64_t{insn.off});
}

// The 64-bit immediate of a two-slot instruction.
inline uint64_t imm64(const Insn& low, const Insn& high) {
  return uint64_t{static_cast<uint32_t>(low.imm)} | uint64_t{static_cast<uint32_t>(high.imm)} << 32;
}

// Raw bytes (little-endian, 8 an instruction) seen as instructions. Copying only.
inline size_t insn_count(std::span<const std::byte> bytes) { return bytes.size() / sizeof(Insn); }

}  // namespace skep::isa
