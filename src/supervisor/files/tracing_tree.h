// The files of the virtual tracefs: one directory an event with its id and format, and the few control files
// that tools look for. Made once; trace_pipe and trace are opened through TraceOutput.
#pragma once

#include <string>

#include "base/result.h"

namespace skep::supervisor {

Status make_tracing_tree(const std::string& directory);

}  // namespace skep::supervisor
