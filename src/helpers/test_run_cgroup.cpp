// Test runs of cgroup_device and cgroup_sysctl programs, for which Linux has none: contexts in the program's
// own view. Of cgroup_sysctl the data is the value: what the file holds, or on a write what is written.
#include <cerrno>

#include "abi/bpf.h"
#include "abi/ctx.h"
#include "helpers/test_run_parts.h"
#include "progtypes/kernel_ctx.h"

namespace skep::helpers::testing {
namespace {

Status refuse_options(const TestRunInput& input) {
  if (input.flags != 0 || input.cpu != 0 || input.batch_size != 0) return fail(EINVAL);
  return {};
}

}  // namespace

Result<TestRunResult> run_cgroup_device(const Job& job) {
  SKEP_TRY(refuse_options(job.input));
  if (!job.input.data.empty()) return fail(EINVAL);
  auto ctx = SKEP_TRY(read_context<abi::bpf_cgroup_dev_ctx>(job.input.ctx));
  job.run.hook = nullptr;
  TestRunResult result;
  repeat(job, &ctx, result);
  return result;
}

Result<TestRunResult> run_cgroup_sysctl(const Job& job) {
  SKEP_TRY(refuse_options(job.input));
  if (job.input.data.size() >= kTestPage) return fail(EINVAL);
  auto ctx = SKEP_TRY(read_context<abi::bpf_sysctl>(job.input.ctx));
  const auto size = static_cast<uint32_t>(job.input.data.size());
  std::vector<char> value(kTestPage);
  if (size != 0) memcpy(value.data(), job.input.data.data(), size);
  int64_t position = ctx.file_pos;
  progtypes::SysctlKern kernel{.write = ctx.write, .file_pos = &position};
  if (ctx.write != 0) {
    kernel.new_value = value.data();
    kernel.new_len = size;
  } else {
    kernel.current = value.data();
    kernel.current_len = size;
  }
  job.run.hook = nullptr;
  TestRunResult result;
  repeat(job, &kernel, result);
  ctx.file_pos = static_cast<uint32_t>(position);
  result.ctx = write_context(ctx);
  result.data = copy_bytes(value.data(), ctx.write != 0 ? kernel.new_len : size);
  return result;
}

}  // namespace skep::helpers::testing
