// What BPF_PROG_LOAD checks of func_info and line_info, and what a program's BTF says of its functions.
//
// Offsets are in instructions. Record sizes and counts are the client's; the bytes are a copy, read once.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "abi/bpf.h"
#include "abi/btf.h"
#include "abi/insn.h"
#include "btf/btf.h"

namespace skep::btf {

enum : uint32_t {
  kMaxInfoRecordSize = 252,  // of func_info and line_info
};

struct InfoRecords {
  uint32_t record_size = 0;  // func_info_rec_size, line_info_rec_size
  uint32_t count = 0;        // func_info_cnt, line_info_cnt; not 0
  // At least min(count, instructions + 1) records: offsets rise strictly, so that one more than that is an
  // error anyway.
  std::span<const std::byte> bytes;
};

// Before the subprograms are known: sizes, order, types (check_btf_func_early of Linux).
Result<std::vector<abi::bpf_func_info>> check_func_info_early(const Btf& btf, const InfoRecords& records,
                                                              LogSink* log);
// Once they are: one record per subprogram, at its first instruction.
Status check_func_info(std::span<const abi::bpf_func_info> info, std::span<const uint32_t> subprog_starts,
                       LogSink* log);
// Only such functions, and the program itself, may use LD_ABS, LD_IND and tail calls.
bool returns_scalar(const Btf& btf, Type func);
// Order, names, and a record at the start of each subprogram. `insns` since no record may point at the second
// slot of a wide load.
Result<std::vector<abi::bpf_line_info>> check_line_info(const Btf& btf, const InfoRecords& records,
                                                        std::span<const abi::bpf_insn> insns,
                                                        std::span<const uint32_t> subprog_starts,
                                                        LogSink* log);

// Text of the source line of a record, without leading blanks, and its file.
std::string_view source_line(const Btf& btf, const abi::bpf_line_info& line);
std::string_view source_file(const Btf& btf, const abi::bpf_line_info& line);

// One argument of a function, as its BTF promises it: to the callers of a global function, to the body of
// any.
struct Argument {
  enum Kind : uint8_t {
    kScalar,
    kContext,
    kMemory,           // readable and writable, memory_size bytes
    kDynptr,           // read only
    kTrusted,          // "arg:trusted": a kernel object; type_id names the struct in the program's BTF
    kUntrusted,        // "arg:untrusted": the same, to be read with faults handled
    kUntrustedMemory,  // "arg:untrusted" void or number: memory of unknown size, to be read with faults
                       // handled
    kArena,            // "arg:arena"
  };
  Kind kind = kScalar;
  bool may_be_null = false;
  uint32_t memory_size = 0;
  uint32_t type_id = 0;  // of what a pointer points to, modifiers skipped; else of the argument
};
struct FunctionSignature {
  bool is_global = false;
  std::vector<Argument> arguments;
};
// `context_name` is the struct (or, for kprobes, "bpf_user_pt_regs_t") that the program type's context is
// declared as, empty where it has none. An error for a static function is not an error of the program: its
// arguments are then not known from BTF, and nothing but a use of "arg:" tags is logged.
Result<FunctionSignature> classify_function(const Btf& btf, Type func, abi::bpf_prog_type program_type,
                                            std::string_view context_name, LogSink* log);

}  // namespace skep::btf
