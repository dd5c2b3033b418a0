#include "verifier/verifier.h"

#include <chrono>

#include "verifier/context.h"
#include "verifier/explore.h"
#include "verifier/rewrite/rewrite.h"
#include "verifier/structure/structure.h"

namespace skep::verifier {
namespace {

Check structure(Context& c) {
  SKEP_REQUIRE(check_program_info_early(c));
  SKEP_REQUIRE(find_subprograms(c));
  SKEP_REQUIRE(check_subprogram_bounds(c));
  SKEP_REQUIRE(check_program_info(c));
  SKEP_REQUIRE(resolve_wide_loads(c));
  SKEP_REQUIRE(check_control_flow(c));
  find_loops(c);
  find_live_registers(c);
  return {};
}

void print_statistics(Context& c) {
  const Statistics& s = c.stats;
  if (c.log.stats()) {
    c.log.print("verification time {} usec\nstack depth ", s.time_us);
    for (uint32_t i = 0; i < c.subprog_count(); ++i)
      c.log.print("{}{}", i ? "+" : "", c.subprogs[i].stack_depth);
    c.log.print("\n");
  }
  c.log.print(
      "processed {} insns (limit {}) max_states_per_insn {} total_states {} peak_states {} mark_read {}\n",
      s.insns_processed, kMaxProcessed, s.max_states_per_insn, s.total_states, s.peak_states,
      s.mark_read_max);
}

Check rewrite_accepted(Context& c, std::optional<Accepted>& accepted) {
  auto rewritten = rewrite(c);
  if (!rewritten) return c.reject_text(rewritten.error().code, std::move(rewritten).error().message);
  accepted = *std::move(rewritten);
  return {};
}

}  // namespace

Outcome check(const Request& request) {
  const auto begin = std::chrono::steady_clock::now();
  Outcome outcome;
  if (!request.type || !request.type->context || request.insns.empty()) {
    outcome.rejection = {EINVAL, 0, ""};
    return outcome;
  }
  Context c(request);
  std::optional<Accepted> accepted;
  Check verdict = structure(c);
  if (verdict.ok()) {
    verdict = explore_program(c);
    if (verdict.ok()) verdict = check_stack_depth(c);
    if (verdict.ok()) verdict = rewrite_accepted(c, accepted);
  }
  c.stats.time_us = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin)
          .count());
  print_statistics(c);
  outcome.statistics = c.stats;
  outcome.log_true_size = c.log.true_size();
  outcome.log_truncated = c.log.truncated();
  outcome.log = c.log.take_text();
  outcome.accepted = std::move(accepted);
  if (!outcome.accepted) {
    outcome.rejection = std::move(c.rejection);
    if (outcome.rejection.code == 0) outcome.rejection.code = verdict.code();
  }
  return outcome;
}

}  // namespace skep::verifier
