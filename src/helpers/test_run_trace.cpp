// Test runs of programs on plain memory: raw tracepoints and syscall programs as Linux does, trace records,
// registers and samples as an addition.
#include <array>
#include <cerrno>

#include "abi/bpf.h"
#include "abi/ctx.h"
#include "helpers/test_run_parts.h"
#include "maps/map.h"
#include "progtypes/kernel_ctx.h"

namespace skep::helpers::testing {

Result<TestRunResult> run_raw_tracepoint(const Job& job) {
  const TestRunInput& input = job.input;
  if (!input.data.empty() || input.wants_data_out || input.wants_ctx_out || input.repeat != 0 ||
      input.batch_size != 0)
    return fail(EINVAL);
  progtypes::RawTracepointArgs args;
  if (input.ctx.size() < input.max_ctx_offset || input.ctx.size() > sizeof(args)) return fail(EINVAL);
  if ((input.flags & ~uint32_t{abi::BPF_F_TEST_RUN_ON_CPU}) != 0) return fail(EINVAL);
  if ((input.flags & abi::BPF_F_TEST_RUN_ON_CPU) == 0 && input.cpu != 0) return fail(EINVAL);
  if (input.cpu >= maps::possible_cpus()) return fail(ENXIO);
  if (!input.ctx.empty()) memcpy(&args, input.ctx.data(), input.ctx.size());
  job.run.hook = nullptr;
  TestRunResult result;
  repeat(job, &args, result);
  result.duration_ns = 0;
  return result;
}

Result<TestRunResult> run_tracepoint(const Job& job) {
  std::array<std::byte, 8192> record{};
  if (job.input.ctx.size() > record.size()) return fail(E2BIG);
  if (!job.input.data.empty() || job.input.flags != 0) return fail(EINVAL);
  if (!job.input.ctx.empty()) memcpy(record.data(), job.input.ctx.data(), job.input.ctx.size());
  job.run.hook = nullptr;
  TestRunResult result;
  repeat(job, record.data(), result);
  return result;
}

Result<TestRunResult> run_registers(const Job& job) {
  if (!job.input.data.empty() || job.input.flags != 0) return fail(EINVAL);
  auto registers = SKEP_TRY(read_context<abi::pt_regs>(job.input.ctx));
  job.run.hook = nullptr;
  TestRunResult result;
  repeat(job, &registers, result);
  return result;
}

Result<TestRunResult> run_perf_event(const Job& job) {
  if (!job.input.data.empty() || job.input.flags != 0) return fail(EINVAL);
  auto ctx = SKEP_TRY(read_context<abi::bpf_perf_event_data>(job.input.ctx));
  progtypes::PerfSample sample{.period = ctx.sample_period, .addr = ctx.addr};
  progtypes::PerfEventKern kernel{.regs = &ctx.regs, .data = &sample};
  job.run.hook = nullptr;
  TestRunResult result;
  repeat(job, &kernel, result);
  return result;
}

// Mirrors bpf_prog_test_run_syscall: the context is the client's memory, changes go back into it.
Result<TestRunResult> run_syscall(const Job& job) {
  const TestRunInput& input = job.input;
  if (!input.data.empty() || input.wants_data_out || input.wants_ctx_out || input.duration != 0 ||
      input.repeat != 0 || input.flags != 0 || input.batch_size != 0)
    return fail(EINVAL);
  if (input.ctx.size() < input.max_ctx_offset || input.ctx.size() > UINT16_MAX) return fail(EINVAL);
  std::vector<std::byte> ctx(input.ctx.begin(), input.ctx.end());
  ctx.resize(std::max<size_t>(ctx.size(), 1));
  job.run.hook = nullptr;
  TestRunResult result;
  repeat(job, ctx.data(), result);
  result.duration_ns = 0;
  ctx.resize(input.ctx.size());
  result.ctx = std::move(ctx);
  result.ctx_in_place = true;
  return result;
}

}  // namespace skep::helpers::testing
