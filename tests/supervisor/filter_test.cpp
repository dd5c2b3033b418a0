// The seccomp filter, run by a small interpreter of classic BPF over every number and chosen arguments, and
// by the kernel in a child.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "abi/seccomp.h"
#include "supervisor/filter.h"
#include "supervisor/traps.h"

namespace skep::supervisor {
namespace {

constexpr uint32_t kArch = 0xc000003e;

// What the kernel would answer; the filter uses only these instructions.
uint32_t run(const std::vector<abi::sock_filter>& filter, const abi::seccomp_data& data) {
  uint32_t accumulator = 0;
  for (size_t pc = 0; pc < filter.size(); ++pc) {
    const abi::sock_filter& insn = filter[pc];
    const bool equal = accumulator == insn.k, greater_or_equal = accumulator >= insn.k;
    switch (insn.code) {
      case abi::BPF_LD | abi::BPF_W | abi::BPF_ABS:
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + insn.k, 4);
        break;
      case abi::BPF_JMP | abi::BPF_JEQ | abi::BPF_K:
        pc += equal ? insn.jt : insn.jf;
        break;
      case abi::BPF_JMP | abi::BPF_JGE | abi::BPF_K:
        pc += greater_or_equal ? insn.jt : insn.jf;
        break;
      case abi::BPF_JMP | abi::BPF_JA:
        pc += insn.k;
        break;
      case abi::BPF_RET | abi::BPF_K:
        return insn.k;
      default:
        ADD_FAILURE() << "instruction " << insn.code;
        return 0;
    }
  }
  ADD_FAILURE() << "ran off the end";
  return 0;
}

abi::seccomp_data call(int nr, std::initializer_list<uint64_t> args = {}) {
  abi::seccomp_data data{};
  data.nr = nr;
  data.arch = kArch;
  std::copy(args.begin(), args.end(), data.args);
  return data;
}

constexpr uint32_t kRefused = abi::SECCOMP_RET_ERRNO | ENOSYS;

TEST(Filter, TrapsWhatEntriesNameAndNothingElse) {
  for (const size_t count : {1u, 2u, 3u, 7u, 64u, 200u}) {
    std::vector<FilterEntry> entries;
    for (size_t i = 0; i < count; ++i) entries.push_back({static_cast<int>(3 * i + 1), any_arguments(), 0});
    const auto filter = build_filter(entries);
    for (int nr = 0; nr < 700; ++nr) {
      const bool named = nr % 3 == 1 && nr < static_cast<int>(3 * count);
      EXPECT_EQ(run(filter, call(nr)), named ? abi::SECCOMP_RET_USER_NOTIF : abi::SECCOMP_RET_ALLOW) << nr;
    }
  }
}

TEST(Filter, ComparesIntsByTheirLowHalf) {
  const FilterEntry entry{16, low32_in(1, 0x2400, 0x2401, 0x40042408), 0};
  const auto filter = build_filter({&entry, 1});
  for (const uint64_t junk : {uint64_t{0}, uint64_t{1} << 32, uint64_t{0xffffffff} << 32})
    for (const uint32_t value : {0x2400u, 0x2401u, 0x40042408u})
      EXPECT_EQ(run(filter, call(16, {3, junk | value})), abi::SECCOMP_RET_USER_NOTIF) << value;
  for (const uint64_t value : {uint64_t{0}, uint64_t{0x2402}, uint64_t{0x5401}, uint64_t{0x2400} << 32})
    EXPECT_EQ(run(filter, call(16, {3, value})), abi::SECCOMP_RET_ALLOW) << value;
}

TEST(Filter, ComparesPointersByBothHalves) {
  const FilterEntry entry{44, not_null(4), 0};
  const auto filter = build_filter({&entry, 1});
  EXPECT_EQ(run(filter, call(44, {1, 2, 3, 4, 0})), abi::SECCOMP_RET_ALLOW);
  EXPECT_EQ(run(filter, call(44, {1, 2, 3, 4, 1})), abi::SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(run(filter, call(44, {1, 2, 3, 4, uint64_t{1} << 32})), abi::SECCOMP_RET_USER_NOTIF);
}

TEST(Filter, TriesSeveralEntriesOfOneNumber) {
  const FilterEntry entries[] = {{9, low32_in(0, 5), 0}, {9, low32_in(1, 6), EPERM}};
  const auto filter = build_filter(entries);
  EXPECT_EQ(run(filter, call(9, {5, 6})), abi::SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(run(filter, call(9, {4, 6})), abi::SECCOMP_RET_ERRNO | EPERM);
  EXPECT_EQ(run(filter, call(9, {4, 7})), abi::SECCOMP_RET_ALLOW);
}

TEST(Filter, RefusesForeignAbis) {
  const auto filter = build_filter({});
  abi::seccomp_data i386 = call(3);
  i386.arch = 0x40000003;
  EXPECT_EQ(run(filter, i386), kRefused);
  EXPECT_EQ(run(filter, call(0x40000000 | 1)), kRefused);
  EXPECT_EQ(run(filter, call(1)), abi::SECCOMP_RET_ALLOW);
}

TEST(Filter, AgreesWithTheDispatchForBothModes) {
  for (const FileMode mode : {FileMode::kMounts, FileMode::kPaths}) {
    const TrapTable table({.files = mode});
    const auto filter = build_filter(table.entries());
    for (int nr = 0; nr < 600; ++nr)
      for (const uint64_t second : {uint64_t{0}, uint64_t{10}, uint64_t{0x40042408}}) {
        const abi::seccomp_data data = call(nr, {2, second, 0, 0, 0, 0});
        const bool trapped = run(filter, data) == abi::SECCOMP_RET_USER_NOTIF;
        if (table.find(nr, data.args) != nullptr) {
          EXPECT_TRUE(trapped) << nr;
        }
        if (table.traps_all(nr)) {
          EXPECT_TRUE(trapped) << nr;
        }
      }
    EXPECT_EQ(run(filter, call(SYS_io_uring_setup)), kRefused);
    EXPECT_EQ(run(filter, call(SYS_read)), abi::SECCOMP_RET_ALLOW);
    EXPECT_EQ(run(filter, call(SYS_close)), abi::SECCOMP_RET_ALLOW);
  }
}

TEST(Filter, TraceOptionsWidenIt) {
  EXPECT_FALSE(TrapTable({}).traps_all(SYS_read));
  EXPECT_TRUE(TrapTable({}).traps_all(SYS_execve));
  EXPECT_TRUE(TrapTable({.trace = {SYS_read}}).traps_all(SYS_read));
  EXPECT_TRUE(TrapTable({.trace_all = true}).traps_all(SYS_read));
  // Answered by the filter without us: no tracepoint.
  EXPECT_FALSE(TrapTable({.trace_all = true}).traps_all(SYS_io_uring_setup));
}

TEST(Filter, IsAcceptedByTheKernel) {
  std::vector<FilterEntry> entries = TrapTable({.files = FileMode::kPaths, .trace_all = true}).entries();
  // Without a listener a trapped call fails with ENOSYS; this one is refused with an errno of its own.
  std::erase_if(entries, [](const FilterEntry& entry) { return entry.nr != SYS_getpriority; });
  entries.push_back({SYS_getpriority, low32_in(0, 77), EXDEV});
  std::ranges::reverse(entries);
  const auto filter = build_filter(entries);
  const pid_t child = ::fork();
  if (child == 0) {
    const abi::sock_fprog program{static_cast<uint16_t>(filter.size()),
                                  const_cast<abi::sock_filter*>(filter.data())};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(1);
    if (::syscall(SYS_seccomp, abi::SECCOMP_SET_MODE_FILTER, 0, &program) != 0) ::_exit(2);
    if (::syscall(SYS_getpriority, 77, 0) != -1 || errno != EXDEV) ::_exit(3);
    if (::syscall(SYS_getpriority, 0, 0) != -1 || errno != ENOSYS) ::_exit(4);
    ::_exit(::syscall(SYS_getppid) > 0 ? 0 : 5);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

}  // namespace
}  // namespace skep::supervisor
