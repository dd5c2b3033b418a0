// The jumps, spills and fills on the way from the last checkpoint: what precision tracking walks backwards.
#pragma once

#include "verifier/context.h"

namespace skep::verifier {

// Adds an entry for the current instruction, or joins the one it already has.
inline void push_history(Context& c, VerifierState& state, JumpEntry entry) {
  if (c.current_history_entry >= 0) {
    JumpEntry& existing = state.history[static_cast<size_t>(c.current_history_entry)];
    existing.flags |= entry.flags;
    if (entry.flags & kStackAccess) existing.frame = entry.frame, existing.slot = entry.slot;
    if (entry.linked.count) existing.linked = entry.linked;
    return;
  }
  entry.insn = c.insn_index;
  entry.previous = c.previous_insn;
  state.history.push_back(entry);
  c.current_history_entry = static_cast<int>(state.history.size()) - 1;
}

}  // namespace skep::verifier
