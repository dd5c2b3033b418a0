// Exploration: every path through a function, from its entry, until each ends or is covered by another.
#pragma once

#include "verifier/context.h"

namespace skep::verifier {

// The program, then the global functions it calls, each on its own.
Check explore_program(Context& c);

}  // namespace skep::verifier
