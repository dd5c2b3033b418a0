// Precision: pruning may treat a scalar's value as irrelevant unless something depended on it. When something
// does, the scalar and everything it was computed from, back to the checkpoints before, is marked precise.
#pragma once

#include "verifier/context.h"

namespace skep::verifier {

// The value of a register of the current frame decided something.
Check mark_precise(Context& c, int reg);
// The same for the scalar spilled to a slot.
Check mark_slot_precise(Context& c, uint32_t frame, int slot);
// What was precise in `old`, which `current` was found equal to, is precise in the states that led to
// `current`.
Check propagate_precision(Context& c, const VerifierState& old, VerifierState& current);

}  // namespace skep::verifier
