// Helpers of cgroup_sysctl programs: the file's name, its value, and the value that is being written.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "abi/bpf.h"
#include "abi/helper_ids.h"
#include "helpers/impl.h"
#include "progtypes/kernel_ctx.h"

namespace skep::helpers {
namespace {

constexpr uint64_t kLongestValue = 4095;

uint64_t status(int code) { return static_cast<uint64_t>(int64_t{code}); }
progtypes::SysctlKern& kernel_of(uint64_t ctx) { return *reinterpret_cast<progtypes::SysctlKern*>(ctx); }

// The value's length, or -E2BIG when only its start had room; the rest of the buffer is zero.
uint64_t copy_value(char* out, uint64_t room, const char* value, uint32_t length) {
  if (room == 0) return status(-E2BIG);
  memset(out, 0, room);
  if (value == nullptr || length == 0) return status(-EINVAL);
  memcpy(out, value, std::min<uint64_t>(room, length));
  if (room > length) return length;
  out[room - 1] = 0;
  return status(-E2BIG);
}

}  // namespace

uint64_t sysctl_get_name(uint64_t ctx, uint64_t buffer, uint64_t room, uint64_t flags, uint64_t,
                         RunContext&) {
  std::string_view name = kernel_of(ctx).name;
  if ((flags & abi::BPF_F_SYSCTL_BASE_NAME) != 0) name = name.substr(name.rfind('/') + 1);
  auto* out = reinterpret_cast<char*>(buffer);
  if (room == 0) return status(-E2BIG);
  const size_t length = std::min<size_t>(name.size(), room - 1);
  memcpy(out, name.data(), length);
  out[length] = 0;
  return length < name.size() ? status(-E2BIG) : length;
}

uint64_t sysctl_get_current_value(uint64_t ctx, uint64_t buffer, uint64_t room, uint64_t, uint64_t,
                                  RunContext&) {
  const auto& kernel = kernel_of(ctx);
  return copy_value(reinterpret_cast<char*>(buffer), room, kernel.current, kernel.current_len);
}

uint64_t sysctl_get_new_value(uint64_t ctx, uint64_t buffer, uint64_t room, uint64_t, uint64_t, RunContext&) {
  const auto& kernel = kernel_of(ctx);
  if (kernel.write == 0) {
    memset(reinterpret_cast<char*>(buffer), 0, room);
    return status(-EINVAL);
  }
  return copy_value(reinterpret_cast<char*>(buffer), room, kernel.new_value, kernel.new_len);
}

uint64_t sysctl_set_new_value(uint64_t ctx, uint64_t buffer, uint64_t length, uint64_t, uint64_t,
                              RunContext&) {
  auto& kernel = kernel_of(ctx);
  if (kernel.write == 0 || kernel.new_value == nullptr || kernel.new_len == 0 || length == 0)
    return status(-EINVAL);
  if (length > kLongestValue) return status(-E2BIG);
  memcpy(kernel.new_value, reinterpret_cast<const char*>(buffer), length);
  kernel.new_len = static_cast<uint32_t>(length);
  kernel.new_updated = true;
  return 0;
}

}  // namespace skep::helpers
