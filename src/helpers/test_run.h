// test_run: BPF_PROG_TEST_RUN for every program type that is built, also those for which Linux has none.
//
// From data and context bytes it makes what a hook would pass to the program, runs it, and turns the result
// back. Checks and errno values are those of Linux's bpf_prog_test_run_*; where Linux answers ENOTSUPP,
// contexts are taken in the program's own view as an addition: abi::bpf_sock, abi::bpf_sock_addr,
// abi::bpf_sockopt (data is the option's value), abi::pt_regs, the bytes of a trace record, and so on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "helpers/run_context.h"
#include "progtypes/prog_type.h"

namespace skep::helpers {

struct TestRunInput {
  std::span<const std::byte> data;
  std::span<const std::byte> ctx;
  bool wants_data_out = false;  // raw tracepoints refuse it, as they refuse data
  bool wants_ctx_out = false;
  uint32_t repeat = 0;
  uint32_t flags = 0;  // abi::BPF_F_TEST_*
  uint32_t cpu = 0;
  uint32_t batch_size = 0;
  uint32_t duration = 0;          // as the caller left it: syscall programs refuse all but 0
  uint32_t max_ctx_offset = 0;    // of the program: a raw tracepoint's context must reach that far
  const bool* stopped = nullptr;  // set by the runner when the repetitions shall end
};

struct TestRunResult {
  uint32_t retval = 0;
  uint32_t duration_ns = 0;     // mean of the repetitions
  std::vector<std::byte> data;  // whole; the caller truncates and answers ENOSPC
  std::vector<std::byte> ctx;   // whole; empty where there is none to give back
  bool ctx_in_place = false;    // ctx goes where the input came from, not to ctx_out (syscall programs)
};

// Runs the program once on a context: Image::run inside an RCU read section.
using Runner = std::function<uint64_t(void* ctx, RunContext& run)>;

// `run` brings environment, virtual CPU and exports; hook and packet_load are set here.
Result<TestRunResult> test_run(const progtypes::ProgTypeRow& type, uint32_t attach_type,
                               const TestRunInput& input, const Runner& runner, RunContext& run);

// LD_ABS and LD_IND on a packet: RunContext::packet_load of the types that have them
// (helpers/packet_load.cpp).
int load_from_packet(RunContext& run, const void* ctx, uint32_t offset, uint32_t bytes, uint64_t* value);

}  // namespace skep::helpers
