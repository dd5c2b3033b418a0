// docs/support-matrix.md, rendered from the tables: commands, program types, attach types, map types,
// helpers.
#pragma once

#include <string>

#include "base/profile.h"

namespace skep::syscall {

std::string support_matrix_markdown(KernelProfile profile = kNewestProfile);

}  // namespace skep::syscall
