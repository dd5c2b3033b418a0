// Program types and attach types against the live kernel: which pairs load, which results they may return.
#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "progtypes/prog_type.h"
#include "progtypes/programs.h"

namespace skep::testing {
namespace {

using progtypes::AttachTypeRow;
using progtypes::ProgTypeRow;

live::Loaded load_program(std::span<const isa::Insn> program, const ProgTypeRow& type, uint32_t attach) {
  live::LoadOptions options;
  options.type = type.type;
  options.expected_attach_type = attach;
  if (type.sleepable_required) options.flags = abi::BPF_F_SLEEPABLE;
  return live::load(program, options);
}

// Types whose load needs more than a program (a BTF id of a target), or that this kernel may lack.
bool loads_alone(const ProgTypeRow& type) {
  static const std::set<uint32_t> others = {abi::BPF_PROG_TYPE_UNSPEC,  abi::BPF_PROG_TYPE_LIRC_MODE2,
                                            abi::BPF_PROG_TYPE_TRACING, abi::BPF_PROG_TYPE_STRUCT_OPS,
                                            abi::BPF_PROG_TYPE_EXT,     abi::BPF_PROG_TYPE_LSM};
  return !others.contains(type.type);
}

TEST(AttachTypes, ExpectedAttachTypeOfEveryPair) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const isa::Insn program[] = {move(0, 1), exit_insn()};
  for (const ProgTypeRow& type : progtypes::prog_types()) {
    if (!loads_alone(type)) continue;
    for (uint32_t attach = 0; attach < abi::__MAX_BPF_ATTACH_TYPE + 4; ++attach) {
      Status ours = progtypes::check_expected_attach_type(type, attach);
      EXPECT_EQ(ours ? 0 : ours.error().code, load_program(program, type, attach).error)
          << type.name << " attach " << attach;
    }
  }
}

bool returns(const ProgTypeRow& type, uint32_t attach, int32_t value) {
  const isa::Insn program[] = {move(0, value), exit_insn()};
  return static_cast<bool>(load_program(program, type, attach));
}

TEST(AttachTypes, ReturnRangeOfEveryPair) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (const ProgTypeRow& type : progtypes::prog_types()) {
    if (!loads_alone(type)) continue;
    for (uint32_t attach = 0; attach < abi::__MAX_BPF_ATTACH_TYPE; ++attach) {
      if (!progtypes::check_expected_attach_type(type, attach)) continue;
      const progtypes::ReturnRange range = progtypes::return_range(type, attach);
      for (int32_t value : {-1, 0, 1, 2, 3, 4, 12345}) {
        const bool ours = !range.enforced || (value >= range.low && value <= range.high);
        EXPECT_EQ(ours, returns(type, attach, value))
            << type.name << " attach " << attach << " returns " << value;
      }
    }
  }
}

TEST(AttachTypes, TestRunIsOfferedAsOnLinux) {
  SKEP_REQUIRE_LIVE_KERNEL();
  constexpr int kENotSupp = 524;
  const isa::Insn program[] = {move(0, 1), exit_insn()};
  for (const ProgTypeRow& type : progtypes::prog_types()) {
    if (!loads_alone(type)) continue;
    std::optional<uint32_t> attach;
    for (uint32_t candidate = 0; candidate < abi::__MAX_BPF_ATTACH_TYPE && !attach; ++candidate)
      if (progtypes::check_expected_attach_type(type, candidate)) attach = candidate;
    ASSERT_TRUE(attach.has_value()) << type.name;
    live::Loaded loaded = load_program(program, type, *attach);
    ASSERT_TRUE(loaded) << type.name;
    const Result<live::RunResult> run = live::test_run(loaded.fd.get());
    EXPECT_EQ(type.test_run, run.has_value() || run.error().code != kENotSupp) << type.name;
  }
}

TEST(AttachTypes, SleepableIsAllowedAsOnLinux) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const isa::Insn program[] = {move(0, 1), exit_insn()};
  for (const ProgTypeRow& type : progtypes::prog_types()) {
    if (!loads_alone(type) || type.expected_attach_type_checked) continue;
    live::LoadOptions options;
    options.type = type.type;
    options.flags = abi::BPF_F_SLEEPABLE;
    EXPECT_EQ(type.sleepable_allowed, static_cast<bool>(live::load(program, options))) << type.name;
  }
}

TEST(AttachTypes, CgroupSlotsFollowTheKernel) {
  // enum cgroup_bpf_attach_type of the running kernel's BTF, Linux 6.18.
  const AttachTypeRow* bind4 = progtypes::find_attach_type(abi::BPF_CGROUP_INET4_BIND);
  const AttachTypeRow* connect_unix = progtypes::find_attach_type(abi::BPF_CGROUP_UNIX_CONNECT);
  const AttachTypeRow* release = progtypes::find_attach_type(abi::BPF_CGROUP_INET_SOCK_RELEASE);
  EXPECT_EQ(bind4->cgroup_slot, 5);
  EXPECT_EQ(connect_unix->cgroup_slot, 9);
  EXPECT_EQ(release->cgroup_slot, 27);
}

TEST(Profiles, HideWhatIsNewer) {
  KernelProfile old{.version = v(4, 19)};
  EXPECT_EQ(progtypes::find_prog_type(abi::BPF_PROG_TYPE_CGROUP_SOCKOPT, old), nullptr);
  EXPECT_NE(progtypes::find_prog_type(abi::BPF_PROG_TYPE_XDP, old), nullptr);
  const ProgTypeRow& tc = *progtypes::find_prog_type(abi::BPF_PROG_TYPE_SCHED_CLS, old);
  EXPECT_TRUE(progtypes::check_context_access(tc, 0, 0, 4, false, old));
  EXPECT_FALSE(progtypes::check_context_access(tc, 0, 180, 1, false, old));  // tstamp_type came with 5.18
}

}  // namespace
}  // namespace skep::testing
