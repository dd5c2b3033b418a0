// LogBuffer: the client's buffer for a verifier or BTF log: log_level, log_buf, log_size of an attribute,
// with Linux's rules of what goes together.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "syscall/caller.h"

namespace skep::syscall {

struct LogBuffer {
  uint32_t level = 0;
  uint32_t size = 0;
  uint64_t address = 0;

  // Linux's bpf_verifier_log_attr_valid. EINVAL.
  Status check() const;
  // Writes `text` and a terminating zero; both fit, the log having been cut to `size` before. EFAULT.
  Status write(Caller& caller, std::string_view text) const;
};

}  // namespace skep::syscall
