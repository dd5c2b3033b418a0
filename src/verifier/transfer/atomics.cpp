// Atomic operations, load-acquire and store-release.
#include "verifier/log/print_state.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

using isa::Operation;

bool allows_atomics(const RegState& r) {
  return !r.is(RegKind::kContext) && !r.is_packet() && !r.is(RegKind::kFlowKeys) && !r.is_socket();
}

Check refuse_target(Context& c, int reg, const char* verb) {
  const RegState& r = c.reg(reg);
  return c.reject(EACCES, "BPF_ATOMIC {} R{} {} is not allowed", verb, reg, type_name(r.kind, r.flags));
}

Check read_modify_write(Context& c, const isa::Insn& insn, const isa::InsnDesc& d) {
  SKEP_REQUIRE(require_readable(c, insn.src));
  SKEP_REQUIRE(require_readable(c, insn.dst));
  int result = -1;
  if (d.operation == Operation::kAtomicCmpxchg) {
    SKEP_REQUIRE(require_readable(c, 0));
    if (leaks_pointer(c, c.reg(0))) return c.reject(EACCES, "R0 leaks addr into mem");
    result = 0;
  } else if (d.operation >= Operation::kAtomicFetchAdd) {
    result = insn.src;
  }
  if (leaks_pointer(c, c.reg(insn.src))) return c.reject(EACCES, "R{} leaks addr into mem", insn.src);
  if (!allows_atomics(c.reg(insn.dst))) return refuse_target(c, insn.dst, "stores into");
  const RegState pointer = c.reg(insn.dst);
  if (result >= 0) {
    SKEP_REQUIRE(require_writable(c, result));
    set_unknown(c, c.reg(result));
    // The address register may be the result register too: checks go on with the address.
    if (result == insn.dst) c.reg(result) = pointer;
  }
  SKEP_REQUIRE(access_memory(c, insn.dst, insn.off, d.mem_bytes, AccessType::kRead, -1, true, false));
  RegState loaded = unknown_scalar(c);
  if (result >= 0) {
    SKEP_REQUIRE(access_memory(c, insn.dst, insn.off, d.mem_bytes, AccessType::kRead, result, true, false));
    loaded = c.reg(result);
    if (result == insn.dst) c.reg(result) = pointer;
  }
  SKEP_REQUIRE(remember_pointer_kind(c, pointer, false));
  SKEP_REQUIRE(access_memory(c, insn.dst, insn.off, d.mem_bytes, AccessType::kWrite, -1, true, false));
  if (result >= 0) c.reg(result) = loaded;
  return {};
}

}  // namespace

Check do_atomic(Context& c) {
  const isa::Insn insn = c.insn(c.insn_index);
  const isa::InsnDesc& d = c.desc(c.insn_index);
  if (d.operation == Operation::kLoadAcquire) {
    SKEP_REQUIRE(require_readable(c, insn.src));
    if (!allows_atomics(c.reg(insn.src))) return refuse_target(c, insn.src, "loads from");
    SKEP_REQUIRE(require_writable(c, insn.dst));
    const RegState pointer = c.reg(insn.src);
    SKEP_REQUIRE(access_memory(c, insn.src, insn.off, d.mem_bytes, AccessType::kRead, insn.dst, true, false));
    return remember_pointer_kind(c, pointer, false);
  }
  if (d.operation == Operation::kStoreRelease) {
    SKEP_REQUIRE(require_readable(c, insn.src));
    SKEP_REQUIRE(require_readable(c, insn.dst));
    if (!allows_atomics(c.reg(insn.dst))) return refuse_target(c, insn.dst, "stores into");
    const RegState pointer = c.reg(insn.dst);
    SKEP_REQUIRE(
        access_memory(c, insn.dst, insn.off, d.mem_bytes, AccessType::kWrite, insn.src, true, false));
    return remember_pointer_kind(c, pointer, false);
  }
  return read_modify_write(c, insn, d);
}

}  // namespace skep::verifier
