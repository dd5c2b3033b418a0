// One program before both verifiers: ours through verifier::check, the kernel's through PROG_LOAD.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "case_file.h"
#include "support/live_kernel.h"
#include "verifier/verifier.h"

namespace skep::testing {

struct Verdict {
  int error = 0;           // positive errno, 0 when accepted
  std::string broken;      // how our side ended when it did not answer
  std::string reason;      // the last line of the log before the statistics
  uint32_t processed = 0;  // instructions; 0 when it did not get that far
  uint32_t xlated = 0;     // instructions of the rewritten program
  uint64_t log_true_size = 0;
  std::string log;  // normalised: no addresses, no times
  bool accepted() const { return error == 0 && broken.empty(); }
};

// The maps of a case on both sides, and its instructions with the live kernel's fds in them.
class Prepared {
 public:
  explicit Prepared(const Case& test);
  Prepared(Prepared&&) = default;
  const std::string& error() const { return error_; }  // "" when every map exists
  const std::vector<isa::Insn>& insns() const { return insns_; }
  // Other instructions before the same maps.
  void set_insns(const std::vector<isa::Insn>& insns);

  live::Loaded load(uint32_t log_level, uint32_t log_size = 4 << 20) const;
  // Must not outlive this.
  verifier::Request request(uint32_t log_level, uint64_t log_size = 4 << 20) const;
  const std::vector<Ref<maps::Map>>& maps() const { return ours_; }
  int live_map(size_t index) const { return live_[index].get(); }

  Verdict ask_kernel() const { return ask_kernel(case_.log_level); }
  Verdict ask_kernel(uint32_t log_level) const;
  // In a child process.
  Verdict ask_ours() const { return ask_ours(case_.log_level); }
  Verdict ask_ours(uint32_t log_level) const;

 private:
  void add(const CaseMap& map);

  Case case_;
  std::string error_;
  std::vector<isa::Insn> insns_;
  std::vector<UniqueFd> live_;
  std::vector<Ref<maps::Map>> ours_;
};

// The first line in which two logs differ, of both.
std::string first_difference(const std::string& ours, const std::string& kernel);

// The program as text with its directives: a case file that reads back.
std::string describe_case(const Case& test);

}  // namespace skep::testing
