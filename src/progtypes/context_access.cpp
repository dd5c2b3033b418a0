// check_context_access: the rules of ctx/*.def applied to one access. Mirrors Linux's is_valid_access
// functions.
#include "abi/ctx.h"
#include "progtypes/ctx/layouts.h"
#include "progtypes/prog_type.h"

namespace skep::progtypes {
namespace {

struct Access {
  uint32_t offset;
  uint32_t size;
  bool write;
};

const ContextField* field_at(const ContextLayout& layout, uint32_t offset, KernelProfile profile) {
  for (const ContextField& field : layout.fields)
    if (offset >= field.offset && offset < uint32_t{field.offset} + field.size)
      return profile.has(field.since) ? &field : nullptr;
  return nullptr;
}

// The size of the access that is made in place of this one; 0 when the size is not allowed there.
uint32_t covering_size(const ContextField& field, const Access& access) {
  const uint32_t within = access.offset - field.offset;
  if (access.size == field.element) return within % field.element == 0 ? field.element : 0;
  if ((field.traits & kPadded) != 0 && !access.write && access.size == 4 && within == 0) return 4;
  if ((field.traits & kWide) != 0 && access.size == 8 && access.offset % 8 == 0 && within + 8 <= field.size)
    return 8;
  if (access.write || field.narrow_read == 0 || access.size < field.narrow_read) return 0;
  if ((field.traits & kNarrowAtStart) != 0 && within != 0) return 0;
  return access.size < field.element ? field.element : 0;
}

Result<ContextAccess> check(const ContextLayout& layout, const Access& access, KernelProfile profile) {
  if (access.offset >= layout.size || access.offset % access.size != 0) return fail(EACCES);
  if (layout.generic != nullptr) {
    ContextAccess answer;
    if (!layout.generic(access.offset, access.size, access.write, &answer.result)) return fail(EACCES);
    return answer;
  }
  const ContextField* field = field_at(layout, access.offset, profile);
  if (field == nullptr || (field->access & (access.write ? kWrite : kRead)) == 0) return fail(EACCES);
  ContextAccess answer{.field = field, .result = field->result, .full_size = 0};
  if ((field->traits & kAnySize) != 0) {
    if (access.offset + access.size > uint32_t{field->offset} + field->size) return fail(EACCES);
    return answer;
  }
  answer.full_size = covering_size(*field, access);
  if (answer.full_size == 0) return fail(EACCES);
  return answer;
}

}  // namespace

Result<ContextAccess> check_context_access(const ProgTypeRow& type, uint32_t expected_attach_type,
                                           uint32_t offset, uint32_t size, bool write, KernelProfile profile,
                                           bool bpf_capable) {
  if (type.context == nullptr) return fail(EACCES);
  ContextAccess answer = SKEP_TRY(check(*type.context, {offset, size, write}, profile));
  if (answer.field == nullptr) return answer;
  const ContextField& field = *answer.field;
  const uint32_t attach_type = effective_attach_type(type, expected_attach_type);
  const uint64_t types = write ? field.write_types : field.read_types;
  const uint64_t attach = write ? field.write_attach : field.read_attach;
  if ((types >> type.type & 1) == 0) return fail(EACCES);
  if (attach != ~uint64_t{0} && (attach_type >= 64 || (attach >> attach_type & 1) == 0)) return fail(EACCES);
  if (!bpf_capable && (field.needs_bpf & (write ? kWrite : kRead)) != 0) return fail(EACCES);
  return answer;
}

Result<ContextAccess> check_socket_access(bool common, uint32_t offset, uint32_t size,
                                          KernelProfile profile) {
  ContextAccess answer = SKEP_TRY(check(kSockLayout, {offset, size, false}, profile));
  // Request and time-wait sockets have no type, protocol, mark, priority.
  const bool full_only = offset >= offsetof(abi::bpf_sock, type) && offset < offsetof(abi::bpf_sock, src_ip4);
  if (common && full_only) return fail(EACCES);
  return answer;
}

Result<ContextAccess> check_tcp_socket_access(uint32_t offset, uint32_t size, KernelProfile profile) {
  return check(kTcpSockLayout, {offset, size, false}, profile);
}

}  // namespace skep::progtypes
