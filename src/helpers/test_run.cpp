#include "helpers/test_run.h"

#include "abi/bpf.h"
#include "helpers/test_run_parts.h"
#include "progtypes/ctx/layouts.h"

namespace skep::helpers {
namespace {

struct Route {
  const progtypes::ContextLayout* context;
  Result<TestRunResult> (*run)(const testing::Job& job);
};

constexpr Route kRoutes[] = {
    {&progtypes::kSkBuffLayout, testing::run_packet},
    {&progtypes::kXdpLayout, testing::run_xdp},
    {&progtypes::kRawTracepointLayout, testing::run_raw_tracepoint},
    {&progtypes::kRawTracepointWritableLayout, testing::run_raw_tracepoint},
    {&progtypes::kTracepointLayout, testing::run_tracepoint},
    {&progtypes::kSockLayout, testing::run_sock},
    {&progtypes::kSockAddrLayout, testing::run_sock_addr},
    {&progtypes::kSockoptLayout, testing::run_sockopt},
    {&progtypes::kFlowDissectorLayout, testing::run_flow_dissector},
    {&progtypes::kSkLookupLayout, testing::run_sk_lookup},
    {&progtypes::kNetfilterLayout, testing::run_netfilter},
    {&progtypes::kSockOpsLayout, testing::run_sock_ops},
    {&progtypes::kSkMsgLayout, testing::run_sk_msg},
    {&progtypes::kSkReuseportLayout, testing::run_sk_reuseport},
    {&progtypes::kDeviceLayout, testing::run_cgroup_device},
    {&progtypes::kSysctlLayout, testing::run_cgroup_sysctl},
    {&progtypes::kRegistersLayout, testing::run_registers},
    {&progtypes::kPerfEventLayout, testing::run_perf_event},
    {&progtypes::kSyscallLayout, testing::run_syscall},
};

}  // namespace

Result<TestRunResult> test_run(const progtypes::ProgTypeRow& type, uint32_t attach_type,
                               const TestRunInput& input, const Runner& runner, RunContext& run) {
  constexpr int kENotSupp = 524;
  for (const Route& route : kRoutes)
    if (route.context == type.context)
      return route.run({type, progtypes::effective_attach_type(type, attach_type), input, runner, run});
  return fail(kENotSupp);
}

}  // namespace skep::helpers
