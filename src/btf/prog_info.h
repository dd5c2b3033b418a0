// What BPF_PROG_LOAD checks of func_info and line_info, and what a program's BTF says of its functions.
//
// Offsets are in instructions. `Copied` stands for what the caller has read from the client once; the record
// sizes and counts are the client's, so that the errors come in Linux's order.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "abi/btf.h"
#include "abi/insn.h"
#include "btf/btf.h"

namespace skep::btf {

enum : uint32_t {
  kMinFuncInfoSize = 8,
  kMinLineInfoSize = 16,
  kMaxFuncInfoRecordSize = 252,  // of both kinds of record
};

struct InfoRecords {
  uint32_t record_size = 0;          // func_info_rec_size, line_info_rec_size
  uint32_t count = 0;                // func_info_cnt, line_info_cnt
  std::span<const std::byte> bytes;  // record_size * count of them
};

// Before the subprograms are known: sizes, order, types (check_btf_func_early of Linux).
Result<std::vector<abi::bpf_func_info>> check_func_info_early(const Btf& btf, const InfoRecords& records,
                                                              uint32_t insn_count, LogSink* log);
// Once they are: one record per subprogram, at its first instruction.
Status check_func_info(const Btf& btf, std::span<const abi::bpf_func_info> info,
                       std::span<const uint32_t> subprog_starts, LogSink* log);
// Order, names, and a record at the start of each subprogram. `insns` since no record may point at the second
// slot of a wide load.
Result<std::vector<abi::bpf_line_info>> check_line_info(const Btf& btf, const InfoRecords& records,
                                                        std::span<const abi::bpf_insn> insns,
                                                        std::span<const uint32_t> subprog_starts,
                                                        LogSink* log);

// Text of the source line of a record, without leading blanks, and its file.
std::string_view source_line(const Btf& btf, const abi::bpf_line_info& line);
std::string_view source_file(const Btf& btf, const abi::bpf_line_info& line);

// One argument of a global function, as its BTF promises it to callers.
struct GlobalArgument {
  enum Kind : uint8_t { kScalar, kContext, kMemory, kDynptr, kArena, kTrusted, kUntrusted };
  Kind kind = kScalar;
  bool nonnull = false;   // "arg:nonnull"; pointers without it may be null
  bool nullable = false;  // "arg:nullable"
  uint32_t memory_size = 0;
  uint32_t type_id = 0;  // kTrusted: the struct in program BTF; others: the argument's type
};
struct GlobalFunction {
  std::vector<GlobalArgument> arguments;
  bool returns_void = false;  // else a scalar
  bool is_global = false;     // linkage of the BTF_KIND_FUNC
};
// `context_name` is the struct that the program type's context pointer refers to ("__sk_buff"), or empty;
// func must be a BTF_KIND_FUNC. EINVAL with a log line where an argument has a type that no caller could
// pass.
Result<GlobalFunction> classify_global_function(const Btf& btf, Type func, std::string_view context_name,
                                                LogSink* log);

}  // namespace skep::btf
