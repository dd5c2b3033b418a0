// Pins: the objects that files of the virtual BPF file system stand for.
//
// A pin is an empty regular file; its identity (device, inode) names the object. The file may be renamed or
// hard-linked freely. When its last name is gone the pin is dropped: inotify reports the change of the link
// count, settle() acts on it. Thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "objects/kernel.h"
#include "objects/map_state.h"
#include "supervisor/client.h"

namespace skep::supervisor {

class Pins {
 public:
  Pins();

  // Creates the file. EEXIST, ENOENT, ... as open(O_CREAT|O_EXCL) answers.
  Status pin(const std::string& real_path, objects::Object object);
  // ENOENT: no such file. EACCES: a file that is no pin, or a directory.
  Result<objects::Object> get(const std::string& real_path) const;
  // Drops pins whose file is gone. One non-blocking read(2) when nothing happened.
  void settle();
  size_t count() const;

 private:
  struct Pin {
    objects::UserReference reference;  // a pin names its object as an fd does
    UniqueFd file;                     // O_PATH: keeps the inode number from being used again
    int watch = -1;
  };
  using Key = std::pair<uint64_t, uint64_t>;

  mutable std::mutex mutex_;
  std::map<Key, Pin> pins_;
  UniqueFd inotify_;
};

}  // namespace skep::supervisor
