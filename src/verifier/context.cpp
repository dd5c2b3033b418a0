#include "verifier/context.h"

#include <algorithm>

#include "verifier/prune/stack_liveness.h"

namespace skep::verifier {

Context::Context(const Request& r)
    : request(r),
      log(r.log.level, r.log.capacity),
      insns(r.insns.begin(), r.insns.end()),
      info(r.insns.size()) {
  prog_type = r.type->type;
  attach_type = r.expected_attach_type;
  strict_alignment =
      (r.prog_flags & abi::BPF_F_STRICT_ALIGNMENT) && !(r.prog_flags & abi::BPF_F_ANY_ALIGNMENT);
  privileged = r.capabilities.bpf;
  allow_pointer_leaks = allow_uninit_stack = r.capabilities.perfmon;
  test_state_freq = privileged && (r.prog_flags & abi::BPF_F_TEST_STATE_FREQ);
  test_reg_invariants = privileged && (r.prog_flags & abi::BPF_F_TEST_REG_INVARIANTS);
}

Context::~Context() = default;

Check Context::reject_text(int code, std::string message) {
  log.write(message);
  log.write("\n");
  rejection = {code, static_cast<uint32_t>(std::max(insn_index, 0)), std::move(message)};
  return Check::refused(code);
}

Check Context::internal_error(const char* what) { return reject(EFAULT, "verifier bug: {}", what); }

int Context::subprog_at(int32_t insn) const {
  const auto it =
      std::lower_bound(subprogs.begin(), subprogs.end(), insn,
                       [](const SubprogInfo& s, int32_t i) { return static_cast<int32_t>(s.start) < i; });
  if (it == subprogs.end() || it + 1 == subprogs.end() || static_cast<int32_t>(it->start) != insn) return -1;
  return static_cast<int>(it - subprogs.begin());
}

int Context::subprog_containing(int32_t insn) const {
  const auto it =
      std::upper_bound(subprogs.begin(), subprogs.end(), insn,
                       [](int32_t i, const SubprogInfo& s) { return i < static_cast<int32_t>(s.start); });
  return static_cast<int>(it - subprogs.begin()) - 1;
}

}  // namespace skep::verifier
