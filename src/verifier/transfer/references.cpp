// References that a program holds (ring buffer records, sockets) and pointers that lose their object.
#include "verifier/transfer/transfer.h"

namespace skep::verifier {

void clear_packet_pointers(Context& c) {
  for_each_reg(*c.state, [&](RegState& r) {
    if (r.is_any_packet()) set_unknown(c, r);
  });
}

Check release_reference(Context& c, uint32_t ref_obj_id) {
  const size_t released =
      std::erase_if(c.state->refs, [&](const Reference& r) { return r.id == ref_obj_id; });
  if (released == 0) return Check::refused(EINVAL);
  for_each_reg(*c.state, [&](RegState& r) {
    if (r.ref_obj_id == ref_obj_id) set_unknown(c, r);
  });
  return {};
}

Check no_leaked_references(Context& c, const char* what) {
  if (c.state->refs.empty()) return {};
  for (const Reference& r : c.state->refs)
    c.log.print("Unreleased reference id={} alloc_insn={}\n", r.id, r.insn);
  return c.reject(EINVAL, "{} would lead to reference leak", what);
}

void clear_caller_saved(Context& c) {
  for (int r = 0; r < kCallerSaved; ++r) {
    c.reg(r) = RegState{};
    c.scratch_register(r);
  }
}

}  // namespace skep::verifier
