// One line of trace_pipe for bpf_trace_printk, byte for byte as Linux prints it:
//
//   "            bash-4242    [000] ...21 12345.678901: bpf_trace_printk: Hello\n"
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "helpers/run_context.h"

namespace skep::attach {

// `now_ns`: the clock of the trace buffer (CLOCK_MONOTONIC). `text` may end in a newline; the line ends in
// one.
std::string trace_line(const helpers::TaskInfo& task, uint32_t cpu, uint64_t now_ns, std::string_view text);
// The comment lines at the top of `trace` (trace_pipe has none).
std::string trace_header();

}  // namespace skep::attach
