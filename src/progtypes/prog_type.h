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
  kPacketData,
  kPacketMeta,
  kPacketEnd,
  kSocketOrNull,  // bpf_sock, PTR_TO_SOCKET_OR_NULL
  kSocket,
  kSockCommonOrNull,
  kXdpSock,
  kTcpSock,
  kFlowKeys,
  kMemory,          // read-only memory of mem_size bytes (sockopt optval..optval_end come as packet pointers)
  kContextPointer,  // trusted pointer to kernel type: verifier treats as scalar unless BTF is known
  kTracepointBuffer,  // PTR_TO_TP_BUFFER: memory of the tracepoint, size checked when attaching
};

enum FieldAccess : uint8_t { kRead = 1, kWrite = 2 };

// One access that a program makes, already checked against the row.
struct FieldUse {
  const isa::Insn& insn;  // the load or store; a narrow load has been widened to ContextAccess::full_size
  uint32_t offset;        // byte offset in the context where the (widened) access starts
  uint32_t size;          // bytes of the (widened) access
  bool write;
  uint32_t prog_type;
  uint32_t attach_type;
  // The program reads __sk_buff.tstamp_type somewhere: tstamp is then the raw time stamp (Linux 5.18).
  bool tstamp_type_used = false;
};

struct ContextField;

// Lowered form: the instructions that replace the access, at most kMaxLowered of them. The rewriter itself
// adds shift and mask for a narrow load, as Linux does: when the program's size < ContextField::target_size.
using LowerFn = void (*)(const ContextField& field, const FieldUse& use, std::vector<isa::Insn>& out);
inline constexpr size_t kMaxLowered = 9;

enum FieldTrait : uint8_t {
  kAnySize = 1,        // any aligned access inside the field, of 1 to 8 bytes, as it is (__sk_buff.cb)
  kWide = 2,           // an 8-aligned access of 8 bytes over two elements (bpf_ctx_wide_access_ok)
  kNarrowAtStart = 8,  // a narrow read only of the first bytes
  kPadded = 4,         // a 4-byte read of the 2-byte field is a read of the whole (bpf_sock.dst_port)
};

struct ContextField {
  std::string_view name;
  uint16_t offset = 0;
  uint16_t size = 0;        // of the whole field, bytes (array fields: of one element times count)
  uint16_t element = 0;     // size of one element: what an ordinary access covers in full
  uint8_t access = kRead;   // FieldAccess bits
  uint8_t narrow_read = 0;  // smallest read allowed, bytes (0 = only full-size)
  uint8_t traits = 0;       // FieldTrait bits
  uint8_t needs_bpf = 0;    // FieldAccess bits that need CAP_BPF
  uint8_t target_size = 0;  // bytes that the lowered load really fetches (target_size of Linux)
  FieldResult result = FieldResult::kScalar;
  uint64_t read_types = ~uint64_t{0};    // program types (bits) that may read it
  uint64_t write_types = ~uint64_t{0};   // the same for writing
  uint64_t read_attach = ~uint64_t{0};   // attach types (bits) for which reading is allowed
  uint64_t write_attach = ~uint64_t{0};  // the same for writing
  LowerFn lower = nullptr;
  uint64_t lower_data = 0;  // parameters for `lower`, see ctx/lowering.h
  KernelVersion since = v(3, 19);
};

struct ContextLayout {
  std::string_view name;  // "__sk_buff"
  uint32_t size;          // accesses at or past it fail
  std::span<const ContextField> fields;
  // For contexts without rows (tracepoint buffers, raw tracepoint arguments), whose memory is what programs
  // see: a rule that sets *result and answers whether the access is allowed; null otherwise.
  bool (*generic)(uint32_t offset, uint32_t size, bool write, FieldResult* result) = nullptr;
};

// The answer of the verifier's context check.
struct ContextAccess {
  const ContextField* field = nullptr;  // null for generic layouts: the access stays as it is
  FieldResult result = FieldResult::kScalar;
  uint32_t full_size = 0;  // the load to make before narrowing; 0: as the program wrote it
};

// Range of r0 at exit.
struct ReturnRange {
  int32_t low = 0;
  int32_t high = 0;
  bool enforced = false;  // false: any value, any scalar
};

struct ProgTypeRow {
  uint32_t type = 0;               // abi::BPF_PROG_TYPE_*
  std::string_view name;           // "sched_cls", as bpftool spells it
  std::string_view sections = {};  // section names of libbpf that give no attach type, separated by '|'; a
                                   // '+' at the end stands for more text behind a '/'
  const ContextLayout* context = nullptr;  // null: not built here, PROG_LOAD answers EINVAL
  bool may_ld_abs = false;                 // LD_ABS / LD_IND allowed
  bool may_access_packet = false;          // direct packet access for reading
  bool may_write_packet = false;
  // Before a program that writes the packet Linux puts instructions that take a private copy of it; this is
  // what they return when there is none. -1: no such instructions.
  int16_t uncloned_verdict = -1;
  bool needs_net_admin = false;  // CAP_NET_ADMIN (is_net_admin_prog_type)
  bool needs_perfmon = false;    // CAP_PERFMON (is_perfmon_prog_type)
  bool unprivileged = false;     // loadable without CAP_BPF when the switch allows
  bool expected_attach_type_checked =
      false;                         // attach type must be one of the rows in attach_types.def for it
  bool attach_type_zero_ok = false;  // ... or 0, which stands for default_attach_type
  uint32_t default_attach_type = 0;
  bool sleepable_allowed = false;
  bool sleepable_required = false;
  bool test_run = false;  // Linux implements BPF_PROG_TEST_RUN for it
  KernelVersion since;
};

struct AttachTypeRow {
  uint32_t type = 0;               // abi::BPF_CGROUP_INET4_BIND, ...
  std::string_view name;           // "cgroup_inet4_bind", as libbpf spells it
  uint32_t prog_type = 0;          // program type that attaches there
  int cgroup_slot = -1;            // index in a cgroup's table of effective programs; -1 elsewhere
  std::string_view sections = {};  // section names that libbpf maps to it, separated by '|'
  ReturnRange range = {};
  KernelVersion since;
};

std::span<const ProgTypeRow> prog_types();
const ProgTypeRow* find_prog_type(uint32_t type, KernelProfile profile = kNewestProfile);
std::span<const AttachTypeRow> attach_types();
// The row of (prog_type, attach_type); null when that pair does not exist.
const AttachTypeRow* find_attach_type(uint32_t attach_type, uint32_t prog_type,
                                      KernelProfile profile = kNewestProfile);
const AttachTypeRow* find_attach_type(uint32_t attach_type);  // any program type
inline constexpr int kMaxCgroupSlots = 38;                    // MAX_CGROUP_BPF_ATTACH_TYPE

// Linux's bpf_prog_load_check_attach: may this program type be loaded with this expected_attach_type?
Status check_expected_attach_type(const ProgTypeRow& type, uint32_t expected_attach_type);
// What Linux keeps as the program's expected_attach_type: 0 stands for a default with some types.
uint32_t effective_attach_type(const ProgTypeRow& type, uint32_t expected_attach_type);

// Range of r0 that the verifier enforces for the pair.
ReturnRange return_range(const ProgTypeRow& type, uint32_t expected_attach_type);

// The rule for [offset, offset+size) of the context: the row if the access is allowed, else an error
// (EACCES). `bpf_capable`: the loader has CAP_BPF.
Result<ContextAccess> check_context_access(const ProgTypeRow& type, uint32_t expected_attach_type,
                                           uint32_t offset, uint32_t size, bool write, KernelProfile profile,
                                           bool bpf_capable = true);
// The same for a read through a socket pointer (FieldResult::kSocket; `common`: kSockCommon, fewer fields).
Result<ContextAccess> check_socket_access(bool common, uint32_t offset, uint32_t size, KernelProfile profile);
// The same through a pointer from bpf_tcp_sock() (FieldResult::kTcpSock).
Result<ContextAccess> check_tcp_socket_access(uint32_t offset, uint32_t size, KernelProfile profile);

}  // namespace skep::progtypes
