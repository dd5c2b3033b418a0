// LINK_CREATE, LINK_UPDATE, LINK_DETACH, ITER_CREATE, RAW_TRACEPOINT_OPEN.
#include "abi/bpf.h"
#include "attach/cgroup/cgroup_link.h"
#include "syscall/cgroup_attach.h"
#include "syscall/handlers.h"

namespace skep::syscall {
namespace {

constexpr size_t kTracepointNameLength = 128;
constexpr uint32_t kCgroupLinkFlags =
    abi::BPF_F_ID | abi::BPF_F_BEFORE | abi::BPF_F_AFTER | abi::BPF_F_PREORDER | abi::BPF_F_LINK;

Result<int64_t> publish(Call& call, Ref<objects::Link> link) {
  call.kernel.publish(*link);
  return install(call, std::move(link));
}

Result<int64_t> cgroup_link(Call& call, const abi::link_create_attr& attr,
                            const Ref<objects::Program>& program, const progtypes::AttachTypeRow* row) {
  if ((attr.flags & ~kCgroupLinkFlags) != 0) return fail(EINVAL);
  Ref<attach::Cgroup> cgroup = SKEP_TRY(call.caller.cgroup(static_cast<int>(attr.target_fd)));
  attach::Hierarchy::AttachRequest request;
  request.type = row;
  request.flags = attr.flags | abi::BPF_F_ALLOW_MULTI;
  request.expected_revision = attr.cgroup.expected_revision;
  resolve_anchor(call, attr.cgroup.relative_fd, request);
  return publish(call, SKEP_TRY(attach::CgroupLink::create(call.attachments.cgroups, std::move(cgroup),
                                                           program, std::move(request))));
}

Result<int64_t> perf_event_link(Call& call, const abi::link_create_attr& attr,
                                const Ref<objects::Program>& program) {
  if (attr.flags != 0) return fail(EINVAL);
  auto event = get_object<objects::PerfEvent>(call.caller, static_cast<int>(attr.target_fd));
  if (!event) return fail(EBADF);
  return publish(call, SKEP_TRY(call.attachments.tracepoints.perf_link(*std::move(event), program,
                                                                       attr.perf_event.bpf_cookie)));
}

}  // namespace

Result<int64_t> link_create(Call& call) {
  const auto attr = call.as<abi::link_create_attr>();
  if (attr.attach_type == abi::BPF_STRUCT_OPS) return fail(EINVAL);
  const auto program = SKEP_TRY(get_object<objects::Program>(call.caller, static_cast<int>(attr.prog_fd)));
  const auto* row =
      SKEP_TRY(check_attach_type(call.caller, *program, attr.attach_type, call.kernel.options().profile));
  if (row->cgroup_slot >= 0) return cgroup_link(call, attr, program, row);
  if (row->type == abi::BPF_PERF_EVENT) return perf_event_link(call, attr, program);
  return fail(EINVAL);
}

Result<int64_t> link_update(Call& call) {
  const auto attr = call.as<abi::link_update_attr>();
  if ((attr.flags & ~uint32_t{abi::BPF_F_REPLACE}) != 0) return fail(EINVAL);
  const auto link = SKEP_TRY(get_object<objects::Link>(call.caller, static_cast<int>(attr.link_fd)));
  auto fresh = SKEP_TRY(get_object<objects::Program>(call.caller, static_cast<int>(attr.new_prog_fd)));
  Ref<objects::Program> old;
  if ((attr.flags & abi::BPF_F_REPLACE) != 0)
    old = SKEP_TRY(get_object<objects::Program>(call.caller, static_cast<int>(attr.old_prog_fd)));
  else if (attr.old_prog_fd != 0)
    return fail(EINVAL);
  SKEP_TRY(link->update(std::move(fresh), old));
  return 0;
}

Result<int64_t> link_detach(Call& call) {
  const auto attr = call.as<abi::link_detach_attr>();
  const auto link = SKEP_TRY(get_object<objects::Link>(call.caller, static_cast<int>(attr.link_fd)));
  SKEP_TRY(link->detach());
  return 0;
}

// No link here is an iterator's.
Result<int64_t> iter_create(Call& call) {
  const auto attr = call.as<abi::iter_create_attr>();
  if (attr.flags != 0) return fail(EINVAL);
  SKEP_TRY(get_object<objects::Link>(call.caller, static_cast<int>(attr.link_fd)));
  return fail(EINVAL);
}

Result<int64_t> raw_tracepoint_open(Call& call) {
  const auto attr = call.as<abi::raw_tracepoint_open_attr>();
  const auto program = SKEP_TRY(get_object<objects::Program>(call.caller, static_cast<int>(attr.prog_fd)));
  const bool raw = program->type() == abi::BPF_PROG_TYPE_RAW_TRACEPOINT ||
                   program->type() == abi::BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE;
  if (!raw) return fail(EINVAL);
  const std::string name = SKEP_TRY(call.caller.read_string(attr.name, kTracepointNameLength - 1));
  return publish(call, SKEP_TRY(call.attachments.tracepoints.raw_link(name, program, attr.cookie)));
}

}  // namespace skep::syscall
