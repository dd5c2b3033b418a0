// Contexts that programs read as they lie in memory: tracepoint records, raw tracepoint arguments, registers,
// the memory that a syscall program is given.
#include "abi/ctx.h"
#include "progtypes/ctx/layouts.h"
#include "progtypes/kernel_ctx.h"

namespace skep::progtypes {
namespace {

constexpr uint32_t kMaxTraceRecord = 8192;  // PERF_MAX_TRACE_SIZE

// The first 8 bytes of a record hold a pointer of the kernel's own.
bool tracepoint_access(uint32_t offset, uint32_t size, bool write, FieldResult* result) {
  *result = FieldResult::kScalar;
  return !write && offset >= 8 && offset % size == 0;
}

bool raw_tracepoint_access(uint32_t offset, uint32_t size, bool write, FieldResult* result) {
  *result = FieldResult::kScalar;
  return !write && offset % size == 0;
}

bool registers_access(uint32_t offset, uint32_t size, bool write, FieldResult* result) {
  *result = FieldResult::kScalar;
  return !write && offset % size == 0;
}

bool syscall_access(uint32_t offset, uint32_t size, bool, FieldResult* result) {
  *result = FieldResult::kScalar;
  return offset % size == 0;
}

// The first argument points at a buffer that the program may write.
bool raw_tracepoint_writable_access(uint32_t offset, uint32_t size, bool write, FieldResult* result) {
  if (offset == 0 && size != 8) return false;
  bool allowed = raw_tracepoint_access(offset, size, write, result);
  if (offset == 0) *result = FieldResult::kTracepointBuffer;
  return allowed;
}

}  // namespace

const ContextLayout kTracepointLayout = {
    .name = "tracepoint", .size = kMaxTraceRecord, .fields = {}, .generic = tracepoint_access};
const ContextLayout kRegistersLayout = {
    .name = "pt_regs", .size = sizeof(abi::pt_regs), .fields = {}, .generic = registers_access};
const ContextLayout kSyscallLayout = {
    .name = "syscall", .size = UINT16_MAX, .fields = {}, .generic = syscall_access};
const ContextLayout kRawTracepointLayout = {.name = "bpf_raw_tracepoint_args",
                                            .size = sizeof(RawTracepointArgs),
                                            .fields = {},
                                            .generic = raw_tracepoint_access};
const ContextLayout kRawTracepointWritableLayout = {.name = "bpf_raw_tracepoint_args",
                                                    .size = sizeof(RawTracepointArgs),
                                                    .fields = {},
                                                    .generic = raw_tracepoint_writable_access};

}  // namespace skep::progtypes
