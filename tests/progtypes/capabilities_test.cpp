// Which capabilities a program type needs, against the live kernel with fewer of them.
#include "progtypes/capabilities.h"

#include <gtest/gtest.h>

#include <optional>

#include "progtypes/prog_type.h"
#include "progtypes/programs.h"

namespace skep::testing {
namespace {

std::optional<uint32_t> first_attach_type(const progtypes::ProgTypeRow& type) {
  for (uint32_t attach = 0; attach < abi::__MAX_BPF_ATTACH_TYPE; ++attach)
    if (progtypes::check_expected_attach_type(type, attach)) return attach;
  return std::nullopt;
}

// Types whose load needs a target, for which the kernel may ask more.
bool needs_target(const progtypes::ProgTypeRow& type) {
  return type.type == abi::BPF_PROG_TYPE_EXT || type.type == abi::BPF_PROG_TYPE_LSM;
}

TEST(Capabilities, OfEveryProgramType) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const isa::Insn program[] = {move(0, 1), exit_insn()};
  int refused = 0;
  for (const Capabilities& have : {Capabilities{.bpf = true}, Capabilities{.bpf = true, .perfmon = true},
                                   Capabilities{.bpf = true, .net_admin = true},
                                   Capabilities{.bpf = true, .perfmon = true, .net_admin = true}})
    for (const progtypes::ProgTypeRow& type : progtypes::prog_types()) {
      const std::optional<uint32_t> attach = first_attach_type(type);
      ASSERT_TRUE(attach.has_value()) << type.name;
      const live::LoadOptions options = options_of({type.type, *attach});
      ReducedCapabilities reduced(have);
      ASSERT_TRUE(reduced.reduced());
      const bool ours = (type.needs_net_admin && !have.net_admin) || (type.needs_perfmon && !have.perfmon);
      if (!ours && needs_target(type)) continue;
      EXPECT_EQ(ours, live::load(program, options).error == EPERM)
          << type.name << " perfmon " << have.perfmon << " net_admin " << have.net_admin;
      if (ours) ++refused;
    }
  std::printf("%d loads refused\n", refused);
}

}  // namespace
}  // namespace skep::testing
