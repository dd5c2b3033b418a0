#include "supervisor/files/client_path.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <fstream>

namespace skep::supervisor {
namespace {

Result<std::string> read_link(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
  if (length < 0) return fail_last();
  return std::string(target, static_cast<size_t>(length));
}

}  // namespace

Result<std::string> absolute_path(Client& client, int directory_fd, const std::string& path) {
  if (path.starts_with('/')) return path;
  const std::string link =
      directory_fd == AT_FDCWD ? client.proc("cwd") : client.proc("fd/" + std::to_string(directory_fd));
  const std::string base = SKEP_TRY(read_link(link));
  if (!base.starts_with('/')) return fail(ENOTDIR);  // a pipe, a socket
  return path.empty() ? base : base + "/" + path;
}

Result<FileIdentityOfClient> file_identity(Client& client) {
  std::ifstream status(client.proc("status"));
  if (!status) return fail(ESRCH);
  FileIdentityOfClient identity;
  for (std::string line; std::getline(status, line);) {
    unsigned mask = 0, id = 0;
    if (std::sscanf(line.c_str(), "Umask: %o", &mask) == 1) identity.umask = mask;
    if (std::sscanf(line.c_str(), "Uid: %*u %*u %*u %u", &id) == 1) identity.fsuid = id;
    if (std::sscanf(line.c_str(), "Gid: %*u %*u %*u %u", &id) == 1) identity.fsgid = id;
  }
  return identity;
}

ActAsClient::ActAsClient(const FileIdentityOfClient& identity) {
  // Only a privileged supervisor has clients with other ids than its own.
  if (::geteuid() != 0 || (identity.fsuid == ::geteuid() && identity.fsgid == ::getegid())) return;
  ::setfsgid(identity.fsgid);
  ::setfsuid(identity.fsuid);
  changed_ = true;
}

ActAsClient::~ActAsClient() {
  if (!changed_) return;
  ::setfsuid(::geteuid());
  ::setfsgid(::getegid());
}

}  // namespace skep::supervisor
