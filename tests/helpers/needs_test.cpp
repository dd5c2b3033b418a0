// Which capabilities a helper needs, against the live kernel with fewer of them.
#include <gtest/gtest.h>

#include "abi/helper_ids.h"
#include "helpers/proto.h"
#include "progtypes/capabilities.h"
#include "progtypes/prog_type.h"
#include "progtypes/programs.h"

namespace skep::testing {
namespace {

bool kernel_offers(const Kind& kind, uint32_t id, const Capabilities& have) {
  const isa::Insn program[] = {call(static_cast<int32_t>(id)), move(0, 1), exit_insn()};
  live::LoadOptions options = options_of(kind);
  options.log_level = 1;
  options.log_size = 1 << 16;
  ReducedCapabilities reduced(have);
  const live::Loaded loaded = live::load(program, options);
  return loaded || (loaded.log.find("cannot use helper") == std::string::npos &&
                    loaded.log.find("invalid func") == std::string::npos);
}

bool may_load(const Kind& kind, const Capabilities& have) {
  const progtypes::ProgTypeRow& type = *progtypes::find_prog_type(kind.type);
  return (have.net_admin || !type.needs_net_admin) && (have.perfmon || !type.needs_perfmon);
}

TEST(Helpers, NeedTheSameCapabilitiesAsOnLinux) {
  SKEP_REQUIRE_LIVE_KERNEL();
  int asked = 0, refused = 0;
  for (const Capabilities& have : {Capabilities{.bpf = true}, Capabilities{.bpf = true, .net_admin = true},
                                   Capabilities{.bpf = true, .perfmon = true, .net_admin = true}})
    for (const Kind& kind : built_kinds()) {
      if (!may_load(kind, have)) continue;
      for (uint32_t id = 1; id < abi::__BPF_FUNC_MAX_ID; ++id) {
        const helpers::HelperProto* row = helpers::find_known(id, kind.type, kind.attach, kNewestProfile);
        if (row == nullptr) continue;
        const bool ours = row->needs == helpers::Needs::kNothing || row->needs == helpers::Needs::kBpf ||
                          (row->needs == helpers::Needs::kPerfmon && have.perfmon) ||
                          (row->needs == helpers::Needs::kNetAdmin && have.net_admin);
        EXPECT_EQ(ours, kernel_offers(kind, id, have)) << row->name << " type " << kind.type << " perfmon "
                                                       << have.perfmon << " net_admin " << have.net_admin;
        ++asked;
        if (!ours) ++refused;
      }
    }
  std::printf("%d helpers asked, %d refused\n", asked, refused);
}

}  // namespace
}  // namespace skep::testing
