// LD_ABS and LD_IND: reads from a packet by offset; see RunContext::packet_load.
#include <cerrno>
#include <cstring>

#include "helpers/test_run.h"
#include "net/sk_buff.h"

namespace skep::helpers {
namespace {

constexpr int32_t kNetworkOffset = -0x100000;  // SKF_NET_OFF
constexpr int32_t kLinkOffset = -0x200000;     // SKF_LL_OFF

// Offset from skb.head of packet offset `offset`; negative ones count from a header.
int64_t position(const net::SkBuff& skb, int32_t offset) {
  if (offset >= 0) return int64_t{skb.headroom()} + offset;
  if (offset >= kNetworkOffset) return int64_t{skb.network_header} + (offset - kNetworkOffset);
  if (offset >= kLinkOffset && skb.mac_header_set()) return int64_t{skb.mac_header} + (offset - kLinkOffset);
  return -1;
}

}  // namespace

int load_from_packet(RunContext&, const void* ctx, uint32_t offset, uint32_t bytes, uint64_t* value) {
  const auto& skb = *static_cast<const net::SkBuff*>(ctx);
  const int64_t at = position(skb, static_cast<int32_t>(offset));
  if (at < 0 || at + bytes > skb.tail) return -EFAULT;
  uint64_t loaded = 0;
  for (uint32_t index = 0; index < bytes; ++index) loaded = loaded << 8 | skb.head[at + index];
  *value = loaded;
  return 0;
}

}  // namespace skep::helpers
