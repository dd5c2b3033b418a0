// What the files of test_run share.
#pragma once

#include <chrono>
#include <cstring>

#include "helpers/test_run.h"

namespace skep::helpers::testing {

// One test run: by program type, one function each.
struct Job {
  const progtypes::ProgTypeRow& type;
  uint32_t attach_type;
  const TestRunInput& input;
  const Runner& runner;
  RunContext& run;
};

Result<TestRunResult> run_packet(const Job& job);
Result<TestRunResult> run_xdp(const Job& job);
Result<TestRunResult> run_raw_tracepoint(const Job& job);
Result<TestRunResult> run_tracepoint(const Job& job);
Result<TestRunResult> run_sock(const Job& job);
Result<TestRunResult> run_sock_addr(const Job& job);
Result<TestRunResult> run_sockopt(const Job& job);
Result<TestRunResult> run_flow_dissector(const Job& job);
Result<TestRunResult> run_sk_lookup(const Job& job);
Result<TestRunResult> run_netfilter(const Job& job);
Result<TestRunResult> run_sock_ops(const Job& job);
Result<TestRunResult> run_sk_msg(const Job& job);
Result<TestRunResult> run_sk_reuseport(const Job& job);
Result<TestRunResult> run_cgroup_device(const Job& job);
Result<TestRunResult> run_cgroup_sysctl(const Job& job);
Result<TestRunResult> run_registers(const Job& job);
Result<TestRunResult> run_perf_event(const Job& job);
Result<TestRunResult> run_syscall(const Job& job);

// Runs the program input.repeat times (0 is once), `before_each` first each time; sets retval and duration.
template <class Before>
void repeat(const Job& job, void* ctx, TestRunResult& result, Before before_each) {
  const uint32_t times = job.input.repeat == 0 ? 1 : job.input.repeat;
  const auto start = std::chrono::steady_clock::now();
  for (uint32_t index = 0; index < times && !(job.input.stopped && *job.input.stopped); ++index) {
    before_each();
    result.retval = static_cast<uint32_t>(job.runner(ctx, job.run));
  }
  const auto spent = std::chrono::steady_clock::now() - start;
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count() / times;
  result.duration_ns = nanoseconds > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(nanoseconds);
}
inline void repeat(const Job& job, void* ctx, TestRunResult& result) {
  repeat(job, ctx, result, [] {});
}

// A context struct from the client's bytes: missing ones are zero, surplus ones must be (E2BIG).
template <class Context>
Result<Context> read_context(std::span<const std::byte> bytes) {
  Context context = {};
  for (size_t index = sizeof(Context); index < bytes.size(); ++index)
    if (bytes[index] != std::byte{0}) return fail(E2BIG);
  const size_t known = bytes.size() < sizeof(Context) ? bytes.size() : sizeof(Context);
  if (known != 0) memcpy(&context, bytes.data(), known);
  return context;
}

template <class Context>
std::vector<std::byte> write_context(const Context& context) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&context);
  return {bytes, bytes + sizeof(Context)};
}

inline std::vector<std::byte> copy_bytes(const void* from, size_t size) {
  const auto* bytes = static_cast<const std::byte*>(from);
  return {bytes, bytes + size};
}

inline constexpr uint32_t kTestPage = 4096;
inline constexpr uint32_t kTestTailroom = 320;  // what Linux keeps at a page's end for its own bookkeeping

}  // namespace skep::helpers::testing
