// The implementations that rows of helpers.def name, by family: one file each. All have the type HelperFn and
// rely on what the verifier has checked of their arguments (sizes, initialised memory, maps).
#pragma once

#include "helpers/run_context.h"

namespace skep::helpers {

}  // namespace skep::helpers
