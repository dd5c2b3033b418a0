// PROG_ATTACH, PROG_DETACH, PROG_QUERY for cgroups; other hooks of these commands answer as if not
// configured.
#include <algorithm>

#include "syscall/cgroup_attach.h"
#include "syscall/handlers.h"

namespace skep::syscall {
namespace {

constexpr uint32_t kBaseFlags =
    abi::BPF_F_ALLOW_OVERRIDE | abi::BPF_F_ALLOW_MULTI | abi::BPF_F_REPLACE | abi::BPF_F_PREORDER;
constexpr uint32_t kOrderFlags =
    abi::BPF_F_REPLACE | abi::BPF_F_BEFORE | abi::BPF_F_AFTER | abi::BPF_F_ID | abi::BPF_F_LINK;

// The row of an attach type that cgroups have. EINVAL.
Result<const progtypes::AttachTypeRow*> cgroup_row(uint32_t attach_type, KernelProfile profile) {
  const auto* row = progtypes::find_attach_type(attach_type);
  if (row == nullptr || row->cgroup_slot < 0 || !profile.has(row->since)) return fail(EINVAL);
  return row;
}

Result<Ref<objects::Program>> program_of_type(Caller& caller, uint32_t fd, uint32_t type) {
  Ref<objects::Program> program = SKEP_TRY(get_object<objects::Program>(caller, static_cast<int>(fd)));
  if (program->type() != type) return fail(EINVAL);
  return program;
}

template <class T>
int find_anchor(Call& call, const objects::IdTable<T>& table, uint32_t fd_or_id, bool by_id, Ref<T>& anchor) {
  if (by_id) {
    anchor = table.find(fd_or_id);
    return anchor ? 0 : ENOENT;
  }
  auto found = get_object<T>(call.caller, static_cast<int>(fd_or_id));
  if (!found) return found.error().code;
  anchor = *std::move(found);
  return 0;
}

}  // namespace

Result<const progtypes::AttachTypeRow*> check_attach_type(Caller& caller, const objects::Program& program,
                                                          uint32_t attach_type, KernelProfile profile) {
  const auto* row = progtypes::find_attach_type(attach_type, program.type(), profile);
  if (row == nullptr) return fail(EINVAL);
  const bool fixed =
      program.spec().type->expected_attach_type_checked && program.type() != abi::BPF_PROG_TYPE_CGROUP_SKB;
  if (fixed && program.spec().expected_attach_type != attach_type) return fail(EINVAL);
  if (program.type() == abi::BPF_PROG_TYPE_CGROUP_SKB && !caller.credentials().net_admin) return fail(EPERM);
  return row;
}

void resolve_anchor(Call& call, uint32_t fd_or_id, attach::Hierarchy::AttachRequest& request) {
  request.anchor_fd_or_id = fd_or_id;
  const bool by_id = (request.flags & abi::BPF_F_ID) != 0;
  const bool by_link = (request.flags & abi::BPF_F_LINK) != 0;
  if (by_link)
    request.anchor_error = find_anchor(call, call.kernel.links(), fd_or_id, by_id, request.anchor_link);
  else if (by_id || fd_or_id != 0)
    request.anchor_error = find_anchor(call, call.kernel.programs(), fd_or_id, by_id, request.anchor_program);
}

Result<int64_t> prog_attach(Call& call) {
  const auto attr = call.as<abi::prog_attach_attr>();
  const KernelProfile profile = call.kernel.options().profile;
  const auto* row = SKEP_TRY(cgroup_row(attr.attach_type, profile));
  if ((attr.attach_flags & ~(kBaseFlags | kOrderFlags)) != 0) return fail(EINVAL);
  const auto program = SKEP_TRY(program_of_type(call.caller, attr.attach_bpf_fd, row->prog_type));
  row = SKEP_TRY(check_attach_type(call.caller, *program, attr.attach_type, profile));

  const Ref<attach::Cgroup> cgroup = SKEP_TRY(call.caller.cgroup(static_cast<int>(attr.target_fd)));
  attach::Hierarchy::AttachRequest request;
  request.program = program;
  request.type = row;
  request.flags = attr.attach_flags;
  request.expected_revision = attr.expected_revision;
  constexpr uint32_t kReplaces = abi::BPF_F_ALLOW_MULTI | abi::BPF_F_REPLACE;
  if ((attr.attach_flags & kReplaces) == kReplaces)
    request.replace = SKEP_TRY(program_of_type(call.caller, attr.replace_bpf_fd, row->prog_type));
  resolve_anchor(call, attr.relative_fd, request);
  SKEP_TRY(call.attachments.cgroups.attach(*cgroup, request));
  return 0;
}

Result<int64_t> prog_detach(Call& call) {
  const auto attr = call.as<abi::prog_attach_attr>();
  const auto* row = SKEP_TRY(cgroup_row(attr.attach_type, call.kernel.options().profile));
  if (attr.attach_flags != 0 || attr.relative_fd != 0) return fail(EINVAL);
  const Ref<attach::Cgroup> cgroup = SKEP_TRY(call.caller.cgroup(static_cast<int>(attr.target_fd)));
  // A bad fd is no error by itself: a slot with one program gives it up whatever is named.
  const auto program = program_of_type(call.caller, attr.attach_bpf_fd, row->prog_type);
  SKEP_TRY(call.attachments.cgroups.detach(*cgroup, *row, program ? program->get() : nullptr, nullptr,
                                           attr.expected_revision));
  return 0;
}

Result<int64_t> prog_query(Call& call) {
  const auto attr = call.as<abi::prog_query_attr>();
  const Credentials may = call.caller.credentials();
  if (!may.net_admin && !may.sys_admin) return fail(EPERM);
  if ((attr.query_flags & ~uint32_t{abi::BPF_F_QUERY_EFFECTIVE}) != 0) return fail(EINVAL);
  const auto* row = SKEP_TRY(cgroup_row(attr.attach_type, call.kernel.options().profile));
  const Ref<attach::Cgroup> cgroup = SKEP_TRY(call.caller.cgroup(static_cast<int>(attr.target_fd)));
  const bool effective = (attr.query_flags & abi::BPF_F_QUERY_EFFECTIVE) != 0;
  if (effective && attr.prog_attach_flags != 0) return fail(EINVAL);

  const auto found = call.attachments.cgroups.query(*cgroup, *row, effective);
  const auto total = static_cast<uint32_t>(found.program_ids.size());
  SKEP_TRY(call.put(offsetof(abi::prog_query_attr, attach_flags), found.attach_flags));
  SKEP_TRY(call.put(offsetof(abi::prog_query_attr, prog_cnt), total));
  SKEP_TRY(call.put(offsetof(abi::prog_query_attr, revision), found.revision));
  if (attr.prog_cnt == 0 || attr.prog_ids == 0 || total == 0) return 0;
  const size_t given = std::min(attr.prog_cnt, total);
  SKEP_TRY(call.caller.write(attr.prog_ids, std::as_bytes(std::span(found.program_ids).first(given))));
  if (attr.prog_attach_flags != 0)
    SKEP_TRY(call.caller.write(attr.prog_attach_flags,
                               std::as_bytes(std::span(found.program_flags).first(given))));
  if (given < total) return fail(ENOSPC);
  return 0;
}

}  // namespace skep::syscall
