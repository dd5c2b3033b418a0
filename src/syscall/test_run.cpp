// PROG_TEST_RUN: bytes in and out; what is done with them per program type stands in helpers/test_run.h.
#include "helpers/test_run.h"

#include <algorithm>

#include "base/rcu.h"
#include "maps/virtual_cpu.h"
#include "syscall/handlers.h"

namespace skep::syscall {
namespace {

constexpr uint32_t kMaxData = 1 << 20;     // more than any packet of a test run may have
constexpr uint32_t kMaxContext = 1 << 16;  // of a syscall program, and one more than it may have
constexpr uint64_t kMaxStride = 1024;
constexpr uint64_t kStrideNs = 50'000'000;

// Whether the caller wants its test run to end. It is asked seldom enough to cost nothing, and often enough:
// after as many runs as fit into some fifty milliseconds.
class Patience {
 public:
  explicit Patience(Caller& caller) : caller_(caller) {}

  bool over() {
    if (over_ || ++runs_ < stride_) return over_;
    runs_ = 0;
    const uint64_t now = caller_.environment().now_ns(helpers::RunEnvironment::Clock::kMonotonic);
    stride_ =
        now - asked_at_ > kStrideNs ? std::max<uint64_t>(stride_ / 2, 1) : std::min(stride_ * 2, kMaxStride);
    asked_at_ = now;
    over_ = caller_.interrupted();
    return over_;
  }

 private:
  Caller& caller_;
  uint64_t runs_ = 0, stride_ = 1, asked_at_ = 0;
  bool over_ = false;
};

// Linux's bpf_test_finish: no capacity given means "as much as there is".
Status give_data(Call& call, const abi::test_run_attr& attr, const helpers::TestRunResult& result) {
  size_t size = result.data.size();
  bool cut = false;
  if (attr.data_size_out != 0 && size > attr.data_size_out) {
    size = attr.data_size_out;
    cut = true;
  }
  if (attr.data_out != 0) SKEP_TRY(call.caller.write(attr.data_out, std::span(result.data).first(size)));
  SKEP_TRY(call.put(offsetof(abi::test_run_attr, data_size_out), static_cast<uint32_t>(result.data.size())));
  SKEP_TRY(call.put(offsetof(abi::test_run_attr, retval), result.retval));
  SKEP_TRY(call.put(offsetof(abi::test_run_attr, duration), result.duration_ns));
  return cut ? Status(fail(ENOSPC)) : Status{};
}

// Linux's bpf_ctx_finish.
Status give_context(Call& call, const abi::test_run_attr& attr, const helpers::TestRunResult& result) {
  if (result.ctx_in_place)
    return result.ctx.empty() ? Status{} : call.caller.write(attr.ctx_in, std::span(result.ctx));
  if (attr.ctx_out == 0 || result.ctx.empty()) return {};
  const size_t size = std::min<size_t>(result.ctx.size(), attr.ctx_size_out);
  SKEP_TRY(call.caller.write(attr.ctx_out, std::span(result.ctx).first(size)));
  SKEP_TRY(call.put(offsetof(abi::test_run_attr, ctx_size_out), static_cast<uint32_t>(result.ctx.size())));
  return size < result.ctx.size() ? Status(fail(ENOSPC)) : Status{};
}

}  // namespace

Result<int64_t> prog_test_run(Call& call) {
  const auto attr = call.as<abi::test_run_attr>();
  if ((attr.ctx_size_in != 0) != (attr.ctx_in != 0)) return fail(EINVAL);
  if ((attr.ctx_size_out != 0) != (attr.ctx_out != 0)) return fail(EINVAL);
  const auto program = SKEP_TRY(get_object<objects::Program>(call.caller, static_cast<int>(attr.prog_fd)));
  if (attr.data_size_in > kMaxData) return fail(EINVAL);
  if (attr.ctx_size_in > kMaxContext) return fail(E2BIG);
  const auto data = SKEP_TRY(read_bytes(call.caller, attr.data_in, attr.data_size_in));
  const auto ctx = SKEP_TRY(read_bytes(call.caller, attr.ctx_in, attr.ctx_size_in));

  const maps::VirtualCpu cpu;
  helpers::RunContext run;
  run.cpu = cpu.number();
  run.env = &call.caller.environment();
  Patience patience(call.caller);
  bool interrupted = false;
  const helpers::Runner runner = [&](void* context, helpers::RunContext& run_context) -> uint64_t {
    interrupted = patience.over();
    if (interrupted) return 0;
    const RcuReadSection section;
    return program->run(context, run_context);
  };
  const helpers::TestRunInput input{.data = data,
                                    .ctx = ctx,
                                    .wants_data_out = attr.data_out != 0 || attr.data_size_out != 0,
                                    .wants_ctx_out = attr.ctx_out != 0,
                                    .repeat = attr.repeat,
                                    .flags = attr.flags,
                                    .cpu = attr.cpu,
                                    .batch_size = attr.batch_size,
                                    .duration = attr.duration,
                                    .max_ctx_offset = program->accepted().max_ctx_offset,
                                    .stopped = &interrupted};
  const helpers::TestRunResult result = SKEP_TRY(
      helpers::test_run(*program->spec().type, program->spec().expected_attach_type, input, runner, run));
  if (interrupted) return fail(EINTR);
  SKEP_TRY(give_data(call, attr, result));
  SKEP_TRY(give_context(call, attr, result));
  return 0;
}

}  // namespace skep::syscall
