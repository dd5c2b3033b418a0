// The format strings of bpf_trace_printk, bpf_trace_vprintk and bpf_snprintf: one checker and one formatter.
//
// Mirrors Linux 6.18's bpf_bprintf_prepare: what is refused is refused with the same errno, at run time for
// the first two and by the verifier for a constant string of bpf_snprintf.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "helpers/run_context.h"

namespace skep::helpers {

inline constexpr size_t kMaxFormatArguments = 12;
inline constexpr size_t kMaxTraceLine = 1024;  // with the terminating zero

// 0, or -EINVAL when the string is malformed or names more than `arguments` arguments. `format` need not end
// in a zero within its size; without one it is malformed.
int check_format(std::string_view format, size_t arguments);

// Formats into `out` what fits; -EINVAL as check_format, else 0. Strings are read through `run`.
int format_text(RunContext& run, std::string_view format, std::span<const uint64_t> arguments,
                std::string& out);

}  // namespace skep::helpers
