// HelperProto: one row of helpers.def. Verifier, JIT, feature probe, documentation and the dispatcher read
// it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/profile.h"
#include "helpers/run_context.h"

namespace skep::helpers {

// What an argument register must hold. Semantics as Linux's argument types of the same (lower-case) name.
enum class Arg : uint8_t {
  kDontCare,     // not used
  kConstMapPtr,  // the map itself
  kMapKey,
  kMapValue,        // memory of the map's key/value size, initialised
  kUninitMapValue,  // memory of the value size that the helper fills
  kMem,
  kMemWrite,
  kUninitMem,  // memory whose size is the next argument (or mem_size): read, read+write, filled
  kFixedSizeMem,
  kFixedSizeUninitMem,
  kFixedSizeWriteMem,
  kFixedSizeAlignedUninitMem,  // size in mem_size[i]
  kConstSize,
  kConstSizeOrZero,       // size of the memory in the argument before
  kConstAllocSizeOrZero,  // constant: size of the memory that is returned
  kCtx,                   // the program's context
  kAnything,              // any initialised scalar or (privileged) pointer
  kSpinLock,
  kTimer,
  kKptrXchgDest,
  kSockCommon,
  kBtfIdSockCommon,
  kSocket,
  kBtfId,
  kPercpuBtfId,
  kRingbufMem /* referenced record */,
  kLong,
  kInt,  // pointer to an aligned, writable integer that the helper fills
  kStackPtr,
  kConstStr,
  kFunc /* callback subprogram */,
  kDynptr,
};

enum class Ret : uint8_t {
  kInteger,
  kVoid,
  kMapValue,
  kSocket,
  kTcpSock,
  kSockCommon,
  kRingbufMem /* of constant size */,
  kMemOrBtfId,
  kBtfId,
  kBtfIdTrusted,
};

// Modifiers of an argument or of the result.
enum Flag : uint16_t {
  kNone = 0,
  kMaybeNull = 1 << 0,
  kRelease = 1 << 1,  // the helper takes over the reference in this argument
  kRdonly = 1 << 2,
  kUninitDynptr = 1 << 3,
  kDynptrRingbuf = 1 << 4,
  kDynptrLocal = 1 << 5,
  kAligned = 1 << 6,  // fixed-size memory must be aligned to its size
};

struct ArgSpec {
  Arg type = Arg::kDontCare;
  uint16_t flags = kNone;
  uint16_t mem_size = 0;  // kFixedSize*: bytes
};

// Properties of the whole helper.
enum Trait : uint32_t {
  kGplOnly = 1 << 0,
  kPacketAccess = 1 << 1,       // memory arguments may point into the packet
  kChangesPacketData = 1 << 2,  // invalidates packet pointers
  kMightSleep = 1 << 3,
  kAcquires = 1 << 4,  // the returned object is a reference that must be released
  kTailCall = 1 << 5,  // does not return on success
  kCallback = 1 << 6,  // calls a subprogram of the program
  kFastcall = 1 << 7,  // clobbers only r0 (allow_fastcall)
  kWritesContext = 1 << 8,
  kInlinedInLoops = 1 << 9,
};

// A set of program types (bit = abi::bpf_prog_type) to which the row is offered.
using ProgSet = uint64_t;

// Capabilities that the loader of the program needs.
enum class Needs : uint8_t { kNothing, kBpf /* CAP_BPF */, kPerfmon /* CAP_PERFMON */, kNetAdmin, kSysAdmin };

struct HelperProto {
  uint32_t id = 0;        // abi::BPF_FUNC_*
  std::string_view name;  // without "bpf_"
  ProgSet programs = 0;   // program types that may call this row; rows of one id do not overlap
  uint64_t attach_types = ~uint64_t{0};  // expected attach types (bits) for which they may
  Needs needs = Needs::kNothing;
  uint32_t traits = 0;
  Ret ret = Ret::kInteger;
  uint16_t ret_flags = kNone;
  ArgSpec args[5] = {};
  KernelVersion since;
  HelperFn impl = nullptr;  // null: not built here, the load answers as if the helper did not exist. Of
                            // kTailCall the engines are the implementation.
  bool built() const { return impl != nullptr || (traits & kTailCall) != 0; }
};

// All rows.
std::span<const HelperProto> table();

// The row that a program of `prog_type` (and, where it matters, `expected_attach_type`) gets for helper `id`;
// null when the program type does not offer it or it is not built. Mirrors the per-type get_func_proto of
// Linux.
const HelperProto* find(uint32_t id, uint32_t prog_type, uint32_t expected_attach_type,
                        KernelProfile profile);
// The same for rows that are known but not built.
const HelperProto* find_known(uint32_t id, uint32_t prog_type, uint32_t expected_attach_type,
                              KernelProfile profile);

// The name of a helper id, for messages: "bpf_map_lookup_elem"; "bpf_unspec" for 0, "unknown" for ids out of
// range.
std::string_view name_of(uint32_t id);
bool is_known_id(uint32_t id);  // 1..211

}  // namespace skep::helpers
