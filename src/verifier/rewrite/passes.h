// The passes over a program's items, in the order in which rewrite() runs them.
#pragma once

#include "base/result.h"
#include "verifier/context.h"
#include "verifier/rewrite/items.h"

namespace skep::verifier {

Items make_items(const Context& c);

void hard_wire_branches(const Context& c, Items& items);  // a branch that always goes one way is a jump
void remove_dead_code(const Context& c, Items& items);    // what no path reached
void remove_nops(Items& items);                           // jumps to the next instruction
void trap_dead_code(const Context& c,
                    Items& items);  // for the unprivileged: endless jumps instead of removal
void lower_context_accesses(const Context& c, Items& items);
void show_expansions(const Context& c, Items& items);

Result<Accepted> emit(const Context& c, const Items& items);

}  // namespace skep::verifier
