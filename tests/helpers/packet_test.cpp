// Test runs and packet helpers against the live kernel: the same input and the same call there and here.
//
// There a program calls one helper and returns its result; here the runner calls our implementation on the
// context that test_run made. Results, output packet and output context must agree.
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "abi/ctx.h"
#include "abi/helper_ids.h"
#include "helpers/proto.h"
#include "helpers/runs.h"

namespace skep::testing {
namespace {

using helpers::RunContext;
using helpers::TestRunInput;

constexpr int kBufferBytes = 16;
constexpr int64_t kBuffer = INT64_MIN;   // an argument that stands for the address of a buffer of 16 bytes
constexpr int64_t kContext = INT64_MIN;  // as the first argument: the context
constexpr int64_t kPattern = -1;         // the buffer holds bytes 1..4, each four times

struct Call {
  uint32_t type;
  uint32_t helper;
  int64_t args[4];           // r2..r5
  int64_t first = kContext;  // r1
  int64_t fill = kPattern;   // or the buffer's first four bytes, as a number
};

std::vector<std::byte> ip_packet(size_t size, uint16_t ether_type = 0x0800) {
  std::vector<std::byte> packet(size);
  for (size_t at = 14; at < size; ++at) packet[at] = static_cast<std::byte>(at * 7);
  packet[12] = static_cast<std::byte>(ether_type >> 8);
  packet[13] = static_cast<std::byte>(ether_type & 0xff);
  packet[14] = std::byte{0x45};
  return packet;
}

constexpr uint32_t kPacketTypes[] = {abi::BPF_PROG_TYPE_SOCKET_FILTER, abi::BPF_PROG_TYPE_SCHED_CLS,
                                     abi::BPF_PROG_TYPE_CGROUP_SKB,    abi::BPF_PROG_TYPE_XDP,
                                     abi::BPF_PROG_TYPE_LWT_IN,        abi::BPF_PROG_TYPE_LWT_XMIT};

void compare_constant(uint32_t type, const TestRunInput& input, const std::string& what) {
  const isa::Insn program[] = {move(0, 1), exit_insn()};
  const auto one = [](void*, RunContext&) -> uint64_t { return 1; };
  const Kind kind{type, 0};
  expect_equal(run_here(kind, one, input), run_there(kind, program, input),
               what + " type " + std::to_string(type));
}

TEST(TestRun, TakesTheSamePacketSizes) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (uint32_t type : kPacketTypes)
    for (size_t size : {14, 15, 33, 34, 60, 1500, 3519, 3520, 3521, 3712, 3713, 4096, 9000, 65000, 73152}) {
      const auto packet = ip_packet(std::max<size_t>(size, 16));
      compare_constant(type, {.data = std::span(packet).first(size)}, "size " + std::to_string(size));
    }
}

TEST(TestRun, TakesTheSameContextFields) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const auto packet = ip_packet(64);
  for (size_t offset = 0; offset < sizeof(abi::__sk_buff); offset += 4)
    for (uint32_t value : {1u, 64u, 65535u, 65537u, 0xffffffffu}) {
      // Device 2 and on may exist on the machine; here the network has one device.
      if (offset == offsetof(abi::__sk_buff, ifindex) && value > 1 && value < 1000) continue;
      abi::__sk_buff ctx = {};
      memcpy(reinterpret_cast<char*>(&ctx) + offset, &value, sizeof(value));
      const auto bytes = bytes_of(&ctx, sizeof(ctx));
      for (uint32_t type :
           {abi::BPF_PROG_TYPE_SCHED_CLS, abi::BPF_PROG_TYPE_CGROUP_SKB, abi::BPF_PROG_TYPE_LWT_OUT})
        compare_constant(type, {.data = packet, .ctx = bytes},
                         "field at " + std::to_string(offset) + " = " + std::to_string(value));
    }
}

TEST(TestRun, TakesTheSameContextSizes) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const auto packet = ip_packet(64);
  for (size_t size : {1, 4, 12, 191, 192, 193, 256})
    for (bool tail : {false, true}) {
      std::vector<std::byte> ctx(size);
      if (tail) ctx.back() = std::byte{1};
      compare_constant(abi::BPF_PROG_TYPE_SCHED_CLS, {.data = packet, .ctx = ctx},
                       "ctx size " + std::to_string(size));
    }
}

TEST(TestRun, TakesTheSameXdpContexts) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (uint32_t size : {64u, 600u, 4000u})
    for (uint32_t data : {0u, 3u, 4u, 32u, 48u, 52u, 200u, 216u, 220u, 256u})
      for (uint32_t end : {0u, 14u, 63u, 64u, 65u, 600u, 4000u})
        for (uint32_t other : {0u, 1u, 2u, 3u}) {
          const auto packet = ip_packet(size);
          const abi::xdp_md ctx = {.data = data,
                                   .data_end = end,
                                   .data_meta = other == 1,
                                   .ingress_ifindex = 0,
                                   .rx_queue_index = other == 2,
                                   .egress_ifindex = other == 3};
          const auto bytes = bytes_of(&ctx, sizeof(ctx));
          compare_constant(abi::BPF_PROG_TYPE_XDP, {.data = packet, .ctx = bytes},
                           "size " + std::to_string(size) + " data " + std::to_string(data) + " end " +
                               std::to_string(end) + " other " + std::to_string(other));
        }
}

TEST(TestRun, TakesTheSameFlags) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const auto packet = ip_packet(64);
  for (uint32_t type : kPacketTypes)
    for (uint32_t flags : {1u, 4u, 8u, 16u})
      compare_constant(type, {.data = packet, .flags = flags}, "flags");
}

// r1 = context, r2..r5 = the call's arguments, a buffer of bytes 1..16 on the stack.
std::vector<isa::Insn> program_of(const Call& call_) {
  std::vector<isa::Insn> program;
  for (int at = 0; at < kBufferBytes; at += 4)
    program.push_back(store_imm(4, 10, at - kBufferBytes, 0x01010101 * (at / 4 + 1)));
  if (call_.fill != kPattern)
    program.push_back(store_imm(4, 10, -kBufferBytes, static_cast<int32_t>(call_.fill)));
  for (int index = 0; index < 4; ++index) {
    if (call_.args[index] == kBuffer) {
      program.push_back(insn(abi::BPF_ALU64 | abi::BPF_MOV | abi::BPF_X, index + 2, 10, 0, 0));
      program.push_back(insn(abi::BPF_ALU64 | abi::BPF_ADD | abi::BPF_K, index + 2, 0, 0, -kBufferBytes));
    } else {
      program.push_back(move(index + 2, static_cast<int32_t>(call_.args[index])));
    }
  }
  if (call_.first != kContext) program.push_back(move(1, static_cast<int32_t>(call_.first)));
  program.push_back(call(static_cast<int32_t>(call_.helper)));
  program.push_back(exit_insn());
  return program;
}

helpers::Runner runner_of(const Call& call_) {
  return [call_](void* ctx, RunContext& run) {
    alignas(8) char buffer[kBufferBytes];
    for (int at = 0; at < kBufferBytes; ++at) buffer[at] = static_cast<char>(at / 4 + 1);
    if (call_.fill != kPattern) memcpy(buffer, &call_.fill, 4);
    uint64_t args[4];
    for (int index = 0; index < 4; ++index)
      args[index] = call_.args[index] == kBuffer ? reinterpret_cast<uint64_t>(buffer)
                                                 : static_cast<uint64_t>(int64_t{call_.args[index]});
    const helpers::HelperProto* row = helpers::find(call_.helper, call_.type, 0, kNewestProfile);
    const uint64_t first =
        call_.first == kContext ? reinterpret_cast<uint64_t>(ctx) : static_cast<uint64_t>(call_.first);
    return row->impl(first, args[0], args[1], args[2], args[3], run);
  };
}

std::string describe(const Call& call_) {
  std::string text(helpers::name_of(call_.helper));
  for (int64_t arg : call_.args) text += arg == kBuffer ? " buffer" : " " + std::to_string(arg);
  if (call_.fill != kPattern) text += " with " + std::to_string(call_.fill);
  return text;
}

std::vector<Call> calls() {
  constexpr uint32_t kTc = abi::BPF_PROG_TYPE_SCHED_CLS, kXdp = abi::BPF_PROG_TYPE_XDP,
                     kFilter = abi::BPF_PROG_TYPE_SOCKET_FILTER;
  std::vector<Call> all;
  for (int64_t offset : {0, 10, 14, 24, 56, 57, 64, 70000, -1}) {
    all.push_back({kTc, abi::BPF_FUNC_skb_load_bytes, {offset, kBuffer, 8, 0}});
    all.push_back({kFilter, abi::BPF_FUNC_skb_load_bytes, {offset, kBuffer, 8, 0}});
    for (int64_t header : {0, 1, 2}) {
      all.push_back({kTc, abi::BPF_FUNC_skb_load_bytes_relative, {offset, kBuffer, 8, header}});
      all.push_back({kFilter, abi::BPF_FUNC_skb_load_bytes_relative, {offset, kBuffer, 8, header}});
    }
    for (int64_t flags : {0, 1, 2, 4})
      all.push_back({kTc, abi::BPF_FUNC_skb_store_bytes, {offset, kBuffer, 8, flags}});
    for (int64_t size : {0, 1, 2, 4, 8, 16, 18}) {
      all.push_back({kTc, abi::BPF_FUNC_l3_csum_replace, {offset, 0, 0x1234, size}});
      all.push_back({kTc, abi::BPF_FUNC_l3_csum_replace, {offset, 0x5678, 0x1234, size}});
      all.push_back({kTc, abi::BPF_FUNC_l4_csum_replace, {offset, 0x5678, 0x12345678, size | 32}});
      all.push_back({kTc, abi::BPF_FUNC_l4_csum_replace, {offset, 0, 0x1234, size | 16}});
    }
    all.push_back({kXdp, abi::BPF_FUNC_xdp_load_bytes, {offset, kBuffer, 8, 0}});
    all.push_back({kXdp, abi::BPF_FUNC_xdp_store_bytes, {offset, kBuffer, 8, 0}});
  }
  for (int64_t by : {0,   1,    4,    -4,   20,   -20, 46,   49,   50,   51,   100,
                     -50, -100, -216, -217, -256, 255, 3000, 3456, 3457, 5000, -5000}) {
    all.push_back({kXdp, abi::BPF_FUNC_xdp_adjust_head, {by, 0, 0, 0}});
    all.push_back({kXdp, abi::BPF_FUNC_xdp_adjust_meta, {by, 0, 0, 0}});
    all.push_back({kXdp, abi::BPF_FUNC_xdp_adjust_tail, {by, 0, 0, 0}});
    all.push_back({kTc, abi::BPF_FUNC_skb_pull_data, {by, 0, 0, 0}});
    for (int64_t flags : {0, 1}) {
      all.push_back({kTc, abi::BPF_FUNC_skb_change_head, {by, flags, 0, 0}});
      all.push_back({kTc, abi::BPF_FUNC_skb_change_tail, {by, flags, 0, 0}});
      for (int64_t mode : {0, 1, 2})
        all.push_back({kTc, abi::BPF_FUNC_skb_adjust_room, {by, mode, flags, 0}});
    }
  }
  for (int64_t value : {0, 1, 2, 3, 4, 5, 0x0008, 0xdd86, 0x0081, 0xa888}) {
    all.push_back({kTc, abi::BPF_FUNC_skb_change_proto, {value, 0, 0, 0}});
    all.push_back({kTc, abi::BPF_FUNC_skb_change_proto, {value, 1, 0, 0}});
    all.push_back({kTc, abi::BPF_FUNC_skb_change_type, {value, 0, 0, 0}});
    all.push_back({kTc, abi::BPF_FUNC_skb_vlan_push, {value, 5, 0, 0}});
    all.push_back({kTc, abi::BPF_FUNC_csum_level, {value, 0, 0, 0}});
    all.push_back({kTc, abi::BPF_FUNC_csum_update, {value, 0, 0, 0}});
    all.push_back({kTc, abi::BPF_FUNC_set_hash, {value, 0, 0, 0}});
    all.push_back({kTc, abi::BPF_FUNC_skb_set_tstamp, {100, value, 0, 0}});
    all.push_back({kTc, abi::BPF_FUNC_skb_set_tstamp, {0, value, 0, 0}});
  }
  all.push_back({kTc, abi::BPF_FUNC_skb_vlan_pop, {0, 0, 0, 0}});
  all.push_back({kTc, abi::BPF_FUNC_set_hash_invalid, {0, 0, 0, 0}});
  all.push_back({kTc, abi::BPF_FUNC_get_route_realm, {0, 0, 0, 0}});
  all.push_back({kTc, abi::BPF_FUNC_get_cgroup_classid, {0, 0, 0, 0}});
  all.push_back({kTc, abi::BPF_FUNC_get_socket_uid, {0, 0, 0, 0}});
  all.push_back({kFilter, abi::BPF_FUNC_get_socket_uid, {0, 0, 0, 0}});
  all.push_back({kXdp, abi::BPF_FUNC_xdp_get_buff_len, {0, 0, 0, 0}});
  for (int64_t flags : {0, 1, 2}) {
    all.push_back({kTc, abi::BPF_FUNC_skb_get_tunnel_key, {kBuffer, 16, flags, 0}});
    all.push_back({kTc, abi::BPF_FUNC_skb_get_xfrm_state, {0, kBuffer, 16, flags}});
    for (int64_t ifindex : {0, 1, 9999}) {
      all.push_back({kTc, abi::BPF_FUNC_redirect_peer, {flags, 0, 0, 0}, ifindex});
      for (int64_t size : {0, 8})
        all.push_back(
            {kTc, abi::BPF_FUNC_redirect_neigh, {size == 0 ? 0 : kBuffer, size, flags, 0}, ifindex});
    }
  }
  all.push_back({kTc, abi::BPF_FUNC_skb_get_tunnel_opt, {kBuffer, 16, 0, 0}});
  all.push_back({kTc, abi::BPF_FUNC_skb_cgroup_classid, {0, 0, 0, 0}});
  all.push_back({kTc, abi::BPF_FUNC_skb_ecn_set_ce, {0, 0, 0, 0}});
  for (uint32_t type : {abi::BPF_PROG_TYPE_SCHED_CLS, abi::BPF_PROG_TYPE_XDP})
    for (int64_t ifindex : {0, 1, 9999})
      for (int64_t difference : {0, 1, -1, 70000, 65536, 65472, 65487, -70000})
        for (int64_t flags : {0, 1, 2})
          for (int64_t length : {0, 20, 65536, 65537})
            all.push_back(
                {type, abi::BPF_FUNC_check_mtu, {ifindex, kBuffer, difference, flags}, kContext, length});
  return all;
}

TEST(PacketHelpers, AnswerAndChangeAsOnLinux) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const std::vector<Call> all = calls();
  int asked = 0, refused = 0, changed = 0;
  for (uint16_t ether_type : {0x0800, 0x86dd, 0x8100, 0x1234}) {
    const auto packet = ip_packet(64, ether_type);
    for (const Call& call_ : all) {
      const TestRunInput input = {.data = packet};
      const Kind kind{call_.type, 0};
      const Outcome kernels = run_there(kind, program_of(call_), input);
      expect_equal(run_here(kind, runner_of(call_), input), kernels,
                   describe(call_) + " frame " + std::to_string(ether_type));
      ++asked;
      if (kernels.retval < 0) ++refused;
      if (kernels.error == 0 && kernels.data != packet) ++changed;
    }
  }
  std::printf("%d calls asked, %d refused, %d changed the packet\n", asked, refused, changed);
}

TEST(PacketHelpers, MarkCongestionAsOnLinux) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (uint16_t ether_type : {0x0800, 0x86dd})
    for (int bits = 0; bits < 256; ++bits)
      for (int checksum : {0, 1, 0xff, 0xfe}) {
        auto packet = ip_packet(64, ether_type);
        packet[15] = static_cast<std::byte>(bits);
        packet[24] = packet[25] = static_cast<std::byte>(checksum);
        const Call call_{abi::BPF_PROG_TYPE_SCHED_CLS, abi::BPF_FUNC_skb_ecn_set_ce, {0, 0, 0, 0}};
        const TestRunInput input = {.data = packet};
        const Kind kind{call_.type, 0};
        expect_equal(run_here(kind, runner_of(call_), input), run_there(kind, program_of(call_), input),
                     "bits " + std::to_string(bits) + " frame " + std::to_string(ether_type));
      }
}

}  // namespace
}  // namespace skep::testing
