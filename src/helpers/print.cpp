// Helpers that print: trace_printk, trace_vprintk, snprintf.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "helpers/format.h"
#include "helpers/impl.h"

namespace skep::helpers {
namespace {

std::string_view text_at(uint64_t address, uint64_t size) {
  return {reinterpret_cast<const char*>(address), static_cast<uint32_t>(size)};
}

// Arguments as an array in the program's memory; `bytes` may be a lie about nothing but its multiple.
bool arguments_ok(uint64_t address, uint64_t bytes) {
  return bytes % 8 == 0 && bytes <= kMaxFormatArguments * 8 && (bytes == 0 || address != 0);
}

uint64_t print_line(RunContext& run, std::string_view format, std::span<const uint64_t> arguments) {
  std::string line;
  const int error = format_text(run, format, arguments, line);
  if (error != 0) return static_cast<uint64_t>(int64_t{error});
  const uint64_t length = line.size();
  line.resize(std::min(line.size(), kMaxTraceLine - 1));
  run.env->trace_print(line);
  return length;
}

}  // namespace

uint64_t trace_printk(uint64_t format, uint64_t size, uint64_t first, uint64_t second, uint64_t third,
                      RunContext& run) {
  const uint64_t arguments[] = {first, second, third};
  return print_line(run, text_at(format, size), arguments);
}

uint64_t trace_vprintk(uint64_t format, uint64_t size, uint64_t arguments, uint64_t bytes, uint64_t,
                       RunContext& run) {
  if (!arguments_ok(arguments, bytes)) return static_cast<uint64_t>(int64_t{-EINVAL});
  return print_line(run, text_at(format, size), {reinterpret_cast<const uint64_t*>(arguments), bytes / 8});
}

// The format was checked when the program was loaded; its size is not an argument, it ends in a zero.
uint64_t snprintf_helper(uint64_t out, uint64_t size, uint64_t format, uint64_t arguments, uint64_t bytes,
                         RunContext& run) {
  if (!arguments_ok(arguments, bytes)) return static_cast<uint64_t>(int64_t{-EINVAL});
  const char* text = reinterpret_cast<const char*>(format);
  std::string line;
  const int error = format_text(run, {text, strlen(text) + 1},
                                {reinterpret_cast<const uint64_t*>(arguments), bytes / 8}, line);
  if (error != 0) return static_cast<uint64_t>(int64_t{error});
  if (const auto capacity = static_cast<uint32_t>(size); out != 0 && capacity > 0) {
    const size_t copied = std::min<size_t>(line.size(), capacity - 1);
    memcpy(reinterpret_cast<void*>(out), line.data(), copied);
    reinterpret_cast<char*>(out)[copied] = '\0';
  }
  return line.size() + 1;
}

}  // namespace skep::helpers
