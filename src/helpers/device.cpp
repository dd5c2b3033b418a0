// Helpers on network devices: where a packet may go, and whether it fits.
#include <cerrno>
#include <cstring>

#include "abi/bpf.h"
#include "abi/helper_ids.h"
#include "helpers/hook_state.h"
#include "helpers/impl.h"
#include "net/sk_buff.h"
#include "net/xdp_buff.h"

namespace skep::helpers {
namespace {

constexpr uint64_t kNeighbour = 20;  // sizeof(bpf_redir_neigh)

uint64_t status(int code) { return static_cast<uint64_t>(int64_t{code}); }

uint64_t redirect_to(uint64_t ifindex, RunContext& run) {
  if (auto* hook = static_cast<PacketHook*>(run.hook)) {
    hook->redirect_ifindex = static_cast<uint32_t>(ifindex);
    hook->redirect_flags = 0;
  }
  return abi::TC_ACT_REDIRECT;
}

// `own`: the device for index 0. Null when there is no such device.
const net::NetDevice* device_of(const net::NetDevice* own, uint64_t ifindex) {
  const auto index = static_cast<uint32_t>(ifindex);
  if (index == 0 || index == own->ifindex) return own;
  return index == net::loopback().ifindex ? &net::loopback() : nullptr;
}

// *mtu_len: on entry the length of the packet above the link layer, or 0 for `length`; then the device's MTU.
uint64_t check_length(const net::NetDevice& device, uint64_t mtu_len, uint32_t length, uint64_t difference,
                      bool segmented) {
  uint32_t given;
  memcpy(&given, reinterpret_cast<const void*>(mtu_len), sizeof(given));
  if (given != 0) length = given + net::kEthHeaderLen;
  length += static_cast<uint32_t>(difference);
  const bool fits = static_cast<int32_t>(length) <= static_cast<int32_t>(device.mtu + net::kEthHeaderLen);
  memcpy(reinterpret_cast<void*>(mtu_len), &device.mtu, sizeof(device.mtu));
  return fits || segmented ? abi::BPF_MTU_CHK_RET_SUCCESS : abi::BPF_MTU_CHK_RET_FRAG_NEEDED;
}

}  // namespace

uint64_t redirect_neigh(uint64_t ifindex, uint64_t, uint64_t size, uint64_t flags, uint64_t,
                        RunContext& run) {
  const auto length = static_cast<uint32_t>(size);
  if ((length != 0 && length < kNeighbour) || flags != 0) return abi::TC_ACT_SHOT;
  return redirect_to(ifindex, run);
}

uint64_t redirect_peer(uint64_t ifindex, uint64_t flags, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return flags != 0 ? uint64_t{abi::TC_ACT_SHOT} : redirect_to(ifindex, run);
}

uint64_t skb_check_mtu(uint64_t ctx, uint64_t ifindex, uint64_t mtu_len, uint64_t difference, uint64_t flags,
                       RunContext&) {
  net::SkBuff& skb = *reinterpret_cast<net::SkBuff*>(ctx);
  const bool segments = (flags & abi::BPF_MTU_CHK_SEGS) != 0;
  uint32_t given;
  memcpy(&given, reinterpret_cast<const void*>(mtu_len), sizeof(given));
  if ((flags & ~uint64_t{abi::BPF_MTU_CHK_SEGS}) != 0) return status(-EINVAL);
  if (segments && (static_cast<uint32_t>(difference) != 0 || given != 0)) return status(-EINVAL);
  const net::NetDevice* device = device_of(skb.dev, ifindex);
  if (device == nullptr) return status(-ENODEV);
  return check_length(*device, mtu_len, skb.len, difference, skb.shared().gso_size != 0);
}

uint64_t xdp_check_mtu(uint64_t ctx, uint64_t ifindex, uint64_t mtu_len, uint64_t difference, uint64_t flags,
                       RunContext&) {
  const net::XdpBuff& xdp = *reinterpret_cast<net::XdpBuff*>(ctx);
  if (flags != 0) return status(-EINVAL);
  const net::NetDevice* device = device_of(xdp.rxq->dev, ifindex);
  if (device == nullptr) return status(-ENODEV);
  return check_length(*device, mtu_len, static_cast<uint32_t>(xdp.data_end - xdp.data), difference, false);
}

}  // namespace skep::helpers
