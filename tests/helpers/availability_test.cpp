// Which program type may call which helper, against the live kernel: every built (program type, attach type)
// and every helper id.
#include <gtest/gtest.h>

#include <set>

#include "abi/helper_ids.h"
#include "helpers/proto.h"
#include "progtypes/programs.h"

namespace skep::testing {
namespace {

bool kernel_offers(const Kind& kind, uint32_t id) {
  const isa::Insn program[] = {call(static_cast<int32_t>(id)), move(0, 1), exit_insn()};
  live::LoadOptions options = options_of(kind);
  options.log_level = 1;
  options.log_size = 1 << 16;
  const live::Loaded loaded = live::load(program, options);
  return loaded || (loaded.log.find("cannot use helper") == std::string::npos &&
                    loaded.log.find("invalid func") == std::string::npos);
}

TEST(Helpers, AreOfferedToTheSameProgramTypesAsOnLinux) {
  SKEP_REQUIRE_LIVE_KERNEL();
  std::set<std::string_view> not_built;
  int pairs = 0, built = 0;
  for (const Kind& kind : built_kinds()) {
    for (uint32_t id = 0; id < abi::__BPF_FUNC_MAX_ID + 2; ++id) {
      const helpers::HelperProto* row = helpers::find_known(id, kind.type, kind.attach, kNewestProfile);
      EXPECT_EQ(row != nullptr, kernel_offers(kind, id))
          << helpers::name_of(id) << " type " << kind.type << " attach " << kind.attach;
      ++pairs;
      if (row == nullptr) continue;
      if (row->built())
        ++built;
      else
        not_built.insert(row->name);
      EXPECT_EQ(helpers::find(id, kind.type, kind.attach, kNewestProfile) != nullptr, row->built());
    }
  }
  std::printf("%d pairs asked, %d of them offered and built; not built:", pairs, built);
  for (std::string_view name : not_built) std::printf(" %.*s", static_cast<int>(name.size()), name.data());
  std::printf("\n");
}

TEST(Helpers, NamesAreThoseOfMessages) {
  EXPECT_EQ(helpers::name_of(0), "bpf_unspec");
  EXPECT_EQ(helpers::name_of(abi::BPF_FUNC_trace_printk), "bpf_trace_printk");
  EXPECT_EQ(helpers::name_of(211), "bpf_cgrp_storage_delete");
  EXPECT_EQ(helpers::name_of(212), "unknown");
  EXPECT_FALSE(helpers::is_known_id(0));
  EXPECT_TRUE(helpers::is_known_id(211));
}

// A helper that moves the packet makes pointers into it stale: the kernel refuses their use afterwards.
bool kernel_says_stale(uint32_t type, uint32_t id) {
  const std::vector<isa::Insn> program = {insn(abi::BPF_ALU64 | abi::BPF_MOV | abi::BPF_X, 6, 1, 0, 0),
                                          load(4, 7, 1, type == abi::BPF_PROG_TYPE_XDP ? 0 : 76),
                                          load(4, 8, 1, type == abi::BPF_PROG_TYPE_XDP ? 4 : 80),
                                          insn(abi::BPF_ALU64 | abi::BPF_MOV | abi::BPF_X, 2, 7, 0, 0),
                                          insn(abi::BPF_ALU64 | abi::BPF_ADD | abi::BPF_K, 2, 0, 0, 4),
                                          insn(abi::BPF_JMP | abi::BPF_JGT | abi::BPF_X, 2, 8, 11, 0),
                                          store_imm(8, 10, -8, 0),
                                          insn(abi::BPF_ALU64 | abi::BPF_MOV | abi::BPF_X, 1, 6, 0, 0),
                                          move(2, 0),
                                          insn(abi::BPF_ALU64 | abi::BPF_MOV | abi::BPF_X, 3, 10, 0, 0),
                                          insn(abi::BPF_ALU64 | abi::BPF_ADD | abi::BPF_K, 3, 0, 0, -8),
                                          move(4, 8),
                                          move(5, 0),
                                          call(static_cast<int32_t>(id)),
                                          load(1, 0, 7, 0),
                                          move(0, 0),
                                          exit_insn(),
                                          move(0, 0),
                                          exit_insn()};
  live::LoadOptions options;
  options.type = type;
  options.log_level = 1;
  const live::Loaded loaded = live::load(program, options);
  return !loaded && loaded.log.find("invalid mem access 'scalar'") != std::string::npos;
}

TEST(Helpers, ChangePacketDataAsOnLinux) {
  SKEP_REQUIRE_LIVE_KERNEL();
  // Helpers whose arguments fit the registers above: context, number, memory of 8 bytes, size, number.
  struct Case {
    uint32_t type;
    uint32_t id;
  };
  const Case cases[] = {{abi::BPF_PROG_TYPE_SCHED_CLS, abi::BPF_FUNC_skb_store_bytes},
                        {abi::BPF_PROG_TYPE_SCHED_CLS, abi::BPF_FUNC_skb_load_bytes},
                        {abi::BPF_PROG_TYPE_SCHED_CLS, abi::BPF_FUNC_l3_csum_replace},
                        {abi::BPF_PROG_TYPE_SCHED_CLS, abi::BPF_FUNC_l4_csum_replace},
                        {abi::BPF_PROG_TYPE_SCHED_CLS, abi::BPF_FUNC_skb_pull_data},
                        {abi::BPF_PROG_TYPE_SCHED_CLS, abi::BPF_FUNC_skb_change_type},
                        {abi::BPF_PROG_TYPE_SCHED_CLS, abi::BPF_FUNC_skb_vlan_pop},
                        {abi::BPF_PROG_TYPE_SCHED_CLS, abi::BPF_FUNC_set_hash},
                        {abi::BPF_PROG_TYPE_SCHED_CLS, abi::BPF_FUNC_csum_update},
                        {abi::BPF_PROG_TYPE_SCHED_CLS, abi::BPF_FUNC_get_hash_recalc},
                        {abi::BPF_PROG_TYPE_XDP, abi::BPF_FUNC_xdp_adjust_head},
                        {abi::BPF_PROG_TYPE_XDP, abi::BPF_FUNC_xdp_adjust_tail},
                        {abi::BPF_PROG_TYPE_XDP, abi::BPF_FUNC_xdp_adjust_meta},
                        {abi::BPF_PROG_TYPE_XDP, abi::BPF_FUNC_xdp_get_buff_len},
                        {abi::BPF_PROG_TYPE_XDP, abi::BPF_FUNC_xdp_load_bytes},
                        {abi::BPF_PROG_TYPE_XDP, abi::BPF_FUNC_xdp_store_bytes}};
  for (const Case& c : cases) {
    const helpers::HelperProto* row = helpers::find(c.id, c.type, 0, kNewestProfile);
    ASSERT_NE(row, nullptr) << helpers::name_of(c.id);
    EXPECT_EQ((row->traits & helpers::kChangesPacketData) != 0, kernel_says_stale(c.type, c.id)) << row->name;
  }
}

// Around a fastcall helper the kernel removes spill and fill of a register that the call keeps.
TEST(Helpers, FastcallAsOnLinux) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (const Kind& kind : built_kinds()) {
    const isa::Insn program[] = {
        move(1, 1),         store(8, 10, 1, -8), call(abi::BPF_FUNC_get_smp_processor_id),
        load(8, 1, 10, -8), move(0, 1),          exit_insn()};
    live::LoadOptions options = options_of(kind);
    const live::Loaded loaded = live::load(program, options);
    ASSERT_TRUE(loaded);
    bool spilled = false;
    const std::vector<isa::Insn> rewritten = live::xlated(loaded.fd.get()).value();
    for (const isa::Insn& insn : rewritten)
      spilled |= abi::BPF_CLASS(insn.code) == abi::BPF_STX && insn.dst == 10;
    const helpers::HelperProto* row =
        helpers::find(abi::BPF_FUNC_get_smp_processor_id, kind.type, kind.attach, kNewestProfile);
    EXPECT_EQ((row->traits & helpers::kFastcall) != 0, !spilled) << "type " << kind.type;
  }
}

TEST(Helpers, GplOnlyAsOnLinux) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (const Kind& kind : built_kinds())
    for (uint32_t id = 1; id < abi::__BPF_FUNC_MAX_ID; ++id) {
      const helpers::HelperProto* row = helpers::find_known(id, kind.type, kind.attach, kNewestProfile);
      if (row == nullptr) continue;
      const isa::Insn program[] = {call(static_cast<int32_t>(id)), move(0, 1), exit_insn()};
      live::LoadOptions options = options_of(kind);
      options.license = "MIT";
      options.log_level = 1;
      options.log_size = 1 << 16;
      const live::Loaded loaded = live::load(program, options);
      const bool refused = loaded.log.find("cannot call GPL-restricted function") != std::string::npos;
      EXPECT_EQ((row->traits & helpers::kGplOnly) != 0, refused) << row->name << " type " << kind.type;
    }
}

}  // namespace
}  // namespace skep::testing
