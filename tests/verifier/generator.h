// Generated programs that walk along the edge of what a verifier accepts: bounds, spills, pointers into map
// values, stack and packets, branches, bounded loops, calls.
#pragma once

#include <cstdint>

#include "case_file.h"

namespace skep::testing {

struct Generated {
  Case test;                  // of type sched_cls or xdp; map 0 is an array of one value, map 1 a hash
  bool deterministic = true;  // it reads nothing that two kernels may answer differently
};
// The same seed gives the same program.
Generated generate(uint64_t seed);

}  // namespace skep::testing
