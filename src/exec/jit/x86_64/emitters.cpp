// The table of emitters.
#include "exec/jit/x86_64/emitters.h"

#include <array>

namespace skep::exec::jit::x86_64 {
namespace {

using isa::Operation;
namespace Inst = asmjit::x86::Inst;

constexpr size_t kOperationCount = static_cast<size_t>(Operation::kNospec) + 1;

struct Row {
  Operation operation;
  Emitter emitter;
};

constexpr Row kRows[] = {
    {Operation::kAdd, {emit_alu, Inst::kIdAdd}},
    {Operation::kSub, {emit_alu, Inst::kIdSub}},
    {Operation::kMul, {emit_multiply, Inst::kIdImul}},
    {Operation::kDiv, {emit_divide, Inst::kIdDiv}},
    {Operation::kSdiv, {emit_divide, Inst::kIdIdiv}},
    {Operation::kOr, {emit_alu, Inst::kIdOr}},
    {Operation::kAnd, {emit_alu, Inst::kIdAnd}},
    {Operation::kLsh, {emit_shift, Inst::kIdShl}},
    {Operation::kRsh, {emit_shift, Inst::kIdShr}},
    {Operation::kArsh, {emit_shift, Inst::kIdSar}},
    {Operation::kMod, {emit_divide, Inst::kIdDiv}},
    {Operation::kSmod, {emit_divide, Inst::kIdIdiv}},
    {Operation::kXor, {emit_alu, Inst::kIdXor}},
    {Operation::kNeg, {emit_negate, Inst::kIdNeg}},
    {Operation::kMov, {emit_move, Inst::kIdMov}},
    {Operation::kMovsx, {emit_move_signed, Inst::kIdMovsx}},
    {Operation::kAddrSpaceCast, {emit_addr_space_cast}},
    {Operation::kPerCpuAddress, {emit_per_cpu_address}},
    {Operation::kToLe, {emit_to_little_endian}},
    {Operation::kToBe, {emit_swap_bytes, Inst::kIdBswap}},
    {Operation::kBswap, {emit_swap_bytes, Inst::kIdBswap}},
    {Operation::kLoadImm64, {emit_load_imm64, Inst::kIdMov}},
    {Operation::kLoadAbs, {.emit = emit_packet_load, .calls = true}},
    {Operation::kLoadInd, {.emit = emit_packet_load, .calls = true}},
    {Operation::kLoad, {emit_load, Inst::kIdMovzx}},
    {Operation::kLoadSx, {emit_load, Inst::kIdMovsx}},
    {Operation::kStore, {emit_store, Inst::kIdMov}},
    {Operation::kAtomicAdd, {emit_atomic_plain, Inst::kIdAdd}},
    {Operation::kAtomicOr, {emit_atomic_plain, Inst::kIdOr}},
    {Operation::kAtomicAnd, {emit_atomic_plain, Inst::kIdAnd}},
    {Operation::kAtomicXor, {emit_atomic_plain, Inst::kIdXor}},
    {Operation::kAtomicFetchAdd, {emit_atomic_exchange, Inst::kIdXadd}},
    {Operation::kAtomicFetchOr, {emit_atomic_fetch_loop, Inst::kIdOr}},
    {Operation::kAtomicFetchAnd, {emit_atomic_fetch_loop, Inst::kIdAnd}},
    {Operation::kAtomicFetchXor, {emit_atomic_fetch_loop, Inst::kIdXor}},
    {Operation::kAtomicXchg, {emit_atomic_exchange, Inst::kIdXchg}},
    {Operation::kAtomicCmpxchg, {emit_atomic_cmpxchg, Inst::kIdCmpxchg}},
    {Operation::kLoadAcquire, {emit_load, Inst::kIdMovzx}},  // every x86 load acquires,
    {Operation::kStoreRelease, {emit_store, Inst::kIdMov}},  // every store releases
    {Operation::kJump, {emit_jump, Inst::kIdJmp}},
    {Operation::kJeq, {emit_compare_jump, Inst::kIdJe}},
    {Operation::kJne, {emit_compare_jump, Inst::kIdJne}},
    {Operation::kJgt, {emit_compare_jump, Inst::kIdJa}},
    {Operation::kJge, {emit_compare_jump, Inst::kIdJae}},
    {Operation::kJlt, {emit_compare_jump, Inst::kIdJb}},
    {Operation::kJle, {emit_compare_jump, Inst::kIdJbe}},
    {Operation::kJsgt, {emit_compare_jump, Inst::kIdJg}},
    {Operation::kJsge, {emit_compare_jump, Inst::kIdJge}},
    {Operation::kJslt, {emit_compare_jump, Inst::kIdJl}},
    {Operation::kJsle, {emit_compare_jump, Inst::kIdJle}},
    {Operation::kJset, {emit_compare_jump, Inst::kIdJne}},
    {Operation::kMayGoto, {emit_may_goto}},
    {Operation::kCallHelper, {.emit = emit_call_helper, .calls = true}},
    {Operation::kCallSubprog, {.emit = emit_call_subprog, .calls = true}},
    {Operation::kCallKfunc, {.emit = emit_call_helper, .calls = true}},
    {Operation::kCallIndirect, {}},
    {Operation::kTailCall, {.emit = emit_tail_call, .calls = true}},
    {Operation::kExit, {emit_exit}},
    {Operation::kNospec, {emit_nospec}},
};

constexpr bool every_operation_has_its_row() {
  if (std::size(kRows) != kOperationCount) return false;
  for (size_t i = 0; i < kOperationCount; ++i)
    if (kRows[i].operation != static_cast<Operation>(i)) return false;
  return true;
}
static_assert(every_operation_has_its_row());

}  // namespace

const Emitter& emitter_of(Operation operation) { return kRows[static_cast<size_t>(operation)].emitter; }

}  // namespace skep::exec::jit::x86_64
