#include "supervisor/traps.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>

#include "abi/perf.h"
#include "attach/trace/tracepoint.h"
#include "supervisor/files/path_calls.h"
#include "supervisor/handlers.h"

namespace skep::supervisor {

namespace {

constexpr TrapRow kRows[] = {
#include "supervisor/traps.def"
};

// Calls that are seldom enough to trap in every run, so that their tracepoints fire without being asked for.
constexpr int kTraced[] = {
    SYS_execve,      SYS_execveat,      SYS_exit_group, SYS_kill,        SYS_tkill,        SYS_tgkill,
    SYS_ptrace,      SYS_openat,        SYS_openat2,    SYS_unlinkat,    SYS_mkdirat,      SYS_mknodat,
    SYS_linkat,      SYS_symlinkat,     SYS_renameat2,  SYS_fchmodat,    SYS_fchownat,     SYS_mount,
    SYS_umount2,     SYS_chroot,        SYS_pivot_root, SYS_unshare,     SYS_setns,        SYS_connect,
    SYS_bind,        SYS_listen,        SYS_accept,     SYS_accept4,     SYS_setuid,       SYS_setgid,
    SYS_setreuid,    SYS_setregid,      SYS_setresuid,  SYS_setresgid,   SYS_capset,       SYS_sync,
    SYS_fsync,       SYS_fdatasync,     SYS_syncfs,     SYS_init_module, SYS_finit_module, SYS_delete_module,
    SYS_sethostname, SYS_setdomainname, SYS_chdir,      SYS_fchdir,      SYS_memfd_create, SYS_shutdown,
#ifdef SYS_open
    SYS_open,        SYS_creat,         SYS_unlink,     SYS_mkdir,       SYS_rmdir,        SYS_rename,
    SYS_link,        SYS_symlink,       SYS_chmod,      SYS_chown,
#endif
};

// A call that the filter answers itself is not a trap: the tracepoint of such a call never fires.
bool refused(int nr) {
  return std::ranges::any_of(kRows, [nr](const TrapRow& row) {
    return row.nr == nr && row.refuse != 0 && row.test.kind == ArgumentTest::Kind::kAny;
  });
}

size_t greatest_number() {
  size_t greatest = 0;
  for (const attach::Tracepoint& tracepoint : attach::all_tracepoints())
    if (tracepoint.syscall >= 0) greatest = std::max(greatest, static_cast<size_t>(tracepoint.syscall));
  return std::max<size_t>(greatest, 600);
}

}  // namespace

std::span<const TrapRow> trap_rows() { return kRows; }

TrapTable::TrapTable(const TrapOptions& options)
    : handlers_(greatest_number() + 1), traced_(greatest_number() + 1) {
  const auto add = [&](int nr, TrapHandler handler, const ArgumentTest& test, uint16_t refuse) {
    entries_.push_back({nr, test, refuse});
    if (handler != nullptr) handlers_[static_cast<size_t>(nr)].push_back({test, handler});
    if (test.kind == ArgumentTest::Kind::kAny && refuse == 0) traced_[static_cast<size_t>(nr)] = true;
  };
  const uint8_t mode = options.files == FileMode::kMounts ? kWithMounts : kWithPaths;
  for (const TrapRow& row : kRows)
    if (row.when & mode) add(row.nr, row.handler, row.test, row.refuse);
  for (const PathCall& call : path_calls())
    if (call.trapped == Trapped::kAlways || options.files == FileMode::kPaths)
      add(call.nr, handle_files, any_arguments(), 0);

  std::vector<int> traced(std::begin(kTraced), std::end(kTraced));
  traced.insert(traced.end(), options.trace.begin(), options.trace.end());
  if (options.trace_all)
    for (const attach::Tracepoint& tracepoint : attach::all_tracepoints())
      if (tracepoint.kind == attach::TracepointKind::kSyscallEnter) traced.push_back(tracepoint.syscall);
  for (const int nr : traced)
    if (!traps_all(nr) && !refused(nr)) add(nr, nullptr, any_arguments(), 0);
}

TrapHandler TrapTable::find(int nr, const uint64_t (&args)[6]) const {
  if (nr < 0 || static_cast<size_t>(nr) >= handlers_.size()) return nullptr;
  for (const Handler& row : handlers_[static_cast<size_t>(nr)])
    if (row.test.matches(args)) return row.handler;
  return nullptr;
}

bool TrapTable::traps_all(int nr) const {
  return nr >= 0 && static_cast<size_t>(nr) < traced_.size() && traced_[static_cast<size_t>(nr)];
}

}  // namespace skep::supervisor
