#include "supervisor/files/pins.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <vector>

#include "base/check.h"

namespace skep::supervisor {
Pins::Pins() : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) { SKEP_CHECK(inotify_); }

Status Pins::pin(const std::string& real_path, objects::Object object) {
  UniqueFd created(::open(real_path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (!created) return fail_last();
  const std::string self = "/proc/self/fd/" + std::to_string(created.get());
  Pin pin{objects::UserReference(std::move(object)), UniqueFd(::open(self.c_str(), O_PATH | O_CLOEXEC)), -1};
  if (!pin.file) return fail_last();
  pin.watch = ::inotify_add_watch(inotify_.get(), self.c_str(), IN_ATTRIB);
  if (pin.watch < 0) {
    const Error error = Error::last();
    ::unlink(real_path.c_str());
    return std::unexpected(error);
  }
  const FileIdentity identity = SKEP_TRY(identity_of(pin.file.get()));
  const std::lock_guard lock(mutex_);
  pins_.insert_or_assign(Key{identity.device, identity.inode}, std::move(pin));
  return {};
}

Result<objects::Object> Pins::get(const std::string& real_path) const {
  struct stat status;
  if (::stat(real_path.c_str(), &status) != 0) return fail_last();
  const std::lock_guard lock(mutex_);
  const auto found = pins_.find(Key{status.st_dev, status.st_ino});
  if (found == pins_.end()) return fail(EACCES);
  return found->second.reference.object();
}

void Pins::settle() {
  alignas(inotify_event) char events[4096];
  bool changed = false;
  while (::read(inotify_.get(), events, sizeof events) > 0) changed = true;
  if (!changed) return;
  std::vector<Pin> dropped;  // objects die outside the lock
  {
    const std::lock_guard lock(mutex_);
    for (auto it = pins_.begin(); it != pins_.end();) {
      struct stat status;
      if (::fstat(it->second.file.get(), &status) == 0 && status.st_nlink == 0) {
        ::inotify_rm_watch(inotify_.get(), it->second.watch);
        dropped.push_back(std::move(it->second));
        it = pins_.erase(it);
      } else {
        ++it;
      }
    }
  }
}

size_t Pins::count() const {
  const std::lock_guard lock(mutex_);
  return pins_.size();
}

}  // namespace skep::supervisor
