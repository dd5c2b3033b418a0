// Every case of tests/verifier/cases before both verifiers.
//
// Verdict and errno must agree, always. How many last lines, counts and whole logs agree is printed, and may
// not fall below the floors here.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "comparison.h"

namespace skep::testing {
namespace {

// Percent of the cases that agree today, rounded down. Only ever raised.
constexpr double kReasonFloor = 99.5;
constexpr double kProcessedFloor = 99.8;
constexpr double kXlatedFloor = 100;
constexpr double kLogFloor = 62.5;
constexpr double kPathLogFloor = 97;

struct Tally {
  const char* what;
  double floor;
  int equal = 0;
  std::vector<std::string> differing;

  void count(bool same, const std::string& difference) {
    same ? static_cast<void>(++equal) : differing.push_back(difference);
  }
  double percent() const {
    const size_t all = static_cast<size_t>(equal) + differing.size();
    return all == 0 ? 100 : 100.0 * equal / static_cast<double>(all);
  }
};

class Report {
 public:
  void compare(const Case& test) {
    const std::string title = fmt::format("{}: {}", test.family, test.name);
    const Prepared prepared(test);
    ASSERT_EQ(prepared.error(), "") << title;
    const Verdict kernel = prepared.ask_kernel();
    const Verdict ours = prepared.ask_ours();
    ++cases_;
    kernel_accepts_ += kernel.accepted();
    if (!ours.broken.empty()) {
      broken_.push_back(fmt::format("BROKEN {}: {}", title, ours.broken));
    } else if (ours.accepted() && !kernel.accepted()) {
      false_accepts_.push_back(
          fmt::format("FALSE ACCEPT {}: kernel {} '{}'", title, kernel.error, kernel.reason));
    } else if (test.needs_kernel_types) {
      // Once it is accepted, or refused on both sides, it is a case like the others.
      EXPECT_TRUE(!ours.accepted() && kernel.accepted()) << title << " needs no kernel types";
      ++needing_kernel_types_;
    } else if (ours.error != kernel.error) {
      verdicts_.push_back(fmt::format("{} {}: ours {} '{}', kernel {} '{}'",
                                      kernel.accepted() ? "FALSE REJECT" : "errno", title, ours.error,
                                      ours.reason, kernel.error, kernel.reason));
    } else {
      compare_details(title, test, prepared, ours, kernel);
    }
  }

  void finish() {
    std::string text =
        fmt::format("{} cases, {} accepted by the kernel, {} of them refused for want of its types\n", cases_,
                    kernel_accepts_, needing_kernel_types_);
    for (const auto* list : {&false_accepts_, &broken_, &verdicts_})
      for (const std::string& line : *list) text += line + '\n';
    const double verdicts =
        100.0 * (cases_ - needing_kernel_types_ - static_cast<double>(failures())) / std::max(cases_, 1);
    text += fmt::format("verdict and errno equal: {:.2f} %\n", verdicts);
    for (const Tally* tally : tallies()) {
      text += fmt::format("{} equal: {} of {}, {:.2f} % (floor {:.2f})\n", tally->what, tally->equal,
                          static_cast<size_t>(tally->equal) + tally->differing.size(), tally->percent(),
                          tally->floor);
      for (const std::string& line : tally->differing) text += fmt::format("  {}: {}\n", tally->what, line);
    }
    fputs(text.c_str(), stdout);
    if (const char* path = std::getenv("SKEP_VERIFIER_REPORT")) std::ofstream(path) << text;
    EXPECT_EQ(failures(), 0u) << "verdicts differ, see above";
    for (const Tally* tally : tallies()) EXPECT_GE(tally->percent(), tally->floor) << tally->what;
    EXPECT_GE(cases_, 200);
  }

 private:
  void compare_details(const std::string& title, const Case& test, const Prepared& prepared,
                       const Verdict& ours, const Verdict& kernel) {
    if (!kernel.accepted())
      reason_.count(ours.reason == kernel.reason,
                    fmt::format("{}: ours '{}', kernel '{}'", title, ours.reason, kernel.reason));
    processed_.count(ours.processed == kernel.processed,
                     fmt::format("{}: ours {}, kernel {}", title, ours.processed, kernel.processed));
    if (kernel.accepted())
      xlated_.count(ours.xlated == kernel.xlated,
                    fmt::format("{}: ours {}, kernel {}", title, ours.xlated, kernel.xlated));
    if ((test.log_level & 2) == 0) return;
    log_.count(ours.log == kernel.log, fmt::format("{}: {}", title, first_difference(ours.log, kernel.log)));
    const Verdict kernel_path = prepared.ask_kernel(1);
    const Verdict our_path = prepared.ask_ours(1);
    path_log_.count(our_path.log == kernel_path.log,
                    fmt::format("{}: {}", title, first_difference(our_path.log, kernel_path.log)));
  }

  size_t failures() const { return false_accepts_.size() + broken_.size() + verdicts_.size(); }
  std::vector<const Tally*> tallies() const { return {&reason_, &processed_, &xlated_, &log_, &path_log_}; }

  int cases_ = 0, kernel_accepts_ = 0, needing_kernel_types_ = 0;
  std::vector<std::string> false_accepts_, broken_, verdicts_;
  Tally reason_{"last line", kReasonFloor};
  Tally processed_{"processed", kProcessedFloor};
  Tally xlated_{"xlated length", kXlatedFloor};
  Tally log_{"log at level 2", kLogFloor};
  Tally path_log_{"log at level 1", kPathLogFloor};
};

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(SKEP_SOURCE_DIR "/tests/verifier/cases"))
    files.push_back(entry.path());
  std::ranges::sort(files);
  for (const auto& file : files) {
    auto read = read_cases(file);
    EXPECT_TRUE(read) << read.error().message;
    if (read) cases.insert(cases.end(), read->begin(), read->end());
  }
  return cases;
}

// A word in the title or family of the cases to run; all of them without.
bool chosen(const Case& test) {
  const char* only = std::getenv("SKEP_VERIFIER_CASE");
  return only == nullptr || fmt::format("{}: {}", test.family, test.name).find(only) != std::string::npos;
}

TEST(Cases, FilesRead) { EXPECT_GE(all_cases().size(), 200u); }

TEST(Cases, AgreeWithTheLiveKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  Report report;
  for (const Case& test : all_cases())
    if (chosen(test)) report.compare(test);
  report.finish();
}

}  // namespace
}  // namespace skep::testing
