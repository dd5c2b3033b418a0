#include "supervisor/files/real_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <optional>

#include "supervisor/files/client_path.h"
#include "supervisor/files/content.h"
#include "supervisor/files/proc_files.h"
#include "supervisor/files/tracing_tree.h"
#include "supervisor/sockets/rights.h"
#include "supervisor/trace_output.h"

namespace skep::supervisor {
namespace {

// The flags of a call that opens a file; nullopt for other calls.
std::optional<int> open_flags(Client& client) {
  switch (client.nr()) {
    case SYS_open:
      return static_cast<int>(client.arg(1));
    case SYS_openat:
      return static_cast<int>(client.arg(2));
    case SYS_creat:
      return O_CREAT | O_WRONLY | O_TRUNC;
    case SYS_openat2: {
      const auto how = client.read_object<open_how>(client.arg(2));
      return how ? static_cast<int>(how->flags) : 0;
    }
    default:
      return std::nullopt;
  }
}

Outcome opened(Result<UniqueFd> fd, int flags) {
  if (!fd) return Outcome::error(fd.error().code);
  return Outcome::descriptor(*std::move(fd), (flags & O_CLOEXEC) != 0);
}

bool makes_directory(int nr) { return nr == SYS_mkdir || nr == SYS_mkdirat; }
bool removes_directory(Client& client) {
  return client.nr() == SYS_rmdir || (client.nr() == SYS_unlinkat && (client.arg(2) & AT_REMOVEDIR));
}
bool removes_file(Client& client) {
  return client.nr() == SYS_unlink || (client.nr() == SYS_unlinkat && !(client.arg(2) & AT_REMOVEDIR));
}

// Calls whose answer is ours to give even where mounts let the client reach the file itself.
bool answered_by_us(int nr) {
  return nr == SYS_statfs || nr == SYS_fstatfs || nr == SYS_name_to_handle_at || nr == SYS_rename ||
         nr == SYS_renameat || nr == SYS_renameat2;
}

}  // namespace

Status RealFiles::make_trees() {
  for (const TreeRow& tree : trees()) {
    const std::string directory = services_.runtime_directory + "/" + std::string(tree.directory);
    if (tree.tree == Tree::kCgroup)
      cgroups_ = SKEP_TRY(CgroupTree::create(directory, *services_.hierarchy, *services_.tasks));
    else if (tree.tree == Tree::kBpf && ::mkdir(directory.c_str(), 0755) != 0)
      return fail_last();
    if (tree.tree == Tree::kTracing) SKEP_TRY(make_tracing_tree(directory));
  }
  return {};
}

Result<std::optional<TreePath>> RealFiles::tree_path(Client& client, int directory_fd,
                                                     const std::string& path) const {
  const std::string absolute = SKEP_TRY(absolute_path(client, directory_fd, path));
  return locate(absolute, services_.runtime_directory);
}

Outcome RealFiles::handle(Client& client) {
  const PathCall* call = find_path_call(client.nr());
  if (!call) return Outcome::proceed();
  const int directory_fd = call->directory_arg < 0 ? AT_FDCWD : client.fd_arg(call->directory_arg);
  const Result<std::string> path =
      call->path_arg < 0 ? Result<std::string>(std::string()) : client.read_path(client.arg(call->path_arg));
  if (!path) return Outcome::proceed();  // a bad pointer: the kernel says so itself
  const Result<std::string> absolute = absolute_path(client, directory_fd, *path);
  if (!absolute) return Outcome::proceed();
  const std::string plain = normalize(*absolute);
  if (plain.starts_with("/proc/")) settle();  // membership is read there
  if (const auto flags = open_flags(client))
    if (auto proc = open_proc_file(services_, client, plain, *flags)) return opened(*std::move(proc), *flags);
  const std::optional<TreePath> place = locate(plain, services_.runtime_directory);
  if (!place) return Outcome::proceed();
  const Result<FileIdentityOfClient> identity = file_identity(client);
  if (!identity) return Outcome::error(identity.error().code);
  const PathUse use{client, *place, *identity};
  if (auto outcome = special(*call, use)) return *std::move(outcome);
  if (reaches_files_itself() && !answered_by_us(client.nr())) return Outcome::proceed();
  const ActAsClient acting(*identity);
  const ClientRights rights(client);
  Outcome outcome = call->perform(use);
  if (removes_file(client)) pins_.settle();
  return outcome;
}

// What both modes must judge or compute.
std::optional<Outcome> RealFiles::special(const PathCall&, const PathUse& use) {
  Client& client = use.client;
  if (const auto flags = open_flags(client)) return special_open(use, *flags);
  if (use.path.tree == Tree::kCgroup) {
    if (makes_directory(client.nr())) {
      const ActAsClient acting(use.identity);
      const auto mode = static_cast<mode_t>(client.arg(client.nr() == SYS_mkdir ? 1 : 2));
      return Outcome::of(cgroups_->make(use.path, mode & ~use.identity.umask));
    }
    if (removes_directory(client)) {
      settle();
      const ActAsClient acting(use.identity);
      return Outcome::of(cgroups_->remove(use.path));
    }
    if (removes_file(client)) return Outcome::error(EPERM);
  }
  if (use.path.tree == Tree::kTracing &&
      (makes_directory(client.nr()) || removes_directory(client) || removes_file(client)))
    return Outcome::error(EPERM);
  return std::nullopt;
}

std::optional<Outcome> RealFiles::special_open(const PathUse& use, int flags) {
  const bool creates = (flags & O_CREAT) != 0;
  struct stat status;
  const bool exists = ::stat(use.path.real.c_str(), &status) == 0;
  if (creates && !exists) return Outcome::error(EACCES);  // none of the three lets a client create files
  if (use.path.tree == Tree::kCgroup) {
    const auto tgid = use.client.tgid();
    if (!tgid) return Outcome::error(tgid.error().code);
    const ActAsClient acting(use.identity);
    if (auto fd = cgroups_->open(use.path, flags, *tgid)) return opened(*std::move(fd), flags);
  }
  if (use.path.tree == Tree::kTracing && (flags & O_ACCMODE) == O_RDONLY && !(flags & O_PATH)) {
    if (use.path.inner == "/trace_pipe")
      return opened(services_.trace->open_reader((flags & O_NONBLOCK) != 0), flags);
    if (use.path.inner == "/trace") return opened(content_fd(services_.trace->snapshot()), flags);
  }
  return std::nullopt;
}

void RealFiles::settle() {
  pins_.settle();
  cgroups_->settle();
}

Status RealFiles::pin(Client& client, int directory_fd, const std::string& path, objects::Object object) {
  const std::optional<TreePath> place = SKEP_TRY(tree_path(client, directory_fd, path));
  if (!place || place->tree != Tree::kBpf) return fail(EPERM);
  const ActAsClient acting(SKEP_TRY(file_identity(client)));
  const ClientRights rights(client);
  return pins_.pin(place->real, std::move(object));
}

Result<objects::FdObject> RealFiles::get_pinned(Client& client, int directory_fd, const std::string& path) {
  pins_.settle();
  const std::optional<TreePath> place = SKEP_TRY(tree_path(client, directory_fd, path));
  if (!place) {
    // Linux looks the path up first: ENOENT for what is not there, EACCES for any other file.
    const std::string absolute = SKEP_TRY(absolute_path(client, directory_fd, path));
    struct stat status;
    return fail(::stat(absolute.c_str(), &status) == 0 ? EACCES : errno);
  }
  return objects::FdObject{SKEP_TRY(pins_.get(place->real))};
}

Result<Ref<attach::Cgroup>> RealFiles::cgroup_of_directory(const FileIdentity& identity) {
  return cgroups_->of_directory(identity);
}

}  // namespace skep::supervisor
