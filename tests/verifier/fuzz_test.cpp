// Generated programs before both verifiers; what both accept is run on both sides.
//
// SKEP_VERIFIER_FUZZ: how many (3000; the long run takes 200000). SKEP_VERIFIER_SEED: the first seed. A
// mismatch is printed with its seed and as a program from which instructions were dropped while it persisted;
// SKEP_VERIFIER_FINDINGS names a file to which it is appended too.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>

#include "abi/insn.h"
#include "base/rcu.h"
#include "comparison.h"
#include "exec/executable.h"
#include "generator.h"
#include "helpers/environment.h"
#include "helpers/test_run.h"
#include "isolated.h"
#include "progtypes/prog_type.h"

namespace skep::testing {
namespace {

constexpr uint64_t kBatch = 200;   // programs a child process
constexpr size_t kMinimised = 25;  // mismatches of a run that are made small

struct Finding {
  uint64_t seed = 0;
  std::string what;  // "FALSE ACCEPT", "FALSE REJECT", "errno", "result", "fault", "broken: ..."
};

struct Totals {
  uint64_t programs = 0, kernel_accepts = 0, run = 0;
  std::vector<Finding> findings;
};

// What a run left behind: r0, or the error of the run, and element 0 of the array.
struct RunOutcome {
  int error = 0;
  uint32_t retval = 0;
  std::vector<std::byte> value = std::vector<std::byte>(64);
  friend bool operator==(const RunOutcome&, const RunOutcome&) = default;
};

std::vector<std::byte> input_packet(uint64_t seed) {
  std::vector<std::byte> packet(64 + seed % 3 * 60);
  for (size_t i = 0; i < packet.size(); ++i) packet[i] = static_cast<std::byte>(i * 37 + seed);
  packet[12] = std::byte{8};
  packet[13] = std::byte{0};
  packet[14] = std::byte{0x45};
  return packet;
}

RunOutcome run_there(const Prepared& prepared, int program, const std::vector<std::byte>& packet) {
  RunOutcome outcome;
  auto ran = live::test_run(program, {.data = packet});
  if (!ran) return {.error = ran.error().code};
  outcome.retval = ran->retval;
  const uint32_t key = 0;
  EXPECT_TRUE(live::lookup(prepared.live_map(0), &key, outcome.value.data()));
  return outcome;
}

RunOutcome run_here(const Prepared& prepared, const Case& test, exec::Executable executable,
                    const std::vector<std::byte>& packet) {
  RunOutcome outcome;
  auto image = exec::make_image(std::move(executable), exec::Engine::kInterpreter);
  if (!image) return {.error = 1000 + image.error().code};
  FixedEnvironment environment;
  helpers::RunContext run;
  run.env = &environment;
  const auto runner = [&](void* ctx, helpers::RunContext& context) -> uint64_t {
    const RcuReadSection section;
    return (*image)->run(ctx, context);
  };
  auto ran = helpers::test_run(*progtypes::find_prog_type(test.type), 0, {.data = packet}, runner, run);
  if (!ran) return {.error = ran.error().code};
  outcome.retval = ran->retval;
  const uint32_t key = 0;
  maps::Map& map = *prepared.maps()[0];
  EXPECT_EQ(map.sys_lookup(std::as_bytes(std::span(&key, 1)),
                           std::span(outcome.value).first(map.spec().value_size), 0),
            0);
  return outcome;
}

struct Judged {
  std::string what;  // empty: no difference
  bool kernel_accepts = false;
  bool run = false;
};

std::string name_difference(int ours, int kernel) {
  if (ours == kernel) return {};
  if (ours == 0) return "FALSE ACCEPT";
  return kernel == 0 ? "FALSE REJECT" : fmt::format("errno {} {}", ours, kernel);
}

// In this process: verdicts, then runs.
Judged judge(const Generated& generated) {
  Judged judged;
  const Prepared prepared(generated.test);
  const live::Loaded loaded = prepared.load(0);
  judged.kernel_accepts = loaded.error == 0;
  verifier::Outcome outcome = verifier::check(prepared.request(0));
  judged.what = name_difference(outcome.accepted ? 0 : outcome.rejection.code, loaded.error);
  if (!judged.what.empty() || !outcome.accepted) return judged;
  judged.run = true;
  const auto packet = input_packet(generated.test.insns.size());
  const RunOutcome ours = run_here(prepared, generated.test, std::move(outcome.accepted->executable), packet);
  if (!generated.deterministic) return judged;
  const RunOutcome kernels = run_there(prepared, loaded.fd.get(), packet);
  if (ours == kernels) return judged;
  // Twice on the kernel, with maps at other addresses: what differs there depends on addresses.
  const Prepared again(generated.test);
  const live::Loaded second = again.load(0);
  if (second && run_there(again, second.fd.get(), packet) == kernels)
    judged.what = fmt::format("result: ours {} {:#x}, kernel {} {:#x}", ours.error, ours.retval,
                              kernels.error, kernels.retval);
  return judged;
}

// Seeds [from, to) in a child process that says which one it is at.
class Batches {
 public:
  Batches()
      : current_(static_cast<uint64_t*>(
            mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~Batches() { munmap(current_, 4096); }

  void run(uint64_t from, uint64_t to, Totals& totals) {
    while (from < to) {
      const Isolated ran = run_isolated([&] { return judge_all(from, to); }, 120);
      if (ran.failure.empty()) return read(ran.answer, totals);
      const uint64_t culprit = *current_;
      totals.findings.push_back({culprit, "broken: " + ran.failure});
      if (culprit > from) read(run_isolated([&] { return judge_all(from, culprit); }, 120).answer, totals);
      ++totals.programs;
      from = culprit + 1;
    }
  }

 private:
  std::string judge_all(uint64_t from, uint64_t to) {
    std::string answer;
    uint64_t accepts = 0, runs = 0;
    for (uint64_t seed = from; seed < to; ++seed) {
      *current_ = seed;
      const Judged judged = judge(generate(seed));
      accepts += judged.kernel_accepts;
      runs += judged.run;
      if (!judged.what.empty()) answer += fmt::format("{} {}\n", seed, judged.what);
    }
    return fmt::format("{} {} {}\n{}", to - from, accepts, runs, answer);
  }
  static void read(const std::string& answer, Totals& totals) {
    std::istringstream lines(answer);
    uint64_t programs = 0, accepts = 0, runs = 0;
    lines >> programs >> accepts >> runs;
    totals.programs += programs;
    totals.kernel_accepts += accepts;
    totals.run += runs;
    Finding finding;
    while (lines >> finding.seed && std::getline(lines >> std::ws, finding.what))
      totals.findings.push_back(finding);
  }

  uint64_t* current_;
};

// What kind of difference a program shows, by itself in a child process: the part that must persist.
std::string kind_of(const Generated& generated) {
  const Isolated ran = run_isolated([&] { return judge(generated).what; }, 20);
  const std::string what = ran.failure.empty() ? ran.answer : "broken: " + ran.failure;
  return what.substr(0, what.find("ours"));
}

// Without the instruction at `at`, jumps adjusted; nothing when a jump into it would dangle.
std::optional<std::vector<isa::Insn>> without(const std::vector<isa::Insn>& insns, size_t at) {
  const bool wide = insns[at].code == 0x18;
  const int64_t removed = wide ? 2 : 1;
  std::vector<isa::Insn> out;
  for (size_t i = 0; i < insns.size(); ++i) {
    if (i == at || (wide && i == at + 1)) continue;
    isa::Insn insn = insns[i];
    const isa::InsnDesc* desc = isa::describe(insn);
    const auto begin = static_cast<int64_t>(at);
    const auto from = static_cast<int64_t>(i);
    const auto shift = [&](int64_t target) {
      const int64_t new_from = from > begin ? from - removed : from;
      const int64_t new_target = target > begin ? target - removed : target;
      return new_target - new_from - 1;
    };
    if (desc != nullptr && desc->is_jump())
      insn.off = static_cast<int16_t>(shift(isa::jump_target(*desc, insn, from)));
    if (desc != nullptr && desc->operation == isa::Operation::kCallSubprog)
      insn.imm = static_cast<int32_t>(shift(from + 1 + insn.imm));
    out.push_back(insn);
  }
  return out;
}

Generated minimise(Generated generated, const std::string& kind) {
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (size_t i = generated.test.insns.size(); i-- > 0;) {
      if (i > 0 && generated.test.insns[i - 1].code == 0x18) continue;
      Generated candidate = generated;
      candidate.test.insns = *without(generated.test.insns, i);
      if (kind_of(candidate) != kind) continue;
      generated = std::move(candidate);
      smaller = true;
    }
  }
  return generated;
}

// The log from the first state on.
std::string without_liveness(const std::string& log) {
  return log.substr(std::min(log.size(), log.find("\n0: (") + 1));
}

std::string describe(const Finding& finding) {
  Generated generated = generate(finding.seed);
  const std::string kind = kind_of(generated);
  if (kind.empty()) return fmt::format("seed {}: {} (does not persist)\n\n", finding.seed, finding.what);
  generated = minimise(std::move(generated), kind);
  const Prepared prepared(generated.test);
  const Verdict kernel = prepared.ask_kernel(2);
  const Verdict ours = prepared.ask_ours(2);
  return fmt::format("seed {}: {}\n  ours {} '{}' {}\n  kernel {} '{}'\n  logs differ first at: {}\n{}\n",
                     finding.seed, finding.what, ours.error, ours.reason, ours.broken, kernel.error,
                     kernel.reason,
                     first_difference(without_liveness(ours.log), without_liveness(kernel.log)),
                     describe_case(generated.test));
}

// What is worst comes first.
int severity(const Finding& finding) {
  static constexpr std::string_view kOrder[] = {"FALSE ACCEPT", "broken", "result", "FALSE REJECT"};
  for (size_t i = 0; i < std::size(kOrder); ++i)
    if (finding.what.starts_with(kOrder[i])) return static_cast<int>(i);
  return std::size(kOrder);
}

uint64_t number(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

TEST(Fuzz, GeneratedProgramsGetTheSameVerdictAndResult) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const uint64_t first = number("SKEP_VERIFIER_SEED", 1);
  const uint64_t count = number("SKEP_VERIFIER_FUZZ", 3000);
  Totals totals;
  Batches batches;
  for (uint64_t from = first; from < first + count; from += kBatch)
    batches.run(from, std::min(from + kBatch, first + count), totals);
  fmt::print("{} programs, {} accepted by the kernel, {} run on both sides, {} mismatches\n", totals.programs,
             totals.kernel_accepts, totals.run, totals.findings.size());
  std::ranges::stable_sort(totals.findings, {}, severity);
  const char* path = std::getenv("SKEP_VERIFIER_FINDINGS");
  for (size_t i = 0; i < totals.findings.size(); ++i) {
    const Finding& finding = totals.findings[i];
    const std::string text =
        i < kMinimised ? describe(finding) : fmt::format("seed {}: {}\n", finding.seed, finding.what);
    fputs(text.c_str(), stdout);
    if (path != nullptr) std::ofstream(path, std::ios::app) << text;
  }
  EXPECT_TRUE(totals.findings.empty());
  EXPECT_EQ(totals.programs, count);
  // A generator whose programs are nearly all refused, or nearly all accepted, tests little.
  EXPECT_GT(totals.kernel_accepts, count / 5);
  EXPECT_LT(totals.kernel_accepts, count * 9 / 10);
}

}  // namespace
}  // namespace skep::testing
