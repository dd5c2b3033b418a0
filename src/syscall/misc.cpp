// PROG_BIND_MAP, ENABLE_STATS, TASK_FD_QUERY.
#include "syscall/handlers.h"

namespace skep::syscall {
namespace {

// What TASK_FD_QUERY says about an fd.
struct FdDescription {
  uint32_t program_id;
  uint32_t type;  // abi::BPF_FD_TYPE_*
  std::string name;
};

Result<FdDescription> describe(const objects::Object& object) {
  if (const auto* link = std::get_if<Ref<objects::Link>>(&object)) {
    if ((*link)->type() == abi::BPF_LINK_TYPE_RAW_TRACEPOINT)
      return FdDescription{(*link)->program()->id(), abi::BPF_FD_TYPE_RAW_TRACEPOINT,
                           (*link)->details().text};
    return fail(maps::kENotSupp);
  }
  if (const auto* event = std::get_if<Ref<objects::PerfEvent>>(&object)) {
    const auto program = (*event)->program();
    if (!program) return fail(ENOENT);
    return FdDescription{program->id(), abi::BPF_FD_TYPE_TRACEPOINT, (*event)->name()};
  }
  return fail(maps::kENotSupp);
}

// Linux's bpf_task_fd_query_copy.
Status give(Call& call, const abi::task_fd_query_attr& attr, const FdDescription& found) {
  SKEP_TRY(call.put(offsetof(abi::task_fd_query_attr, buf_len), static_cast<uint32_t>(found.name.size())));
  Status named;
  if (attr.buf_len != 0 && attr.buf != 0) {
    const bool cut = attr.buf_len < found.name.size() + 1;
    const std::string kept = cut ? found.name.substr(0, attr.buf_len - 1) : found.name;
    SKEP_TRY(call.caller.write(attr.buf, std::as_bytes(std::span(kept.c_str(), kept.size() + 1))));
    if (cut) named = fail(ENOSPC);
  }
  SKEP_TRY(call.put(offsetof(abi::task_fd_query_attr, prog_id), found.program_id));
  SKEP_TRY(call.put(offsetof(abi::task_fd_query_attr, fd_type), found.type));
  SKEP_TRY(call.put(offsetof(abi::task_fd_query_attr, probe_offset), uint64_t{0}));
  SKEP_TRY(call.put(offsetof(abi::task_fd_query_attr, probe_addr), uint64_t{0}));
  return named;
}

}  // namespace

Result<int64_t> prog_bind_map(Call& call) {
  const auto attr = call.as<abi::prog_bind_map_attr>();
  if (attr.flags != 0) return fail(EINVAL);
  const auto program = SKEP_TRY(get_object<objects::Program>(call.caller, static_cast<int>(attr.prog_fd)));
  program->bind_map(SKEP_TRY(get_map(call.caller, static_cast<int>(attr.map_fd))).map);
  return 0;
}

Result<int64_t> enable_stats(Call& call) {
  if (call.as<abi::enable_stats_attr>().type != abi::BPF_STATS_RUN_TIME) return fail(EINVAL);
  ++call.kernel.bpf_stats_enabled();
  auto fd = call.caller.install_notifier([enabled = call.kernel.bpf_stats_switch()] { --*enabled; });
  if (!fd) {
    --call.kernel.bpf_stats_enabled();
    return std::unexpected(fd.error());
  }
  return *fd;
}

Result<int64_t> task_fd_query(Call& call) {
  const auto attr = call.as<abi::task_fd_query_attr>();
  if (attr.flags != 0) return fail(EINVAL);
  const objects::Object object = SKEP_TRY(call.caller.object_of(attr.pid, static_cast<int>(attr.fd)));
  SKEP_TRY(give(call, attr, SKEP_TRY(describe(object))));
  return 0;
}

}  // namespace skep::syscall
