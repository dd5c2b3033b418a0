// The two implementations of VirtualFiles: private mounts, and translated paths.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/files/real_files.h"
#include "supervisor/files/trees.h"

namespace skep::supervisor {
namespace {

Status write_text(const char* path, const std::string& text) {
  const UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file) return fail_last();
  if (::write(file.get(), text.data(), text.size()) < 0) return fail_last();
  return {};
}

// A mount namespace of our own; without CAP_SYS_ADMIN inside a user namespace that maps just our ids.
Status enter_mount_namespace() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWNS) != 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
      return fail(errno, "user namespaces are not allowed here");
    SKEP_TRY(write_text("/proc/self/setgroups", "deny"));
    SKEP_TRY(write_text("/proc/self/uid_map", fmt::format("{0} {0} 1\n", uid)));
    SKEP_TRY(write_text("/proc/self/gid_map", fmt::format("{0} {0} 1\n", gid)));
  }
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return fail(errno, "mounts are not allowed here");
  return {};
}

Status bind_trees(const std::string& runtime_directory) {
  for (const TreeRow& tree : trees()) {
    const std::string source = runtime_directory + "/" + std::string(tree.directory);
    if (::mount(source.c_str(), std::string(tree.mount_point).c_str(), nullptr, MS_BIND, nullptr) != 0)
      return fail(errno, fmt::format("cannot mount over {}", tree.mount_point));
  }
  return {};
}

class MountedFiles final : public RealFiles {
 public:
  static Result<std::unique_ptr<VirtualFiles>> create(const FileServices& services) {
    std::unique_ptr<MountedFiles> files(new MountedFiles(services));
    SKEP_TRY(files->make_trees());
    return files;
  }
  FileMode mode() const override { return FileMode::kMounts; }
  Status prepare_child() override {
    SKEP_TRY(enter_mount_namespace());
    return bind_trees(services_.runtime_directory);
  }
  Status finish_child(pid_t) override { return {}; }

 private:
  using RealFiles::RealFiles;
  bool reaches_files_itself() const override { return true; }
};

class TranslatedFiles final : public RealFiles {
 public:
  static Result<std::unique_ptr<VirtualFiles>> create(const FileServices& services) {
    std::unique_ptr<TranslatedFiles> files(new TranslatedFiles(services));
    SKEP_TRY(files->make_trees());
    return files;
  }
  FileMode mode() const override { return FileMode::kPaths; }
  Status prepare_child() override { return {}; }
  Status finish_child(pid_t) override { return {}; }

 private:
  using RealFiles::RealFiles;
  bool reaches_files_itself() const override { return false; }
};

}  // namespace

Result<std::unique_ptr<VirtualFiles>> make_virtual_files(FileMode mode, const FileServices& services) {
  return mode == FileMode::kMounts ? MountedFiles::create(services) : TranslatedFiles::create(services);
}

bool mounts_allowed() {
  // In a child, since namespaces cannot be left again; binding each mount point to itself tries everything.
  const pid_t child = ::fork();
  if (child < 0) return false;
  if (child == 0) {
    bool allowed = enter_mount_namespace().has_value();
    for (const TreeRow& tree : trees()) {
      const std::string point(tree.mount_point);
      allowed = allowed && ::mount("/tmp", point.c_str(), nullptr, MS_BIND, nullptr) == 0;
    }
    ::_exit(allowed ? 0 : 1);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace skep::supervisor
