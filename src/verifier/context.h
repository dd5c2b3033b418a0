// Context: one check() in progress: the program, what is known of each instruction and subprogram, limits,
// the log, the rejection. Passed by reference to every stage; owned by check(). Not thread-safe; one per
// check.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "abi/btf.h"
#include "abi/helper_ids.h"
#include "helpers/proto.h"
#include "verifier/check_result.h"
#include "verifier/log/log.h"
#include "verifier/state/verifier_state.h"
#include "verifier/verifier.h"

namespace skep::verifier {

class StackLiveness;

inline constexpr uint32_t kMaxProcessed = 1'000'000;
inline constexpr uint32_t kMaxPendingJumps = 8192;
inline constexpr uint32_t kMaxStatesUnprivileged = 64;
inline constexpr int kMaxSubprogs = 256;
inline constexpr uint32_t kMaxUsedMaps = 64;

// What is known of one instruction of the program as loaded.
struct InsnInfo {
  const isa::InsnDesc* desc = nullptr;  // null for the second slot of a wide load
  bool prune_point = false;
  bool jump_point = false;
  bool force_checkpoint = false;
  bool calls_callback = false;
  bool seen = false;            // reached by some path
  uint16_t live_registers = 0;  // bit r: r may be read here or later before it is written
  uint32_t loop = 0;            // number of the strongly connected component; 0: in none

  // Wide loads: what the register gets.
  RegKind load_kind = RegKind::kNotInit;
  const maps::Map* map = nullptr;
  uint32_t map_offset = 0;
  uint32_t load_subprog = 0;
  uint64_t load_address = 0;  // what the rewritten instruction carries

  // Set by the first path through a load or store; other paths must agree.
  RegKind pointer_kind = RegKind::kNotInit;
  uint8_t pointer_flags = 0;
  uint32_t context_full_size = 0;
  const progtypes::ContextField* context_field = nullptr;
  bool context_generic = false;

  const helpers::HelperProto* helper = nullptr;
  // Helper calls: the map argument of all paths; poisoned when paths differ.
  const maps::Map* call_map = nullptr;
  bool call_map_poisoned = false;
  uint64_t call_map_key = 0;  // tail call index: value + 1, 0 unset, ~0 poisoned
};

struct SubprogInfo {
  uint32_t start = 0;
  uint32_t line_info = 0;
  uint32_t stack_depth = 0;
  bool has_tail_call = false;
  bool tail_call_reachable = false;
  bool has_ld_abs = false;
  bool changes_packet_data = false;
  bool is_global = false;
  bool called = false;  // global functions: reached from verified code
  bool verified = false;
  bool arguments_known = false;
  bool is_callback = false;
  bool has_may_goto = false;
  std::string name;
  // Arguments of a global function.
  struct Argument {
    enum Kind : uint8_t { kAnything, kContext, kMemory, kUnsupported } kind = kAnything;
    uint32_t mem_size = 0;
    bool maybe_null = false;
  };
  std::vector<Argument> arguments;
};

// A path to explore later.
struct PendingPath {
  std::unique_ptr<VerifierState> state;
  int32_t insn = 0, previous = 0;
  uint64_t log_position = 0;
};

class Context {
 public:
  explicit Context(const Request& request);
  ~Context();

  // Refuses the program: records why, writes the line to the log. The format ends without newline.
  template <class... Args>
  Check reject(int code, fmt::format_string<Args...> format, Args&&... args) {
    return reject_text(code, fmt::format(format, std::forward<Args>(args)...));
  }
  Check reject_text(int code, std::string message);
  // A reason that would be our own fault: the program is refused, never accepted.
  Check internal_error(const char* what);

  const Request& request;
  Log log;
  Rejection rejection;
  Statistics stats;

  std::vector<isa::Insn> insns;
  std::vector<InsnInfo> info;
  std::vector<SubprogInfo> subprogs;  // [n] is the end sentinel: start == insns.size()
  std::vector<Ref<maps::Map>> used_maps;
  std::vector<abi::bpf_func_info> func_info;
  std::vector<abi::bpf_line_info> line_info;

  uint32_t prog_type;
  uint32_t attach_type;
  bool strict_alignment;
  bool privileged;           // CAP_BPF
  bool allow_pointer_leaks;  // CAP_PERFMON
  bool allow_uninit_stack;   // CAP_PERFMON
  bool test_state_freq;
  bool test_reg_invariants;
  bool seen_direct_packet_write = false;
  bool changes_packet_data = false;
  uint32_t max_ctx_offset = 0;
  uint32_t max_packet_offset = 0;

  // --- exploration ---
  std::unique_ptr<VerifierState> state;  // the path being followed
  int32_t insn_index = 0;
  int32_t previous_insn = 0;
  std::vector<PendingPath> pending;
  uint32_t id_generator = 0;
  uint32_t jumps_processed = 0, previous_jumps = 0, previous_insns = 0;
  int current_history_entry = -1;  // index in state->history made for the current instruction, or -1
  std::unique_ptr<StackLiveness> liveness;
  const abi::bpf_line_info* previous_line = nullptr;
  uint64_t previous_log_position = 0;
  uint64_t previous_insn_print_length = 0;
  uint32_t scratched_regs = 0;  // registers and slots that changed since the last print
  uint64_t scratched_slots = 0;
  RegState scratch_reg[2];

  Frame& frame() { return state->current(); }
  RegState& reg(int number) { return state->current().regs[static_cast<size_t>(number)]; }
  const isa::Insn& insn(int32_t index) const { return insns[static_cast<size_t>(index)]; }
  InsnInfo& insn_info(int32_t index) { return info[static_cast<size_t>(index)]; }
  const isa::InsnDesc& desc(int32_t index) const { return *info[static_cast<size_t>(index)].desc; }
  int32_t insn_count() const { return static_cast<int32_t>(insns.size()); }
  uint32_t subprog_count() const { return subprogs.empty() ? 0 : static_cast<uint32_t>(subprogs.size()) - 1; }
  int subprog_at(int32_t insn) const;  // that starts there, or -1
  int subprog_containing(int32_t insn) const;
  uint32_t new_id() { return ++id_generator; }
  void scratch_register(int number) { scratched_regs |= 1u << number; }
  void scratch_slot(int slot) { scratched_slots |= uint64_t{1} << slot; }
  void scratch_all() {
    scratched_regs = ~0u;
    scratched_slots = ~uint64_t{0};
  }
};

inline bool is_helper_call(const isa::InsnDesc* d) {
  return d && d->operation == isa::Operation::kCallHelper;
}
inline bool is_subprog_call(const isa::InsnDesc* d) {
  return d && d->operation == isa::Operation::kCallSubprog;
}

}  // namespace skep::verifier
