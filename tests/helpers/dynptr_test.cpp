// Dynptrs against the live kernel: the same size, offset, length and flags there and here.
#include <gtest/gtest.h>

#include <cstring>

#include "abi/helper_ids.h"
#include "helpers/impl.h"
#include "helpers/runs.h"

namespace skep::testing {
namespace {

constexpr Kind kKind{abi::BPF_PROG_TYPE_RAW_TRACEPOINT, 0};
constexpr int kDynptr = -16, kBuffer = -32;

isa::Insn frame_address(int dst) { return insn(abi::BPF_ALU64 | abi::BPF_MOV | abi::BPF_X, dst, 10, 0, 0); }
isa::Insn add(int dst, int by) { return insn(abi::BPF_ALU64 | abi::BPF_ADD | abi::BPF_K, dst, 0, 0, by); }

// Reads 8 bytes from a dynptr of a map value of 64 zeroes: what bpf_dynptr_read returns.
int64_t read_there(int map_fd, uint32_t size, uint32_t offset, uint64_t flags) {
  std::vector<isa::Insn> program = {store_imm(4, 10, -4, 0), frame_address(2), add(2, -4)};
  isa::Insn map = insn(abi::BPF_LD | abi::BPF_IMM | abi::BPF_DW, 1, abi::BPF_PSEUDO_MAP_FD, 0, map_fd);
  program.insert(program.end(), {map,
                                 isa::Insn{},
                                 call(abi::BPF_FUNC_map_lookup_elem),
                                 insn(abi::BPF_JMP | abi::BPF_JNE | abi::BPF_K, 0, 0, 2, 0),
                                 move(0, 1),
                                 exit_insn(),
                                 insn(abi::BPF_ALU64 | abi::BPF_MOV | abi::BPF_X, 1, 0, 0, 0),
                                 move(2, static_cast<int32_t>(size)),
                                 move(3, 0),
                                 frame_address(4),
                                 add(4, kDynptr),
                                 call(abi::BPF_FUNC_dynptr_from_mem),
                                 frame_address(1),
                                 add(1, kBuffer),
                                 move(2, 8),
                                 frame_address(3),
                                 add(3, kDynptr),
                                 move(4, static_cast<int32_t>(offset)),
                                 move(5, static_cast<int32_t>(flags)),
                                 call(abi::BPF_FUNC_dynptr_read),
                                 exit_insn()});
  return run_there(kKind, program, {}).retval;
}

TEST(Dynptr, ReadsInsideItsBoundsOnly) {
  SKEP_REQUIRE_LIVE_KERNEL();
  auto map = live::create_map(abi::BPF_MAP_TYPE_ARRAY, 4, 64, 1);
  ASSERT_TRUE(map);
  helpers::RunContext run;
  for (uint32_t size : {1u, 7u, 8u, 9u, 64u})
    for (uint32_t offset : {0u, 1u, 56u, 57u, 64u, 0x7fffffffu})
      for (uint64_t flags : {0, 1}) {
        alignas(8) char value[64] = {}, dynptr[16] = {}, buffer[8] = {};
        const auto at = [](void* pointer) { return reinterpret_cast<uint64_t>(pointer); };
        ASSERT_EQ(helpers::dynptr_from_mem(at(value), size, 0, at(dynptr), 0, run), 0u);
        const auto ours =
            static_cast<int32_t>(helpers::dynptr_read(at(buffer), 8, at(dynptr), offset, flags, run));
        EXPECT_EQ(ours, read_there(map->get(), size, offset, flags)) << size << " " << offset << " " << flags;
      }
}

}  // namespace
}  // namespace skep::testing
