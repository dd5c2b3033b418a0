// Helpers on XDP frames.
#include "net/xdp_buff.h"

#include <cerrno>
#include <cstring>

#include "abi/bpf.h"
#include "helpers/hook_state.h"
#include "helpers/impl.h"
#include "net/sk_buff.h"

namespace skep::helpers {
namespace {

using net::XdpBuff;

constexpr ptrdiff_t kLargestMetadata = 255;

uint64_t status(int code) { return static_cast<uint64_t>(int64_t{code}); }
XdpBuff& xdp_of(uint64_t ctx) { return *reinterpret_cast<XdpBuff*>(ctx); }
uint32_t length(const XdpBuff& xdp) { return static_cast<uint32_t>(xdp.data_end - xdp.data); }

// 0, or why [offset, offset + size) is not a part of the frame.
int check_range(const XdpBuff& xdp, uint32_t offset, uint64_t size) {
  if (offset > 0xffff || size > 0xffff) return -EFAULT;
  return offset + size > length(xdp) ? -EINVAL : 0;
}

}  // namespace

uint64_t xdp_adjust_head(uint64_t ctx, uint64_t offset, uint64_t, uint64_t, uint64_t, RunContext&) {
  XdpBuff& xdp = xdp_of(ctx);
  const ptrdiff_t by = static_cast<int32_t>(offset), meta = xdp.data - xdp.data_meta;
  const ptrdiff_t start = xdp.data - xdp.data_hard_start + by;
  const ptrdiff_t end = xdp.data_end - xdp.data_hard_start;
  if (start < ptrdiff_t{net::kXdpFrameInfo} + meta || start > end - ptrdiff_t{net::kEthHeaderLen})
    return status(-EINVAL);
  if (meta != 0) memmove(xdp.data_meta + by, xdp.data_meta, static_cast<size_t>(meta));
  xdp.data_meta += by;
  xdp.data += by;
  return 0;
}

uint64_t xdp_adjust_meta(uint64_t ctx, uint64_t offset, uint64_t, uint64_t, uint64_t, RunContext&) {
  XdpBuff& xdp = xdp_of(ctx);
  const ptrdiff_t start = xdp.data_meta - xdp.data_hard_start + static_cast<int32_t>(offset);
  const ptrdiff_t meta = xdp.data - xdp.data_hard_start - start;
  if (start < ptrdiff_t{net::kXdpFrameInfo} || meta < 0) return status(-EINVAL);
  if (meta % 4 != 0 || meta > kLargestMetadata) return status(-EACCES);
  xdp.data_meta = xdp.data_hard_start + start;
  return 0;
}

uint64_t xdp_adjust_tail(uint64_t ctx, uint64_t offset, uint64_t, uint64_t, uint64_t, RunContext&) {
  XdpBuff& xdp = xdp_of(ctx);
  const ptrdiff_t by = static_cast<int32_t>(offset);
  const ptrdiff_t end = xdp.data_end - xdp.data_hard_start + by;
  if (end > ptrdiff_t{xdp.frame_size} - ptrdiff_t{net::kXdpSharedInfo}) return status(-EINVAL);
  if (end < xdp.data - xdp.data_hard_start + ptrdiff_t{net::kEthHeaderLen}) return status(-EINVAL);
  if (by > 0) memset(xdp.data_end, 0, static_cast<size_t>(by));
  xdp.data_end += by;
  return 0;
}

uint64_t xdp_get_buff_len(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  return length(xdp_of(ctx));
}

uint64_t xdp_load_bytes(uint64_t ctx, uint64_t offset, uint64_t out, uint64_t size, uint64_t, RunContext&) {
  const XdpBuff& xdp = xdp_of(ctx);
  const auto at = static_cast<uint32_t>(offset);
  const int error = check_range(xdp, at, size);
  if (error == 0) memmove(reinterpret_cast<void*>(out), xdp.data + at, size);
  return status(error);
}

uint64_t xdp_store_bytes(uint64_t ctx, uint64_t offset, uint64_t from, uint64_t size, uint64_t, RunContext&) {
  XdpBuff& xdp = xdp_of(ctx);
  const auto at = static_cast<uint32_t>(offset);
  const int error = check_range(xdp, at, size);
  if (error == 0) memmove(xdp.data + at, reinterpret_cast<const void*>(from), size);
  return status(error);
}

uint64_t xdp_redirect(uint64_t ifindex, uint64_t flags, uint64_t, uint64_t, uint64_t, RunContext& run) {
  if (flags != 0) return abi::XDP_ABORTED;
  if (auto* hook = static_cast<PacketHook*>(run.hook))
    hook->redirect_ifindex = static_cast<uint32_t>(ifindex);
  return abi::XDP_REDIRECT;
}

}  // namespace skep::helpers
