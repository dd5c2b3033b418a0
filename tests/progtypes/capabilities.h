// The test's own thread with fewer capabilities for a while: what the live kernel then refuses.
#pragma once

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <initializer_list>

namespace skep::testing {

struct Capabilities {
  bool bpf = false;
  bool perfmon = false;
  bool net_admin = false;
};

// Keeps of CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN what is given and drops CAP_SYS_ADMIN, which stands for all
// three.
class ReducedCapabilities {
 public:
  explicit ReducedCapabilities(const Capabilities& keep) {
    get(saved_);
    __user_cap_data_struct now[2] = {saved_[0], saved_[1]};
    for (int capability : {CAP_SYS_ADMIN, CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN}) {
      const bool kept = (capability == CAP_BPF && keep.bpf) || (capability == CAP_PERFMON && keep.perfmon) ||
                        (capability == CAP_NET_ADMIN && keep.net_admin);
      if (!kept) now[capability / 32].effective &= ~(uint32_t{1} << capability % 32);
    }
    reduced_ = set(now);
  }
  ~ReducedCapabilities() { set(saved_); }
  ReducedCapabilities(const ReducedCapabilities&) = delete;
  ReducedCapabilities& operator=(const ReducedCapabilities&) = delete;
  bool reduced() const { return reduced_; }

 private:
  static void get(__user_cap_data_struct (&data)[2]) {
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    ::syscall(SYS_capget, &header, data);
  }
  static bool set(__user_cap_data_struct (&data)[2]) {
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    return ::syscall(SYS_capset, &header, data) == 0;
  }

  __user_cap_data_struct saved_[2] = {};
  bool reduced_ = false;
};

}  // namespace skep::testing
