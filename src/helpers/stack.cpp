// Helpers on call stacks, branch records and samples. A program here has no kernel stack above it and no
// performance counters beside it: these answer as Linux does where there are none.
#include <cerrno>
#include <cstring>

#include "abi/bpf.h"
#include "abi/helper_ids.h"
#include "helpers/impl.h"

namespace skep::helpers {
namespace {

constexpr uint32_t kAddressBytes = 8, kBuildIdBytes = 32;

uint64_t status(int code) { return static_cast<uint64_t>(int64_t{code}); }

uint64_t clear(uint64_t buffer, uint64_t size, int error) {
  memset(reinterpret_cast<void*>(buffer), 0, static_cast<uint32_t>(size));
  return status(error);
}

}  // namespace

uint64_t get_stackid(uint64_t, uint64_t, uint64_t flags, uint64_t, uint64_t, RunContext&) {
  constexpr uint64_t kKnown = abi::BPF_F_SKIP_FIELD_MASK | abi::BPF_F_USER_STACK | abi::BPF_F_FAST_STACK_CMP |
                              abi::BPF_F_REUSE_STACKID;
  return status((flags & ~kKnown) != 0 ? -EINVAL : -EFAULT);
}

uint64_t get_stack(uint64_t, uint64_t buffer, uint64_t size, uint64_t flags, uint64_t, RunContext&) {
  constexpr uint64_t kKnown = abi::BPF_F_SKIP_FIELD_MASK | abi::BPF_F_USER_STACK | abi::BPF_F_USER_BUILD_ID;
  const bool user = (flags & abi::BPF_F_USER_STACK) != 0, build_id = (flags & abi::BPF_F_USER_BUILD_ID) != 0;
  if ((flags & ~kKnown) != 0 || (build_id && !user)) return clear(buffer, size, -EINVAL);
  if (static_cast<uint32_t>(size) % (build_id ? kBuildIdBytes : kAddressBytes) != 0)
    return clear(buffer, size, -EINVAL);
  return clear(buffer, size, -EFAULT);
}

uint64_t get_branch_snapshot(uint64_t, uint64_t, uint64_t flags, uint64_t, uint64_t, RunContext&) {
  return status(flags != 0 ? -EINVAL : -ENOENT);
}

uint64_t read_branch_records(uint64_t, uint64_t, uint64_t, uint64_t flags, uint64_t, RunContext&) {
  return status((flags & ~uint64_t{abi::BPF_F_GET_BRANCH_RECORDS_SIZE}) != 0 ? -EINVAL : -ENOENT);
}

}  // namespace skep::helpers
