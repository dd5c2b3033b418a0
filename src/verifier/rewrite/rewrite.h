// From an accepted program to what runs and what OBJ_GET_INFO shows. This folder is complete in itself: the
// explorer leaves its findings in Context::info, check() calls rewrite() when everything passed.
//
//   dead code, hard-wired jumps, nops      dead_code.cpp
//   context and socket fields by their rows context_access.cpp
//   Linux's expansions, for display         display.cpp
//   final jump offsets, facts, both views   emit.cpp
//
// What runs stays compact: divisions, LD_ABS, may_goto and map lookups are single instructions that the
// engines know. `xlated` shows each of them as the sequence that Linux would run, so that lengths and dumps
// agree.
#pragma once

#include "base/result.h"
#include "verifier/context.h"

namespace skep::verifier {

// ERANGE when a jump no longer fits its field. Uses c.insns, c.info, c.subprogs, c.used_maps.
Result<Accepted> rewrite(Context& c);

}  // namespace skep::verifier
