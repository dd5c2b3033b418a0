// XdpBuff: a received frame before it becomes a packet, what xdp_md is a view of. One linear buffer:
//
//   data_hard_start    data_meta   data            data_end           data_hard_start + frame_size
//   |     headroom      | metadata | packet bytes   | tailroom          |
#pragma once

#include <cstdint>
#include <type_traits>

#include "net/net_device.h"

namespace skep::net {

struct XdpBuff {
  uint8_t* data = nullptr;
  uint8_t* data_end = nullptr;
  uint8_t* data_meta = nullptr;  // data + 1 where metadata is not supported
  uint8_t* data_hard_start = nullptr;
  RxQueue* rxq = nullptr;
  RxQueue* txq = nullptr;
  uint32_t frame_size = 0;
};
static_assert(std::is_standard_layout_v<XdpBuff>);

inline constexpr uint32_t kXdpHeadroom = 256;
inline constexpr uint32_t kXdpFrameInfo = 40;    // room that bpf_xdp_adjust_head leaves at the start
inline constexpr uint32_t kXdpSharedInfo = 320;  // room at the end of a frame

}  // namespace skep::net
