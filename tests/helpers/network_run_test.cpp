// Test runs of flow_dissector, sk_lookup, netfilter and syscall programs against the live kernel.
#include <gtest/gtest.h>

#include <cstring>

#include "abi/ctx.h"
#include "helpers/runs.h"
#include "progtypes/kernel_ctx.h"

namespace skep::testing {
namespace {

using helpers::RunContext;
using helpers::TestRunInput;

constexpr Kind kFlowDissector{abi::BPF_PROG_TYPE_FLOW_DISSECTOR, abi::BPF_FLOW_DISSECTOR};
constexpr Kind kSkLookup{abi::BPF_PROG_TYPE_SK_LOOKUP, abi::BPF_SK_LOOKUP};
constexpr Kind kNetfilter{abi::BPF_PROG_TYPE_NETFILTER, abi::BPF_NETFILTER};
constexpr Kind kSyscall{abi::BPF_PROG_TYPE_SYSCALL, 0};

std::vector<std::byte> frame(size_t size, uint16_t ether_type) {
  std::vector<std::byte> bytes(std::max<size_t>(size, 16));
  for (size_t at = 14; at < bytes.size(); ++at) bytes[at] = static_cast<std::byte>(at * 5);
  bytes[12] = static_cast<std::byte>(ether_type >> 8);
  bytes[13] = static_cast<std::byte>(ether_type & 0xff);
  bytes.resize(size);
  return bytes;
}

void compare_constant(const Kind& kind, const TestRunInput& input, const std::string& what, int value = 1) {
  const isa::Insn program[] = {move(0, value), exit_insn()};
  const auto same = [value](void*, RunContext&) { return static_cast<uint64_t>(value); };
  expect_equal(run_here(kind, same, input), run_there(kind, program, input), what);
}

TEST(TestRun, FlowDissectorTakesTheSameInput) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (size_t size : {1, 13, 14, 15, 60, 4095, 4096, 4097, 9000})
    compare_constant(kFlowDissector, {.data = frame(size, 0x0800)}, "size " + std::to_string(size));
  for (uint32_t flags : {1u, 2u, 4u})
    compare_constant(kFlowDissector, {.data = frame(60, 0x0800), .flags = flags}, "");
  for (size_t offset = 0; offset < sizeof(abi::bpf_flow_keys); ++offset) {
    abi::bpf_flow_keys keys = {};
    memset(reinterpret_cast<char*>(&keys) + offset, 1, 1);
    compare_constant(kFlowDissector, {.data = frame(60, 0x0800), .ctx = bytes_of(&keys, sizeof(keys))},
                     "key at " + std::to_string(offset));
  }
}

// The program sets both offsets; the kernel bounds them by the packet.
TEST(TestRun, FlowDissectorBoundsOffsets) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (int nhoff : {0, 5, 14, 20, 60, 61, 65535})
    for (int thoff : {0, 10, 14, 34, 60, 70, 65535}) {
      const std::vector<isa::Insn> program = {load(8, 2, 1, 144), store_imm(2, 2, 0, nhoff),
                                              store_imm(2, 2, 2, thoff), move(0, 0), exit_insn()};
      const auto runner = [&](void* ctx, RunContext&) -> uint64_t {
        abi::bpf_flow_keys& keys = *static_cast<progtypes::FlowDissectorKern*>(ctx)->flow_keys;
        keys.nhoff = static_cast<uint16_t>(nhoff);
        keys.thoff = static_cast<uint16_t>(thoff);
        return 0;
      };
      const auto packet = frame(60, 0x86dd);
      expect_equal(run_here(kFlowDissector, runner, {.data = packet}),
                   run_there(kFlowDissector, program, {.data = packet}),
                   std::to_string(nhoff) + " " + std::to_string(thoff));
    }
}

TEST(TestRun, SkLookupTakesTheSameContexts) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (uint32_t family : {0u, 2u, 10u, 17u})
    for (size_t offset = 0; offset < sizeof(abi::bpf_sk_lookup); offset += 4)
      for (uint32_t value : {1u, 65535u, 65536u}) {
        abi::bpf_sk_lookup ctx = {};
        ctx.family = family;
        memcpy(reinterpret_cast<char*>(&ctx) + offset, &value, sizeof(value));
        for (int result : {0, 1})
          compare_constant(kSkLookup, {.ctx = bytes_of(&ctx, sizeof(ctx))},
                           "family " + std::to_string(family) + " field at " + std::to_string(offset),
                           result);
      }
  compare_constant(kSkLookup, {}, "no context");
  compare_constant(kSkLookup, {.data = frame(60, 0x0800)}, "data");
  const abi::bpf_sk_lookup ctx = {.sk = 0, .family = 2};
  compare_constant(kSkLookup, {.ctx = bytes_of(&ctx, sizeof(ctx)), .wants_data_out = true}, "data out");
  compare_constant(kSkLookup, {.ctx = bytes_of(&ctx, sizeof(ctx)), .flags = 1}, "flags");
}

TEST(TestRun, NetfilterTakesTheSameInput) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (size_t size : {13, 14, 19, 20, 33, 34, 60, 3000, 3708, 3709, 3710, 3711, 3712, 4096})
    for (uint16_t ether_type : {0x0800, 0x86dd, 0x1234})
      for (int family : {-1, 2, 10, 3})
        for (int hook = 0; hook < 7; ++hook) {
          if (family < 0 && hook > 0) continue;
          uint8_t state[48] = {static_cast<uint8_t>(hook), static_cast<uint8_t>(family)};
          std::vector<std::byte> ctx = bytes_of(state, sizeof(state));
          if (family < 0) ctx.clear();
          compare_constant(kNetfilter, {.data = frame(size, ether_type), .ctx = ctx},
                           "size " + std::to_string(size) + " type " + std::to_string(ether_type) +
                               " family " + std::to_string(family) + " hook " + std::to_string(hook));
        }
  for (size_t offset = 2; offset < 48; ++offset) {
    uint8_t state[48] = {3, 2};
    state[offset] = 1;
    compare_constant(kNetfilter, {.data = frame(60, 0x0800), .ctx = bytes_of(state, sizeof(state))},
                     "state at " + std::to_string(offset));
  }
}

TEST(TestRun, SyscallTakesTheSameInput) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const std::vector<isa::Insn> program = {load(4, 0, 1, 12), store_imm(4, 1, 8, 77), exit_insn()};
  const auto runner = [](void* ctx, RunContext&) -> uint64_t {
    uint32_t result;
    memcpy(&result, static_cast<char*>(ctx) + 12, sizeof(result));
    const uint32_t stored = 77;
    memcpy(static_cast<char*>(ctx) + 8, &stored, sizeof(stored));
    return result;
  };
  const auto packet = frame(60, 0x0800);
  for (size_t size : {0, 1, 15, 16, 17, 100, 8192, 65535, 65536})
    for (int other = 0; other < 6; ++other) {
      const auto ctx = frame(size, 0x0102);
      TestRunInput input{.ctx = ctx, .max_ctx_offset = 16};
      if (other == 1) input.data = packet;
      if (other == 2) input.wants_data_out = true;
      if (other == 3 && size != 0) input.wants_ctx_out = true;
      if (other == 4) input.repeat = 1;
      if (other == 5) input.flags = 1;
      Outcome kernels = run_there(kSyscall, program, input);
      Outcome ours = run_here(kSyscall, runner, input);
      if (kernels.error != 0) kernels.ctx.clear();
      expect_equal(ours, kernels, "size " + std::to_string(size) + " other " + std::to_string(other));
    }
}

}  // namespace
}  // namespace skep::testing
