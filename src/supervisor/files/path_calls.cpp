#include "supervisor/files/path_calls.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstring>
#include <vector>

namespace skep::supervisor {
namespace {

template <class... Args>
Outcome call(long number, Args... args) {
  const long result = ::syscall(number, args...);
  return result < 0 ? Outcome::error(errno) : Outcome::returns(result);
}

const char* real(const PathUse& use) { return use.path.real.c_str(); }
int flag_arg(const PathUse& use, int index) { return static_cast<int>(use.client.arg(index)); }

// Runs a call that fills `Buffer`, then copies it to the client's address in argument `index`.
template <class Buffer, class Call>
Outcome fill(const PathUse& use, int index, Call&& make) {
  Buffer buffer{};
  if (make(&buffer) < 0) return Outcome::error(errno);
  return Outcome::of(use.client.write_object(use.client.arg(index), buffer));
}

// --- opening ------------------------------------------------------------------------------------------

constexpr int kWithPath = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;  // all that counts beside O_PATH
constexpr int kOpenFlags = kWithPath | O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
                           O_NONBLOCK | O_SYNC | O_ASYNC | O_DIRECT | O_NOATIME;

// The client gets what is opened here, so a symbolic link that it made must not lead out of the tree: its
// "/proc/self/mem" would be ours.
Outcome open_file(const PathUse& use, int flags, mode_t mode) {
  const std::string& whole = use.path.real;
  const bool is_root = use.path.inner == "/";
  const std::string root = whole.substr(0, whole.size() - (is_root ? 0 : use.path.inner.size()));
  const UniqueFd tree(::open(root.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!tree) return Outcome::error(errno);
  open_how how{};
  how.flags =
      static_cast<uint64_t>((flags & O_PATH) ? (flags & kWithPath) : (flags & kOpenFlags) | O_NOCTTY) |
      O_CLOEXEC;
  how.mode = (how.flags & O_CREAT) ? mode & 07777 & ~use.identity.umask : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const char* below = is_root ? "." : use.path.inner.c_str() + 1;
  UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, tree.get(), below, &how, sizeof how)));
  if (!fd) return Outcome::error(errno);
  return Outcome::descriptor(std::move(fd), (flags & O_CLOEXEC) != 0);
}

Outcome do_open(const PathUse& use) {
  return open_file(use, flag_arg(use, 1), static_cast<mode_t>(use.client.arg(2)));
}
Outcome do_openat(const PathUse& use) {
  return open_file(use, flag_arg(use, 2), static_cast<mode_t>(use.client.arg(3)));
}
Outcome do_creat(const PathUse& use) {
  return open_file(use, O_CREAT | O_WRONLY | O_TRUNC, static_cast<mode_t>(use.client.arg(1)));
}
Outcome do_openat2(const PathUse& use) {
  if (use.client.arg(3) < sizeof(open_how)) return Outcome::error(EINVAL);
  const auto how = use.client.read_object<open_how>(use.client.arg(2));
  if (!how) return Outcome::error(how.error().code);
  return open_file(use, static_cast<int>(how->flags), static_cast<mode_t>(how->mode));
}

// --- asking -------------------------------------------------------------------------------------------

Outcome stat_with(const PathUse& use, int buffer_arg, int flags) {
  return fill<struct stat>(use, buffer_arg,
                           [&](struct stat* out) { return ::fstatat(AT_FDCWD, real(use), out, flags); });
}
Outcome do_stat(const PathUse& use) { return stat_with(use, 1, 0); }
Outcome do_lstat(const PathUse& use) { return stat_with(use, 1, AT_SYMLINK_NOFOLLOW); }
Outcome do_newfstatat(const PathUse& use) { return stat_with(use, 2, flag_arg(use, 3) & ~AT_EMPTY_PATH); }
Outcome do_statx(const PathUse& use) {
  return fill<struct statx>(use, 4, [&](struct statx* out) {
    return ::statx(AT_FDCWD, real(use), flag_arg(use, 2) & ~AT_EMPTY_PATH,
                   static_cast<unsigned>(use.client.arg(3)), out);
  });
}
Outcome do_access(const PathUse& use) { return call(SYS_access, real(use), flag_arg(use, 1)); }
Outcome do_faccessat(const PathUse& use) {
  return call(SYS_faccessat, AT_FDCWD, real(use), flag_arg(use, 2));
}
Outcome do_faccessat2(const PathUse& use) {
  return call(SYS_faccessat2, AT_FDCWD, real(use), flag_arg(use, 2), flag_arg(use, 3) & ~AT_EMPTY_PATH);
}
Outcome read_link_to(const PathUse& use, int buffer_arg) {
  std::array<char, PATH_MAX> target{};
  const auto limit = std::min<uint64_t>(use.client.arg(buffer_arg + 1), target.size());
  const ssize_t length = ::readlink(real(use), target.data(), limit);
  if (length < 0) return Outcome::error(errno);
  const Status written = use.client.write(
      use.client.arg(buffer_arg), std::as_bytes(std::span(target.data(), static_cast<size_t>(length))));
  return written ? Outcome::returns(length) : Outcome::error(written.error().code);
}
Outcome do_readlink(const PathUse& use) { return read_link_to(use, 1); }
Outcome do_readlinkat(const PathUse& use) { return read_link_to(use, 2); }

// The file system a tree pretends to be.
Outcome do_statfs(const PathUse& use) {
  return fill<struct statfs>(use, 1, [&](struct statfs* out) {
    out->f_type = row(use.path.tree).magic;
    out->f_bsize = out->f_frsize = 4096;
    out->f_namelen = 255;
    return 0;
  });
}

// kernfs's handle of a cgroup directory: its 64-bit id.
Outcome do_name_to_handle_at(const PathUse& use) {
  constexpr int kFileIdKernfs = 0xfe;
  struct Handle {
    uint32_t bytes;
    int32_t type;
    uint64_t id;
  } __attribute__((packed));
  if (use.path.tree != Tree::kCgroup) return Outcome::error(EOPNOTSUPP);
  struct stat status;
  if (::stat(real(use), &status) != 0) return Outcome::error(errno);
  const auto asked = use.client.read_object<uint32_t>(use.client.arg(2));
  if (!asked) return Outcome::error(asked.error().code);
  const Handle handle{sizeof(uint64_t), kFileIdKernfs, status.st_ino};
  const bool fits = *asked >= sizeof(uint64_t);
  const auto bytes = std::as_bytes(std::span(&handle, 1)).first(fits ? sizeof handle : sizeof(uint32_t));
  Status written = use.client.write(use.client.arg(2), bytes);
  if (written)
    written = use.client.write_object(use.client.arg(3), int32_t{9000 + static_cast<int>(use.path.tree)});
  if (!written) return Outcome::error(written.error().code);
  return fits ? Outcome::returns(0) : Outcome::error(EOVERFLOW);
}

Outcome get_attribute(const PathUse& use, long number) {
  const auto name = use.client.read_string(use.client.arg(1), XATTR_NAME_MAX + 1);
  if (!name) return Outcome::error(name.error().code);
  std::vector<std::byte> value(std::min<uint64_t>(use.client.arg(3), XATTR_SIZE_MAX));
  const long length = ::syscall(number, real(use), name->c_str(), value.data(), value.size());
  if (length < 0) return Outcome::error(errno);
  if (!value.empty())
    if (const Status written =
            use.client.write(use.client.arg(2), std::span(value).first(static_cast<size_t>(length)));
        !written)
      return Outcome::error(written.error().code);
  return Outcome::returns(length);
}
Outcome do_getxattr(const PathUse& use) { return get_attribute(use, SYS_getxattr); }
Outcome do_lgetxattr(const PathUse& use) { return get_attribute(use, SYS_lgetxattr); }
Outcome do_listxattr(const PathUse&) { return Outcome::returns(0); }

// A watch is made on the client's own inotify instance, through a duplicate.
Outcome do_inotify_add_watch(const PathUse& use) {
  const auto inotify = use.client.duplicate_fd(use.client.fd_arg(0));
  if (!inotify) return Outcome::error(inotify.error().code);
  return call(SYS_inotify_add_watch, inotify->get(), real(use), static_cast<uint32_t>(use.client.arg(2)));
}

// --- changing -----------------------------------------------------------------------------------------

Outcome do_unlink(const PathUse& use) { return call(SYS_unlink, real(use)); }
Outcome do_rmdir(const PathUse& use) { return call(SYS_rmdir, real(use)); }
Outcome do_unlinkat(const PathUse& use) { return call(SYS_unlinkat, AT_FDCWD, real(use), flag_arg(use, 2)); }
Outcome do_mkdir(const PathUse& use) {
  return call(SYS_mkdir, real(use), use.client.arg(1) & ~use.identity.umask);
}
Outcome do_mkdirat(const PathUse& use) {
  return call(SYS_mkdir, real(use), use.client.arg(2) & ~use.identity.umask);
}
Outcome do_chmod(const PathUse& use) { return call(SYS_chmod, real(use), use.client.arg(1)); }
Outcome do_fchmodat(const PathUse& use) { return call(SYS_chmod, real(use), use.client.arg(2)); }
Outcome do_chown(const PathUse& use) {
  return call(SYS_chown, real(use), use.client.arg(1), use.client.arg(2));
}
Outcome do_fchownat(const PathUse& use) {
  return call(SYS_fchownat, AT_FDCWD, real(use), use.client.arg(2), use.client.arg(3),
              flag_arg(use, 4) & ~AT_EMPTY_PATH);
}
Outcome do_utimensat(const PathUse& use) {
  std::array<timespec, 2> times{};
  if (use.client.arg(2) != 0)
    if (const Status got = use.client.read(use.client.arg(2), std::as_writable_bytes(std::span(times))); !got)
      return Outcome::error(got.error().code);
  return call(SYS_utimensat, AT_FDCWD, real(use), use.client.arg(2) ? times.data() : nullptr,
              flag_arg(use, 3));
}

// Renames stay inside the BPF file system; the other trees refuse them, and so do renames across trees.
Outcome rename_to(const PathUse& use, int new_directory, uint64_t new_path, unsigned flags) {
  if (use.path.tree != Tree::kBpf) return Outcome::error(EPERM);
  const auto text = use.client.read_path(new_path);
  if (!text) return Outcome::error(text.error().code);
  const auto absolute = absolute_path(use.client, new_directory, *text);
  if (!absolute) return Outcome::error(absolute.error().code);
  const std::string runtime =
      use.path.real.substr(0, use.path.real.size() - (use.path.inner == "/" ? 0 : use.path.inner.size()) -
                                  row(use.path.tree).directory.size() - 1);
  const auto target = locate(*absolute, runtime);
  if (!target || target->tree != use.path.tree) return Outcome::error(EXDEV);
  return call(SYS_renameat2, AT_FDCWD, real(use), AT_FDCWD, target->real.c_str(), flags);
}
Outcome do_rename(const PathUse& use) { return rename_to(use, AT_FDCWD, use.client.arg(1), 0); }
Outcome do_renameat(const PathUse& use) { return rename_to(use, use.client.fd_arg(2), use.client.arg(3), 0); }
Outcome do_renameat2(const PathUse& use) {
  return rename_to(use, use.client.fd_arg(2), use.client.arg(3), static_cast<unsigned>(use.client.arg(4)));
}

// A supervisor cannot change another process's working directory; open and fchdir can, and do.
Outcome do_chdir(const PathUse&) { return Outcome::error(EACCES); }

constexpr auto kPathsOnly = Trapped::kPathsOnly;
constexpr auto kAlways = Trapped::kAlways;

constexpr PathCall kPathCalls[] = {
    {SYS_open, -1, 0, kAlways, do_open},
    {SYS_openat, 0, 1, kAlways, do_openat},
    {SYS_openat2, 0, 1, kAlways, do_openat2},
    {SYS_creat, -1, 0, kAlways, do_creat},
    {SYS_mkdir, -1, 0, kAlways, do_mkdir},
    {SYS_mkdirat, 0, 1, kAlways, do_mkdirat},
    {SYS_rmdir, -1, 0, kAlways, do_rmdir},
    {SYS_unlinkat, 0, 1, kAlways, do_unlinkat},
    {SYS_statfs, -1, 0, kAlways, do_statfs},
    {SYS_fstatfs, 0, -1, kAlways, do_statfs},
    {SYS_name_to_handle_at, 0, 1, kAlways, do_name_to_handle_at},
    {SYS_rename, -1, 0, kAlways, do_rename},
    {SYS_renameat, 0, 1, kAlways, do_renameat},
    {SYS_renameat2, 0, 1, kAlways, do_renameat2},
    {SYS_unlink, -1, 0, kPathsOnly, do_unlink},
    {SYS_stat, -1, 0, kPathsOnly, do_stat},
    {SYS_lstat, -1, 0, kPathsOnly, do_lstat},
    {SYS_newfstatat, 0, 1, kPathsOnly, do_newfstatat},
    {SYS_statx, 0, 1, kPathsOnly, do_statx},
    {SYS_access, -1, 0, kPathsOnly, do_access},
    {SYS_faccessat, 0, 1, kPathsOnly, do_faccessat},
    {SYS_faccessat2, 0, 1, kPathsOnly, do_faccessat2},
    {SYS_readlink, -1, 0, kPathsOnly, do_readlink},
    {SYS_readlinkat, 0, 1, kPathsOnly, do_readlinkat},
    {SYS_getxattr, -1, 0, kPathsOnly, do_getxattr},
    {SYS_lgetxattr, -1, 0, kPathsOnly, do_lgetxattr},
    {SYS_listxattr, -1, 0, kPathsOnly, do_listxattr},
    {SYS_llistxattr, -1, 0, kPathsOnly, do_listxattr},
    {SYS_chmod, -1, 0, kPathsOnly, do_chmod},
    {SYS_fchmodat, 0, 1, kPathsOnly, do_fchmodat},
    {SYS_chown, -1, 0, kPathsOnly, do_chown},
    {SYS_fchownat, 0, 1, kPathsOnly, do_fchownat},
    {SYS_utimensat, 0, 1, kPathsOnly, do_utimensat},
    {SYS_inotify_add_watch, -1, 1, kPathsOnly, do_inotify_add_watch},
    {SYS_chdir, -1, 0, kPathsOnly, do_chdir},
};

}  // namespace

std::span<const PathCall> path_calls() { return kPathCalls; }

const PathCall* find_path_call(int nr) {
  for (const PathCall& row : kPathCalls)
    if (row.nr == nr) return &row;
  return nullptr;
}

}  // namespace skep::supervisor
