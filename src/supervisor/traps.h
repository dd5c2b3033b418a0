// The one table of trapped syscalls: rows of traps.def. It makes the seccomp filter and the dispatch.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "supervisor/client.h"
#include "supervisor/files/virtual_files.h"
#include "supervisor/filter.h"
#include "supervisor/outcome.h"

namespace skep::supervisor {

class Supervisor;

using TrapHandler = Outcome (*)(Supervisor&, Client&);

enum TrapWhen : uint8_t {
  kWithMounts = 1,  // --files=mounts
  kWithPaths = 2,   // --files=paths
  kAlways = 3,
};

struct TrapRow {
  int nr;
  TrapHandler handler;  // null: nothing but a tracepoint may happen, the kernel goes on
  uint8_t when = kAlways;
  ArgumentTest test{};
  uint16_t refuse = 0;  // errno that the filter itself answers; no handler then
};

std::span<const TrapRow> trap_rows();

// Which calls trap in one run, fixed when the run starts.
struct TrapOptions {
  FileMode files = FileMode::kMounts;
  bool trace_all = false;
  std::vector<int> trace;  // numbers that trap for the sake of tracepoints, beyond the usual ones
};

class TrapTable {
 public:
  explicit TrapTable(const TrapOptions& options);

  const std::vector<FilterEntry>& entries() const { return entries_; }
  // The handler for a trapped call; null when there is nothing to do but to go on.
  TrapHandler find(int nr, const uint64_t (&args)[6]) const;
  // True when every call of this number traps: its sys_enter tracepoint can fire.
  bool traps_all(int nr) const;

 private:
  struct Handler {
    ArgumentTest test;
    TrapHandler handler;
  };
  std::vector<std::vector<Handler>> handlers_;  // by number
  std::vector<FilterEntry> entries_;
  std::vector<bool> traced_;
};

}  // namespace skep::supervisor
