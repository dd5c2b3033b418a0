// Test runs of xdp programs. Mirrors bpf_prog_test_run_xdp.
#include <cerrno>
#include <memory>

#include "abi/ctx.h"
#include "helpers/hook_state.h"
#include "helpers/test_run_parts.h"
#include "net/sk_buff.h"
#include "net/xdp_buff.h"

namespace skep::helpers::testing {
namespace {

constexpr uint32_t kLargestFrame = kTestPage - net::kXdpHeadroom - kTestTailroom;
constexpr uint32_t kMostData = kLargestFrame + 17 * kTestPage;  // and as many fragments as a packet may have
constexpr uint32_t kMetaLimit = net::kXdpHeadroom - net::kXdpFrameInfo;

bool metadata_ok(uint32_t length) { return length % 4 == 0 && length <= kMetaLimit; }

Status check_context(const abi::xdp_md& ctx, uint32_t size) {
  if (ctx.data_meta != 0 || ctx.data_end > size || ctx.data > ctx.data_end || !metadata_ok(ctx.data))
    return fail(EINVAL);
  if (size - ctx.data < net::kEthHeaderLen) return fail(EINVAL);
  if (ctx.egress_ifindex != 0 || (ctx.ingress_ifindex == 0 && ctx.rx_queue_index != 0)) return fail(EINVAL);
  if (ctx.ingress_ifindex > 1) return fail(ENODEV);
  if (ctx.rx_queue_index != 0) return fail(EINVAL);
  return {};
}

}  // namespace

Result<TestRunResult> run_xdp(const Job& job) {
  const TestRunInput& input = job.input;
  if ((input.flags & ~uint32_t{abi::BPF_F_TEST_XDP_LIVE_FRAMES}) != 0) return fail(EINVAL);
  if (job.attach_type == abi::BPF_XDP_DEVMAP || job.attach_type == abi::BPF_XDP_CPUMAP) return fail(EINVAL);
  if ((input.flags & abi::BPF_F_TEST_XDP_LIVE_FRAMES) != 0) return fail(EOPNOTSUPP);  // there is no device
  if (input.batch_size != 0) return fail(EINVAL);
  const auto size = static_cast<uint32_t>(input.data.size());
  if (size < net::kEthHeaderLen) return fail(EINVAL);
  if (size > kMostData) return fail(ENOMEM);
  abi::xdp_md ctx = SKEP_TRY(read_context<abi::xdp_md>(input.ctx));
  const bool has_ctx = !input.ctx.empty();
  if (has_ctx) SKEP_TRY(check_context(ctx, size));

  // What does not fit in a page, or lies behind data_end, stands where programs do not see it.
  const uint32_t meta = ctx.data;
  const uint32_t linear = std::min(has_ctx ? ctx.data_end : size, kLargestFrame + meta);
  auto frame = std::make_unique<uint8_t[]>(kTestPage);
  net::RxQueue queue{.dev = &net::loopback(), .queue_index = 0};
  net::XdpBuff xdp;
  xdp.data_hard_start = frame.get();
  xdp.data_meta = frame.get() + net::kXdpHeadroom - meta;
  xdp.data = xdp.data_meta + meta;
  xdp.data_end = xdp.data_meta + linear;
  xdp.rxq = xdp.txq = &queue;
  xdp.frame_size = kTestPage;
  memcpy(xdp.data_meta, input.data.data(), linear);

  PacketHook hook;
  job.run.hook = &hook;
  TestRunResult result;
  repeat(job, &xdp, result);
  const uint8_t* start = xdp.data_meta > xdp.data ? xdp.data : xdp.data_meta;
  result.data = copy_bytes(start, static_cast<size_t>(xdp.data_end - start));
  result.data.insert(result.data.end(), input.data.begin() + linear, input.data.end());
  if (has_ctx) {
    ctx.data = static_cast<uint32_t>(xdp.data - start);
    ctx.data_end = static_cast<uint32_t>(xdp.data_end - start);
    result.ctx = write_context(ctx);
  }
  return result;
}

}  // namespace skep::helpers::testing
