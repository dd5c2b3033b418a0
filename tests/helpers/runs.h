// One test run there (on the live kernel) and here, and what came of each.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "helpers/environment.h"
#include "helpers/test_run.h"
#include "progtypes/programs.h"

namespace skep::testing {

struct Outcome {
  int error = 0;
  int32_t retval = 0;
  std::vector<std::byte> data;
  std::vector<std::byte> ctx;
};

inline std::vector<std::byte> bytes_of(const void* data, size_t size) {
  const auto* bytes = static_cast<const std::byte*>(data);
  return {bytes, bytes + size};
}

// Programs on memory of the client's (syscall, raw tracepoints) take no output buffers.
inline bool takes_output(const Kind& kind) {
  return kind.type != abi::BPF_PROG_TYPE_SYSCALL && kind.type != abi::BPF_PROG_TYPE_SK_LOOKUP &&
         kind.type != abi::BPF_PROG_TYPE_RAW_TRACEPOINT;
}

inline Outcome run_there(const Kind& kind, std::span<const isa::Insn> program,
                         const helpers::TestRunInput& input) {
  live::LoadOptions options = options_of(kind);
  options.log_level = 1;
  const live::Loaded loaded = live::load(program, options);
  EXPECT_TRUE(loaded) << loaded.log;
  if (!loaded) return {.error = -1};
  const bool syscall = kind.type == abi::BPF_PROG_TYPE_SYSCALL;
  std::vector<std::byte> ctx(input.ctx.begin(), input.ctx.end());
  live::RunOptions run;
  run.data = input.data;
  run.data_out_size = takes_output(kind) || input.wants_data_out ? 1 << 17 : 0;
  run.ctx = ctx;
  // netfilter gives no context back; a syscall program's is written where it came from.
  const bool gives_ctx = kind.type != abi::BPF_PROG_TYPE_NETFILTER && !syscall;
  run.ctx_out_size = (gives_ctx && !input.ctx.empty()) || input.wants_ctx_out ? 256 : 0;
  run.repeat = input.repeat;
  run.flags = input.flags;
  Result<live::RunResult> result = live::test_run(loaded.fd.get(), run);
  if (!result) return {.error = result.error().code};
  return {.retval = static_cast<int32_t>(result->retval),
          .data = result->data_out,
          .ctx = syscall ? ctx : result->ctx_out};
}

inline Outcome run_here(const Kind& kind, const helpers::Runner& runner, const helpers::TestRunInput& input) {
  FixedEnvironment environment;
  helpers::RunContext run;
  run.env = &environment;
  Result<helpers::TestRunResult> result =
      helpers::test_run(*progtypes::find_prog_type(kind.type), kind.attach, input, runner, run);
  if (!result) return {.error = result.error().code};
  return {.retval = static_cast<int32_t>(result->retval), .data = result->data, .ctx = result->ctx};
}

inline void expect_equal(const Outcome& ours, const Outcome& kernels, const std::string& what) {
  EXPECT_EQ(ours.error, kernels.error) << what;
  EXPECT_EQ(ours.retval, kernels.retval) << what;
  EXPECT_EQ(ours.data, kernels.data) << what;
  EXPECT_EQ(ours.ctx, kernels.ctx) << what;
}

}  // namespace skep::testing
