#include "supervisor/sockets/rights.h"

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

#include "base/check.h"
#include "supervisor/proc.h"

namespace skep::supervisor {

namespace {

// Effective capabilities of the calling thread; the rest is left as it is by set_effective.
struct Capabilities {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};

  void load() { SKEP_CHECK(::syscall(SYS_capget, &header, data) == 0); }
  uint64_t effective() const { return data[0].effective | static_cast<uint64_t>(data[1].effective) << 32; }
  void set_effective(uint64_t bits) {
    data[0].effective = static_cast<uint32_t>(bits);
    data[1].effective = static_cast<uint32_t>(bits >> 32);
    SKEP_CHECK(::syscall(SYS_capset, &header, data) == 0);
  }
};

bool same_user_namespace(Client& client) {
  struct stat ours, theirs;
  return ::stat("/proc/self/ns/user", &ours) == 0 && ::stat(client.proc("ns/user").c_str(), &theirs) == 0 &&
         ours.st_ino == theirs.st_ino;
}

// A client in a user namespace of its own has its capabilities only there, where we, as the owner of that
// namespace, have them without any being effective here.
uint64_t effective_of(Client& client) {
  if (!same_user_namespace(client)) return 0;
  const auto status = read_small_file(client.proc("status"));
  return status ? std::strtoull(status_field(*status, "CapEff:").c_str(), nullptr, 16) : 0;
}

}  // namespace

ClientRights::ClientRights(Client& client, uint64_t keep) {
  Capabilities own;
  own.load();
  before_ = own.effective();
  if (before_ == 0) return;
  const uint64_t common = before_ & (effective_of(client) | keep);
  if (common == before_) return;
  own.set_effective(common);
  changed_ = true;
}

ClientRights::~ClientRights() {
  if (!changed_) return;
  Capabilities own;
  own.load();
  own.set_effective(before_);
}

}  // namespace skep::supervisor
