// From what a client passed (directory fd and path) to an absolute path, by text.
#pragma once

#include <string>

#include "base/result.h"
#include "supervisor/client.h"

namespace skep::supervisor {

// Absolute path of `path` as seen by the client; `directory_fd` may be AT_FDCWD. An empty path names the
// directory fd itself. Symbolic links are not followed but for the working directory's own.
Result<std::string> absolute_path(Client& client, int directory_fd, const std::string& path);

// The client's umask, and the ids it accesses files with.
struct FileIdentityOfClient {
  mode_t umask = 022;
  uint32_t fsuid = 0, fsgid = 0;
};
Result<FileIdentityOfClient> file_identity(Client& client);

// While it lives this thread accesses files with the client's ids. Changes nothing when they are ours.
class ActAsClient {
 public:
  explicit ActAsClient(const FileIdentityOfClient& identity);
  ~ActAsClient();
  ActAsClient(const ActAsClient&) = delete;
  ActAsClient& operator=(const ActAsClient&) = delete;

 private:
  bool changed_ = false;
};

}  // namespace skep::supervisor
