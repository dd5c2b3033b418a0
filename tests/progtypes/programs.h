// One-access programs, and what the live kernel says of them.
#pragma once

#include <vector>

#include "abi/insn.h"
#include "isa/insn.h"
#include "support/live_kernel.h"

namespace skep::testing {

inline isa::Insn insn(int code, int dst, int src, int off, int32_t imm) {
  isa::Insn made;
  made.code = static_cast<uint8_t>(code);
  made.dst = static_cast<uint8_t>(dst & 15);
  made.src = static_cast<uint8_t>(src & 15);
  made.off = static_cast<int16_t>(off);
  made.imm = imm;
  return made;
}

inline int size_code(uint32_t size) {
  switch (size) {
    case 1:
      return abi::BPF_B;
    case 2:
      return abi::BPF_H;
    case 4:
      return abi::BPF_W;
    default:
      return abi::BPF_DW;
  }
}

inline isa::Insn move(int dst, int32_t imm) {
  return insn(abi::BPF_ALU64 | abi::BPF_MOV | abi::BPF_K, dst, 0, 0, imm);
}
inline isa::Insn exit_insn() { return insn(abi::BPF_JMP | abi::BPF_EXIT, 0, 0, 0, 0); }
inline isa::Insn call(int32_t id) { return insn(abi::BPF_JMP | abi::BPF_CALL, 0, 0, 0, id); }
inline isa::Insn load(uint32_t size, int dst, int src, int off) {
  return insn(abi::BPF_LDX | abi::BPF_MEM | size_code(size), dst, src, off, 0);
}
inline isa::Insn store(uint32_t size, int dst, int src, int off) {
  return insn(abi::BPF_STX | abi::BPF_MEM | size_code(size), dst, src, off, 0);
}
inline isa::Insn store_imm(uint32_t size, int dst, int off, int32_t imm) {
  return insn(abi::BPF_ST | abi::BPF_MEM | size_code(size), dst, 0, off, imm);
}

// Every (program type, expected attach type) whose context is built.
struct Kind {
  uint32_t type;
  uint32_t attach;
};
inline live::LoadOptions options_of(const Kind& kind) {
  live::LoadOptions options;
  options.type = kind.type;
  options.expected_attach_type = kind.attach;
  if (kind.type == abi::BPF_PROG_TYPE_SYSCALL) options.flags = abi::BPF_F_SLEEPABLE;
  return options;
}
inline std::vector<Kind> built_kinds() {
  std::vector<Kind> kinds = {
      {abi::BPF_PROG_TYPE_SOCKET_FILTER, 0},  {abi::BPF_PROG_TYPE_SCHED_CLS, 0},
      {abi::BPF_PROG_TYPE_SCHED_ACT, 0},      {abi::BPF_PROG_TYPE_TRACEPOINT, 0},
      {abi::BPF_PROG_TYPE_RAW_TRACEPOINT, 0}, {abi::BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, 0},
      {abi::BPF_PROG_TYPE_KPROBE, 0},         {abi::BPF_PROG_TYPE_PERF_EVENT, 0},
      {abi::BPF_PROG_TYPE_LWT_IN, 0},         {abi::BPF_PROG_TYPE_LWT_OUT, 0},
      {abi::BPF_PROG_TYPE_LWT_XMIT, 0},       {abi::BPF_PROG_TYPE_LWT_SEG6LOCAL, 0},
      {abi::BPF_PROG_TYPE_SOCK_OPS, 3},       {abi::BPF_PROG_TYPE_SK_SKB, 4},
      {abi::BPF_PROG_TYPE_SK_SKB, 5},         {abi::BPF_PROG_TYPE_SK_SKB, 38},
      {abi::BPF_PROG_TYPE_CGROUP_DEVICE, 6},  {abi::BPF_PROG_TYPE_SK_MSG, 7},
      {abi::BPF_PROG_TYPE_SK_REUSEPORT, 0},   {abi::BPF_PROG_TYPE_SK_REUSEPORT, 39},
      {abi::BPF_PROG_TYPE_SK_REUSEPORT, 40},  {abi::BPF_PROG_TYPE_FLOW_DISSECTOR, 17},
      {abi::BPF_PROG_TYPE_CGROUP_SYSCTL, 18}, {abi::BPF_PROG_TYPE_SK_LOOKUP, 36},
      {abi::BPF_PROG_TYPE_SYSCALL, 0},        {abi::BPF_PROG_TYPE_NETFILTER, 45}};
  for (uint32_t attach : {0u, 33u, 35u, 37u}) kinds.push_back({abi::BPF_PROG_TYPE_XDP, attach});
  for (uint32_t attach : {0u, 1u}) kinds.push_back({abi::BPF_PROG_TYPE_CGROUP_SKB, attach});
  for (uint32_t attach : {0u, 2u, 12u, 13u, 34u}) kinds.push_back({abi::BPF_PROG_TYPE_CGROUP_SOCK, attach});
  for (uint32_t attach : {8u, 9u, 10u, 11u, 14u, 15u, 19u, 20u, 29u, 30u, 31u, 32u, 49u, 50u, 51u, 52u, 53u})
    kinds.push_back({abi::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach});
  for (uint32_t attach : {21u, 22u}) kinds.push_back({abi::BPF_PROG_TYPE_CGROUP_SOCKOPT, attach});
  return kinds;
}

}  // namespace skep::testing
