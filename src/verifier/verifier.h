// The verifier: one function, check(), from a program as loaded to a verdict, and for accepted programs to
// the rewritten Executable that the engines run.
//
// A rejection is data (Rejection: instruction, rule, errno); the log is its rendering, in the lines that
// Linux prints. Stages, each a file or folder of its own: decode and structural checks, control flow,
// subprograms, path exploration (state, transfer, calls, pruning, precision), then rewriting (dead code,
// context lowering, inlined helpers, fix-ups).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/profile.h"
#include "base/ref.h"
#include "base/result.h"
#include "btf/btf.h"
#include "btf/prog_info.h"
#include "exec/executable.h"
#include "isa/insn.h"
#include "maps/map.h"
#include "progtypes/prog_type.h"

namespace skep::verifier {

// What the loader may do; each flag is one capability check of PROG_LOAD already decided.
struct Capabilities {
  bool bpf = true;      // CAP_BPF: privileged verification (bpf_capable)
  bool perfmon = true;  // CAP_PERFMON: pointer leaks, uninitialised stack, no speculation hardening
  bool net_admin = true;
  bool sys_admin = true;
};

// Verbosity and destination: Linux's log_level bits (1 = level1, 2 = level2, 4 = stats, 8 = fixed buffer).
struct LogOptions {
  uint32_t level = 0;
  uint64_t capacity = 0;  // bytes the client gave; the log itself is kept up to this (rotating unless fixed)
};

// Turns an fd in the program into a map. The verifier never sees fds otherwise.
using MapResolver = std::function<Result<Ref<maps::Map>>(int fd)>;

struct Request {
  std::span<const isa::Insn> insns;
  const progtypes::ProgTypeRow* type = nullptr;
  uint32_t expected_attach_type = 0;
  uint32_t prog_flags = 0;  // BPF_F_STRICT_ALIGNMENT, BPF_F_TEST_STATE_FREQ, ...
  bool gpl_compatible = false;
  std::string name;
  Capabilities capabilities;
  LogOptions log;
  MapResolver resolve_map;
  std::span<const int> fd_array;         // BPF_PSEUDO_MAP_IDX; already copied in
  Ref<const btf::Btf> btf;               // program BTF or null
  std::span<const std::byte> func_info;  // already validated for record size; records of abi::bpf_func_info
  std::span<const std::byte> line_info;
  KernelProfile profile;
};

struct Statistics {
  uint32_t insns_processed = 0;
  uint32_t total_states = 0, peak_states = 0, max_states_per_insn = 0, mark_read_max = 0;
  uint64_t time_us = 0;
  uint64_t peak_memory_bytes = 0;
};

// Why a program was refused: what tools show without parsing the log.
struct Rejection {
  int code = 0;  // positive errno
  uint32_t insn = 0;
  std::string message;  // the line of the log that names the reason
};

// What the object keeps of a verified program besides the Executable.
struct Accepted {
  exec::Executable executable;
  std::vector<Ref<maps::Map>> used_maps;
  std::vector<isa::Insn> xlated;  // as OBJ_GET_INFO shows it: map ids, helper numbers, sanitised
  std::vector<uint32_t> xlated_to_original;
  std::vector<uint32_t> running_to_original;  // the same for executable.insns, which the engine takes
  uint32_t stack_depth = 0;
  bool changes_packet_data = false;
  uint32_t max_ctx_offset = 0;  // end of the farthest context access: hooks with less refuse the program
};

struct Outcome {
  std::optional<Accepted> accepted;  // set exactly when the program may run
  Rejection rejection;               // otherwise
  std::string log;                   // text without the final NUL, as much as capacity keeps
  uint64_t log_true_size = 0;        // bytes including NUL that a full log needs
  bool log_truncated = false;        // ENOSPC although accepted
  Statistics statistics;
};

// Thread-safe: any number of checks at once. Bounded by 1,000,000 processed instructions.
Outcome check(const Request& request);

}  // namespace skep::verifier
