// SkBuff: a packet with its metadata, what __sk_buff is a view of. One linear buffer:
//
//   head        data              tail                    end
//   |  headroom  |  packet bytes   |   tailroom            | SharedInfo |
//
// tail and end are offsets from head. Owned by the run; programs read fields through lowered loads at fixed
// offsets (progtypes/ctx/sk_buff.def), helpers through the functions below.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

#include "base/result.h"
#include "net/net_device.h"
#include "net/sock.h"

namespace skep::net {

// Stands behind the buffer, at head + end.
struct SharedInfo {
  uint16_t gso_size = 0;
  uint16_t gso_segs = 0;
  uint32_t gso_type = 0;
  uint64_t hwtstamp = 0;  // ns
};

// The 48 bytes that layers keep for themselves in a packet: programs own cb.data.
struct SkbControl {
  uint32_t pkt_len = 0;  // wire_len
  uint16_t slave_queue = 0;
  uint16_t tc_classid = 0;
  uint8_t data[20] = {};  // __sk_buff.cb
  uint8_t pad[4] = {};
  uint8_t* data_meta = nullptr;
  uint8_t* data_end = nullptr;
};
static_assert(sizeof(SkbControl) == 48);

inline constexpr uint16_t kNoHeader = 0xffff;

struct SkBuff {
  NetDevice* dev = nullptr;
  Sock* sk = nullptr;
  int64_t tstamp = 0;
  SkbControl cb;
  uint32_t len = 0;
  uint32_t data_len = 0;  // of len, what lies outside the linear buffer: always 0 here
  uint16_t mac_len = 0;
  uint16_t queue_mapping = 0;
  uint8_t packet_bits = 0;  // kPacketTypeMask: PACKET_*
  uint8_t time_bits = 0;    // kTstampTypeMask, kTcAtIngress
  uint8_t hash_bits = 0;    // kL4Hash, kSwHash
  uint8_t ip_summed = 0;    // CHECKSUM_*
  uint8_t csum_level = 0;
  uint16_t tc_index = 0;
  uint16_t tcp_flags = 0;  // of the segment, for sock_ops
  uint32_t priority = 0;
  int32_t ingress_ifindex = 0;
  uint32_t hash = 0;
  union {
    uint32_t vlan_all = 0;  // non-zero: a tag is present
    struct {
      uint16_t vlan_proto;  // network order
      uint16_t vlan_tci;
    };
  };
  uint32_t napi_id = 0;
  uint32_t mark = 0;
  uint32_t csum = 0;                // of the packet, when ip_summed is kChecksumComplete
  uint16_t protocol = 0;            // network order
  uint16_t mac_header = kNoHeader;  // offsets from head
  uint16_t network_header = kNoHeader;
  uint16_t transport_header = kNoHeader;
  uint32_t tail = 0;
  uint32_t end = 0;
  uint8_t* head = nullptr;
  uint8_t* data = nullptr;

  uint32_t headroom() const { return static_cast<uint32_t>(data - head); }
  uint32_t tailroom() const { return end - tail; }
  uint8_t* tail_pointer() const { return head + tail; }
  uint8_t* mac() const { return head + mac_header; }
  uint8_t* network() const { return head + network_header; }
  bool mac_header_set() const { return mac_header != kNoHeader; }
  SharedInfo& shared() const { return *reinterpret_cast<SharedInfo*>(head + end); }
  // What programs see as data_end and data_meta. After every change of data or length.
  void update_data_pointers() {
    cb.data_meta = data;
    cb.data_end = data + len;
  }
};
static_assert(std::is_standard_layout_v<SkBuff>);

inline constexpr uint8_t kPacketTypeMask = 7;
inline constexpr uint8_t kTstampTypeMask = 3;  // abi::BPF_SKB_CLOCK_*
inline constexpr uint8_t kTcAtIngress = 4;
inline constexpr uint8_t kL4Hash = 1;
inline constexpr uint8_t kSwHash = 2;
inline constexpr uint8_t kChecksumNone = 0, kChecksumUnnecessary = 1, kChecksumComplete = 2,
                         kChecksumPartial = 3;
inline constexpr uint16_t kEthHeaderLen = 14;
inline constexpr uint16_t kVlanHeaderLen = 4;

// The memory of a packet. Helpers may move the packet to a larger buffer, so pointers into it are refreshed
// through the SkBuff. Every SkBuff that a program sees is the base of one.
class PacketBuffer : public SkBuff {
 public:
  // Copies `data` behind `headroom` bytes; at least `tailroom` bytes and the SharedInfo follow. ENOMEM.
  static Result<std::unique_ptr<PacketBuffer>> make(std::span<const std::byte> data, uint32_t headroom,
                                                    uint32_t tailroom);
  static PacketBuffer& of(SkBuff& skb) { return static_cast<PacketBuffer&>(skb); }
  // Moves to a buffer with that much more room at either end. False when out of memory.
  bool expand(uint32_t headroom, uint32_t tailroom);

 private:
  std::unique_ptr<uint8_t[]> memory_;
};

// Parts of Linux's skb functions: grow or shrink at either end. The caller has checked the room.
void push(SkBuff& skb, uint32_t bytes);             // new bytes before data
void pull(SkBuff& skb, uint32_t bytes);             // drops bytes at data
void put(SkBuff& skb, uint32_t bytes);              // new bytes behind tail
void trim(SkBuff& skb, uint32_t len);               // len becomes the packet's length
bool ensure_headroom(SkBuff& skb, uint32_t bytes);  // false: out of memory
bool ensure_tailroom(SkBuff& skb, uint32_t bytes);

}  // namespace skep::net
