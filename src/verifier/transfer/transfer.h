// What each kind of instruction requires of the state and how it changes it. One function an instruction
// family, each in a file of its own; `at` is always c.insn_index.
#pragma once

#include "verifier/context.h"

namespace skep::verifier {

// --- operands (operands.cpp) ---
Check require_readable(Context& c, int reg);
Check require_writable(Context& c, int reg);  // not r10
RegState unknown_scalar(const Context& c);    // precise where pruning may not be imprecise
void set_unknown(Context& c, RegState& reg);
Check sane_bounds(Context& c, RegState& reg, const char* where);
// A pointer whose value the program may not learn.
bool leaks_pointer(const Context& c, const RegState& reg);
Check reserved_fields(Context& c, const isa::Insn& insn, const isa::InsnDesc* d);

// --- arithmetic (alu.cpp, pointer_arithmetic.cpp) ---
Check do_alu(Context& c);
Check pointer_arithmetic(Context& c, const RegState& pointer, RegState offset);
void assign_scalar_id(Context& c, RegState& src);

// --- jumps (branch_taken.cpp, branch_refine.cpp, branch.cpp) ---
Check do_conditional_jump(Context& c);
// 1 taken, 0 not taken, -1 unknown.
int branch_taken(const RegState& a, const RegState& b, isa::Operation op, bool is32);
// What the outcome of `a OP b` says of both.
void refine_condition(RegState& a, RegState& b, isa::Operation op, bool holds, bool is32);
void mark_null_check(VerifierState& state, int reg, bool is_null);
VerifierState* push_path(Context& c, int32_t insn, int32_t previous);  // null: too many pending

// --- memory (memory.cpp, stack.cpp, atomics.cpp, packet_load.cpp) ---
enum class AccessType : uint8_t { kRead, kWrite };
// value_reg: register stored from (kWrite) or loaded into (kRead); -1 for none.
Check access_memory(Context& c, int ptr_reg, int off, uint32_t bytes, AccessType type, int value_reg,
                    bool strict_alignment_once, bool sign_extend);
Check check_alignment(Context& c, int ptr_reg, int off, uint32_t bytes, bool strict);
Check do_load(Context& c, bool sign_extend);
Check do_store(Context& c);
Check do_atomic(Context& c);
Check do_packet_load(Context& c);
Check remember_pointer_kind(Context& c, const RegState& pointer, bool allow_mismatch);

// `off` includes the pointer's constant part in all of these.
Check stack_read(Context& c, int ptr_reg, int off, uint32_t bytes, int value_reg);
Check stack_write(Context& c, int ptr_reg, int off, uint32_t bytes, int value_reg);
Check stack_bounds(Context& c, int ptr_reg, int off, int64_t bytes, AccessType type);
// A helper reads (or fills, when `writes`) [off, off + bytes) of the stack.
struct HelperMemory {
  bool raw = false;  // may be uninitialised: the helper fills it
  int reg = 0;
  int size = 0;
};
Check stack_range_initialized(Context& c, int ptr_reg, int off, int size, bool zero_size_allowed,
                              AccessType type, HelperMemory* memory);
Check map_access(Context& c, int ptr_reg, int off, uint32_t bytes, bool zero_size_allowed);
Check mem_region_access(Context& c, int ptr_reg, int off, uint32_t bytes, uint32_t region,
                        bool zero_size_allowed);
Check packet_access(Context& c, int ptr_reg, int off, uint32_t bytes, bool zero_size_allowed);
bool may_access_packet(Context& c, AccessType type, bool for_helper);
Check map_access_type(Context& c, const maps::Map& map, int ptr_reg, int off, uint32_t bytes,
                      AccessType type);
Check pointer_off_is_zero(Context& c, const RegState& reg, int ptr_reg);
bool constant_map_value(const maps::Map& map, int64_t off, uint32_t bytes, uint64_t* value);

// --- calls (helper_call.cpp, helper_arguments.cpp, subprogram_call.cpp, exit.cpp) ---
Check do_helper_call(Context& c);
Check do_subprog_call(Context& c);
Check return_to_caller(Context& c);  // from a subprogram, with r0
Check do_exit(Context& c, bool* path_ended);
Check check_return_value(Context& c);
void clear_packet_pointers(Context& c);
Check release_reference(Context& c, uint32_t ref_obj_id);
Check no_leaked_references(Context& c, const char* what);  // `what` would leave the program with them
void clear_caller_saved(Context& c);
Frame make_frame(uint32_t subprog, int32_t callsite, uint32_t number);
// [pointer, pointer + size) of the register, read or written by a helper.
Check helper_memory_access(Context& c, int reg, int64_t size, AccessType type, bool zero_size_allowed,
                           HelperMemory* memory);

// What the arguments of one helper call told.
struct CallFacts {
  const helpers::HelperProto* proto = nullptr;
  const maps::Map* map = nullptr;
  HelperMemory memory;
  uint64_t mem_size = 0;  // of memory that the helper returns
  uint64_t size_max = 0;  // largest size argument
  int64_t constant_key = -1;
  int release_reg = 0;
  uint32_t ref_obj_id = 0;
};
Check check_helper_argument(Context& c, int index, CallFacts& call);
Check pointer_argument_offset(Context& c, const RegState& r, int reg);

}  // namespace skep::verifier
