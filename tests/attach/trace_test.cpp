// Tracepoint descriptions and trace lines beside those of the live kernel's tracefs.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "attach/trace/trace_line.h"
#include "attach/trace/tracepoint.h"
#include "support/live_kernel.h"

namespace skep::attach {
namespace {

// tracefs for the length of a test; empty where it cannot be mounted.
class Tracefs {
 public:
  Tracefs() {
    if (mkdtemp(directory_.data()) == nullptr) return;
    mounted_ = mount("none", directory_.c_str(), "tracefs", 0, nullptr) == 0;
  }
  ~Tracefs() {
    if (mounted_) umount2(directory_.c_str(), MNT_DETACH);
    rmdir(directory_.c_str());
  }
  bool mounted() const { return mounted_; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ + "/" + name) << text;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(directory_ + "/" + name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  std::string directory_ = "/tmp/skep-tracefs-XXXXXX";
  bool mounted_ = false;
};

std::string without_id(const std::string& format) {
  const size_t id = format.find("\nID: ");
  if (id == std::string::npos) return format;
  return format.substr(0, id) + format.substr(format.find('\n', id + 1));
}

TEST(TracepointFormat, EqualsTheLiveKernels) {
  const Tracefs tracefs;
  if (!tracefs.mounted()) GTEST_SKIP() << "tracefs cannot be mounted";
  for (const Tracepoint& tracepoint : all_tracepoints()) {
    const std::string live =
        tracefs.read("events/" + std::string(tracepoint.system) + "/" + tracepoint.name + "/format");
    EXPECT_EQ(without_id(live), without_id(format_file(tracepoint))) << tracepoint.name;
  }
  EXPECT_GT(all_tracepoints().size(), 700u);
}

TEST(TracepointIds, AreUniqueAndFound) {
  for (const Tracepoint& tracepoint : all_tracepoints()) {
    EXPECT_EQ(find_tracepoint(tracepoint.id), &tracepoint);
    EXPECT_EQ(find_tracepoint(tracepoint.system, tracepoint.name), &tracepoint);
  }
  EXPECT_EQ(find_tracepoint(0), nullptr);
  EXPECT_EQ(syscall_name(0), "read");
  EXPECT_EQ(syscall_name(1u << 20), "");
}

// A raw tracepoint program that prints "skep <marker>" is run once; the line that the kernel shows is taken
// apart and put together again by trace_line.
TEST(TraceLine, EqualsTheLiveKernels) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const Tracefs tracefs;
  if (!tracefs.mounted()) GTEST_SKIP() << "tracefs cannot be mounted";
  char text[8];
  std::snprintf(text, sizeof(text), "k%06u", static_cast<unsigned>(getpid()) % 1000000);
  uint32_t low, high;
  std::memcpy(&low, text, 4);
  std::memcpy(&high, text + 4, 4);
  const isa::Insn insns[] = {{.code = 0x18, .dst = 1, .imm = static_cast<int32_t>(low)},
                             {.imm = static_cast<int32_t>(high)},
                             {.code = 0x7b, .dst = 10, .src = 1, .off = -8},  // *(u64 *)(r10 - 8) = r1
                             {.code = 0xbf, .dst = 1, .src = 10},             // r1 = r10
                             {.code = 0x07, .dst = 1, .imm = -8},             // r1 += -8
                             {.code = 0xb7, .dst = 2, .imm = 8},              // r2 = 8
                             {.code = 0x85, .imm = 6},                        // call trace_printk
                             {.code = 0xb7},
                             {.code = 0x95}};
  const live::Loaded program = live::load(insns, {.type = abi::BPF_PROG_TYPE_RAW_TRACEPOINT});
  ASSERT_TRUE(program) << program.log;
  const std::string was_on = tracefs.read("tracing_on");
  tracefs.write("tracing_on", "1");
  const auto run = live::test_run(program.fd.get());
  tracefs.write("tracing_on", was_on);
  ASSERT_TRUE(run);

  const std::string trace = tracefs.read("trace");
  const size_t found = trace.rfind(std::string("bpf_trace_printk: ") + text);
  ASSERT_NE(found, std::string::npos);
  const size_t start = trace.rfind('\n', found) + 1;
  const std::string line = trace.substr(start, trace.find('\n', found) + 1 - start);

  const size_t dash = line.find("-" + std::to_string(getpid()));
  ASSERT_NE(dash, std::string::npos) << line;
  helpers::TaskInfo task;
  task.pid = static_cast<uint32_t>(getpid());
  const size_t comm = line.find_first_not_of(' ');
  line.copy(task.comm, dash - comm, comm);
  unsigned cpu, seconds, micros;
  char flags[8];
  ASSERT_EQ(std::sscanf(line.c_str() + dash, "-%*u [%u] %5s %u.%u", &cpu, flags, &seconds, &micros), 4)
      << line;
  std::string expected = line;
  expected.replace(expected.find(flags), std::strlen(flags), "...21");  // a test run may show other flags
  EXPECT_EQ(trace_line(task, cpu, seconds * uint64_t{1'000'000'000} + micros * uint64_t{1'000}, text),
            expected);
}

TEST(TraceLine, RoundsToMicrosecondsAndKeepsOneNewline) {
  helpers::TaskInfo task;
  std::strcpy(task.comm, "bash");
  task.pid = 42;
  EXPECT_EQ(trace_line(task, 1, 1'999'999'600, "hi\n"),
            "            bash-42      [001] ...21     2.000000: bpf_trace_printk: hi\n");
}

}  // namespace
}  // namespace skep::attach
