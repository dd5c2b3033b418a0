// Scalars that share an id are equal (or at a constant distance): what a branch tells of one holds for all.
#pragma once

#include "verifier/context.h"

namespace skep::verifier {

void collect_linked(const VerifierState& state, uint32_t id, LinkedRegs& out);
// Gives what is known of `known` to the linked registers of its id.
void spread_knowledge(VerifierState& state, const RegState& known, const LinkedRegs& linked);
RegState& linked_register(VerifierState& state, const LinkedReg& link);

}  // namespace skep::verifier
