// Case files: programs in the notation of isa/text.h, many to a file, each under a title.
//
//   [title]                             a new case
//   .type xdp                           program type as in prog_types.def; default socket_filter
//   .attach cgroup_inet4_connect        expected attach type
//   .flags strict_alignment             also: any_alignment test_state_freq test_reg_invariants sleepable
//   xdp_has_frags .license none                       not compatible with the GPL .level 4 log level instead
//   of 2|4, for programs whose log would be huge .map array 4 8 1 [rdonly_prog wronly_prog mmapable] [frozen]
//   [data=HEX]
//                                       the next map: key, value, entries. map[fd:0] names the first one
//   .raw CODE DST SRC OFF IMM           an instruction by its fields, for those that have no notation
//   .lookup [N]                         r0 = element 0 of map N (0); leaves the program when there is none
//   .needs kernel_types                 Linux consults its own BTF for this: we refuse it, which is checked
//   .repeat N LINE                      a line N times; "{i}" in it is the number of the turn
//
// There is no expected value in them: the live kernel answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "isa/insn.h"
#include "maps/map.h"

namespace skep::testing {

struct CaseMap {
  maps::MapSpec spec;
  bool frozen = false;
  std::vector<std::byte> data;  // of element 0; empty: as created
};

struct Case {
  std::string family;  // name of the file
  std::string name;
  uint32_t type = 1;
  uint32_t attach_type = 0;
  uint32_t flags = 0;
  bool gpl = true;
  bool needs_kernel_types = false;
  uint32_t log_level = 6;
  std::vector<CaseMap> maps;
  std::vector<isa::Insn> insns;  // imm of a map load: index in maps
};

// EINVAL with the place for what cannot be read.
Result<std::vector<Case>> read_cases(const std::string& path);

}  // namespace skep::testing
