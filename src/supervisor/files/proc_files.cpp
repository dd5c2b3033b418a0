#include "supervisor/files/proc_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdio>
#include <string_view>
#include <vector>

#include "helpers/proto.h"
#include "objects/fd_broker.h"
#include "objects/kernel.h"
#include "supervisor/files/content.h"
#include "supervisor/files/fdinfo.h"
#include "supervisor/files/trees.h"
#include "supervisor/tasks.h"

namespace skep::supervisor {
namespace {

struct Request {
  const FileServices& services;
  Client& client;
  std::string path;                // with "self" and "thread-self" resolved
  std::vector<std::string> parts;  // what the stars of the pattern stood for
};

using Body = Result<std::string> (*)(const Request&);

// --- mounts ------------------------------------------------------------------------------------------

// Drops the lines of `native` that show our mount points (bind mounts of plain directories), then adds ours.
std::string replace_mounts(const std::string& native, size_t mount_column,
                           std::string (*line_of)(const TreeRow&)) {
  std::string text;
  for (size_t begin = 0; begin < native.size();) {
    const size_t end = std::min(native.find('\n', begin), native.size());
    const std::string_view line = std::string_view(native).substr(begin, end - begin);
    begin = end + 1;
    std::string_view rest = line;
    for (size_t column = 0; column < mount_column; ++column)
      rest.remove_prefix(std::min(rest.find(' ') + 1, rest.size()));
    const std::string_view mount_point = rest.substr(0, rest.find(' '));
    bool hidden = false;
    for (const TreeRow& tree : trees())
      hidden = hidden || mount_point == tree.mount_point ||
               mount_point.starts_with(std::string(tree.mount_point) + "/");
    if (!hidden) (text += line) += '\n';
  }
  for (const TreeRow& tree : trees()) text += line_of(tree);
  return text;
}

Result<std::string> mounts(const Request& request) {
  return replace_mounts(read_file(request.path), 1, [](const TreeRow& tree) {
    return fmt::format("{0} {1} {0} {2} 0 0\n", tree.file_system, tree.mount_point, tree.options);
  });
}

Result<std::string> mountinfo(const Request& request) {
  return replace_mounts(read_file(request.path), 4, [](const TreeRow& tree) {
    return fmt::format("{0} 1 0:{0} / {1} rw,relatime - {2} {2} {3}\n", 9000 + static_cast<int>(tree.tree),
                       tree.mount_point, tree.file_system, tree.options);
  });
}

// --- processes ---------------------------------------------------------------------------------------

Result<std::string> cgroup_membership(const Request& request) {
  if (read_file(request.path).empty()) return fail(ESRCH);
  const auto tgid = static_cast<uint32_t>(std::strtoul(request.parts.at(0).c_str(), nullptr, 10));
  return fmt::format("0::{}\n", request.services.tasks->cgroup_of(tgid)->path());
}

// ENODATA: not an object; the native file is right.
Result<std::string> fdinfo(const Request& request) {
  const std::string link = fmt::format("/proc/{}/fd/{}", request.parts.at(0), request.parts.at(1));
  struct stat status;
  if (::stat(link.c_str(), &status) != 0) return fail(ENODATA);
  const std::string native = read_file(request.path);
  unsigned flags = 0;
  if (const size_t at = native.find("flags:"); at != std::string::npos)
    std::sscanf(native.c_str() + at, "flags: %o", &flags);
  const auto found = request.services.broker->find({status.st_dev, status.st_ino}, static_cast<int>(flags));
  if (!found) return fail(ENODATA);
  return native + fdinfo_lines(found->object);
}

// --- symbols -----------------------------------------------------------------------------------------

// Helper N stands N bytes after __bpf_call_base, so that a dump's `call N` finds its name.
constexpr uint64_t kCallBase = 0xffffffff81000000;

Result<std::string> kallsyms(const Request&) {
  std::string text = fmt::format("{:016x} T __bpf_call_base\n", kCallBase);
  uint32_t last = 0;
  for (const helpers::HelperProto& helper : helpers::table()) {
    if (helper.id == last) continue;
    last = helper.id;
    text += fmt::format("{:016x} T bpf_{}\n", kCallBase + helper.id, helper.name);
  }
  return text;
}

// --- switches ----------------------------------------------------------------------------------------

Result<std::string> unprivileged_bpf_disabled(const Request& request) {
  return fmt::format("{}\n", request.services.kernel->unprivileged_bpf_disabled.load());
}
Result<std::string> bpf_stats_enabled(const Request& request) {
  return fmt::format("{}\n", request.services.kernel->bpf_stats_enabled().load() ? 1 : 0);
}
Result<std::string> bpf_jit_harden(const Request& request) {
  return fmt::format("{}\n", request.services.kernel->jit_harden.load());
}
Result<std::string> bpf_jit_enable(const Request& request) {
  return std::string(request.services.kernel->options().engine == exec::Engine::kJit ? "1\n" : "0\n");
}

struct ProcRow {
  std::string_view pattern;  // a star stands for one path component
  Body body;
};

constexpr ProcRow kProcFiles[] = {
    {"/proc/*/mounts", mounts},
    {"/proc/*/mountinfo", mountinfo},
    {"/proc/*/cgroup", cgroup_membership},
    {"/proc/*/fdinfo/*", fdinfo},
    {"/proc/kallsyms", kallsyms},
    {"/proc/sys/kernel/unprivileged_bpf_disabled", unprivileged_bpf_disabled},
    {"/proc/sys/kernel/bpf_stats_enabled", bpf_stats_enabled},
    {"/proc/sys/net/core/bpf_jit_harden", bpf_jit_harden},
    {"/proc/sys/net/core/bpf_jit_enable", bpf_jit_enable},
};

// Matches component by component, collecting what the stars stand for.
bool matches(std::string_view pattern, std::string_view path, std::vector<std::string>& parts) {
  parts.clear();
  while (!pattern.empty() && !path.empty()) {
    pattern.remove_prefix(1);
    path.remove_prefix(1);
    const std::string_view wanted = pattern.substr(0, pattern.find('/'));
    const std::string_view got = path.substr(0, path.find('/'));
    if (wanted == "*")
      parts.emplace_back(got);
    else if (wanted != got)
      return false;
    pattern.remove_prefix(wanted.size());
    path.remove_prefix(got.size());
  }
  return pattern.empty() && path.empty();
}

// "/proc/self/..." and "/proc/mounts" name the client's own files; we would read ours.
Result<std::string> resolve_self(Client& client, std::string path) {
  for (const std::string_view self : {"/proc/self/", "/proc/thread-self/", "/proc/mounts"}) {
    if (!path.starts_with(self)) continue;
    const std::string own = "/proc/" + std::to_string(SKEP_TRY(client.tgid())) + "/";
    return own + (self == "/proc/mounts" ? "mounts" : path.substr(self.size()));
  }
  return path;
}

}  // namespace

std::optional<Result<UniqueFd>> open_proc_file(const FileServices& services, Client& client,
                                               const std::string& absolute, int flags) {
  if (!absolute.starts_with("/proc/") || (flags & O_ACCMODE) != O_RDONLY || (flags & O_PATH))
    return std::nullopt;
  const Result<std::string> path = resolve_self(client, absolute);
  if (!path) return std::unexpected(path.error());
  for (const ProcRow& row : kProcFiles) {
    Request request{services, client, *path, {}};
    if (!matches(row.pattern, request.path, request.parts)) continue;
    const Result<std::string> body = row.body(request);
    if (!body && body.error().code == ENODATA) return std::nullopt;
    if (!body) return std::unexpected(body.error());
    return content_fd(*body);
  }
  return std::nullopt;
}

}  // namespace skep::supervisor
