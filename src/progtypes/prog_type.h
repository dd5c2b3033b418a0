// Program types, attach types and their contexts: rows of prog_types.def, attach_types.def and ctx/*.def.
//
// A context field stands in one row: the verifier reads its access rules from it, the rewriter reads where
// it is lowered to. Contexts that programs see (abi::__sk_buff) never exist in memory; the layout in
// memory is that of progtypes/kernel_ctx.h and net/.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "abi/bpf.h"
#include "base/profile.h"
#include "base/result.h"
#include "isa/insn.h"

namespace skep::progtypes {

// What a register holds after a load of the field.
enum class FieldResult : uint8_t {
  kScalar,
  kPacketData, kPacketMeta, kPacketEnd,
  kSocketOrNull,       // bpf_sock, PTR_TO_SOCKET_OR_NULL
  kSocket,
  kSockCommonOrNull,
  kXdpSock, kTcpSock,
  kFlowKeys,
  kMemory,             // read-only memory of mem_size bytes (sockopt optval..optval_end come as packet pointers)
  kContextPointer,     // trusted pointer to kernel type: verifier treats as scalar unless BTF is known
};

enum FieldAccess : uint8_t { kRead = 1, kWrite = 2 };

// One access that a program makes, already checked against the row.
struct FieldUse {
  const isa::Insn& insn;  // the load or store
  uint32_t offset;        // byte offset in the context
  uint32_t size;          // bytes accessed
  bool write;
  uint32_t prog_type;
  uint32_t attach_type;
};

struct ContextField;

// Lowered form: the instructions that replace the access. Loads widen to the whole field first; the rewriter
// itself adds shift and mask for a narrow access, as Linux does.
using LowerFn = void (*)(const ContextField& field, const FieldUse& use, std::vector<isa::Insn>& out);

struct ContextField {
  std::string_view name;
  uint16_t offset;
  uint16_t size;           // of the whole field, bytes (array fields: of one element times count)
  uint16_t element;        // size of an element that one access may cover in full; = size for plain fields
  uint8_t access;          // FieldAccess bits
  uint8_t narrow_read;     // smallest read allowed, bytes (0 = only full-size)
  uint8_t narrow_write;    // smallest write allowed (0 = only full-size)
  bool wide;               // an 8-byte access over two elements is allowed (bpf_ctx_wide_access_ok)
  FieldResult result;
  uint64_t read_attach;    // attach types (bits) for which reading is allowed; ~0 all
  uint64_t write_attach;   // the same for writing
  bool direct_action_write;  // write needs a program type that changes packets; see the context's file
  LowerFn lower;           // null: the memory layout equals the program's view (tracepoints)
  uint64_t lower_data;     // parameters for `lower` (offsets, sizes), see ctx/lowering.h
  KernelVersion since;
};

struct ContextLayout {
  std::string_view name;             // "__sk_buff"
  uint32_t size;                     // accesses at or past it fail
  std::span<const ContextField> fields;
  // For contexts without rows (tracepoint buffers, raw tracepoint arguments): a generic rule; null otherwise.
  // Sets *result; false when the access is refused.
  bool (*generic)(uint32_t offset, uint32_t size, bool write, FieldResult* result) = nullptr;
};

// The answer of the verifier's context check.
struct ContextAccess {
  const ContextField* field = nullptr;  // null for generic layouts
  FieldResult result = FieldResult::kScalar;
  uint32_t full_size = 0;               // the load to make before narrowing (ctx_field_size of Linux)
};

// Range of r0 at exit.
struct ReturnRange {
  int32_t low = 0;
  int32_t high = 0;
  bool enforced = false;   // false: any value, any scalar
};

struct ProgTypeRow {
  uint32_t type;                      // abi::BPF_PROG_TYPE_*
  std::string_view name;              // "socket_filter", as bpftool spells it
  std::string_view libbpf_name;       // same unless different
  const ContextLayout* context;       // null: not built here, PROG_LOAD answers EINVAL
  bool may_ld_abs;                    // LD_ABS / LD_IND allowed
  bool may_access_packet;             // direct packet access for reading
  bool may_write_packet;
  bool needs_net_admin;               // CAP_NET_ADMIN (is_net_admin_prog_type)
  bool needs_perfmon;                 // CAP_PERFMON (is_perfmon_prog_type)
  bool unprivileged;                  // loadable without CAP_BPF when the switch allows
  bool expected_attach_type_checked;  // attach type must be one of the rows in attach_types.def for it
  bool sleepable_allowed;
  bool test_run;                      // Linux implements BPF_PROG_TEST_RUN for it
  KernelVersion since;
};

struct AttachTypeRow {
  uint32_t type;                      // abi::BPF_CGROUP_INET4_BIND, ...
  std::string_view name;              // "cgroup_inet4_bind", as bpftool spells it
  uint32_t prog_type;                 // program type that attaches there
  int cgroup_slot;                    // index in a cgroup's table of effective programs; -1 elsewhere
  std::string_view sections;          // section names that libbpf maps to it, separated by '|'
  ReturnRange range;
  KernelVersion since;
};

std::span<const ProgTypeRow> prog_types();
const ProgTypeRow* find_prog_type(uint32_t type, KernelProfile profile = kNewestProfile);
std::span<const AttachTypeRow> attach_types();
// The row of (prog_type, attach_type); null when that pair does not exist.
const AttachTypeRow* find_attach_type(uint32_t attach_type, uint32_t prog_type, KernelProfile profile = kNewestProfile);
const AttachTypeRow* find_attach_type(uint32_t attach_type);  // any program type
inline constexpr int kMaxCgroupSlots = 48;

// Linux's bpf_prog_load_check_attach: may this program type be loaded with this expected_attach_type?
Status check_expected_attach_type(const ProgTypeRow& type, uint32_t expected_attach_type);

// Range of r0 that the verifier enforces for the pair.
ReturnRange return_range(const ProgTypeRow& type, uint32_t expected_attach_type);

// The rule for [offset, offset+size) of the context: the row if the access is allowed, else an error (EACCES).
Result<ContextAccess> check_context_access(const ProgTypeRow& type, uint32_t expected_attach_type, uint32_t offset,
                                           uint32_t size, bool write, KernelProfile profile);

}  // namespace skep::progtypes
