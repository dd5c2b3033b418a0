// Host: the in-process kernel that `skep verify` and `skep test` load into. libbpf's bpf(2) calls arrive here.
#pragma once

#include <cstdint>
#include <memory>

#include "objects/kernel.h"

namespace skep::attach {
struct Attachments;
}
namespace skep::syscall {
class LocalCaller;
}

namespace skep::cli {

class Host {
 public:
  // Before the first use of instance().
  static void configure(const objects::KernelOptions& options);
  static Host& instance();

  objects::Kernel& kernel() { return *kernel_; }
  attach::Attachments& attachments() { return *attachments_; }
  syscall::LocalCaller& caller() { return *caller_; }

  // As syscall(2): -1 and errno on failure.
  long bpf(int command, void* attribute, unsigned size);

  // Time spent in PROG_LOAD since the reset; libbpf's feature probes come before the program's own load, so
  // this is the time of the last one.
  void reset_load_time() { load_time_us_ = 0; }
  uint64_t load_time_us() const { return load_time_us_; }

 private:
  Host();

  std::unique_ptr<objects::Kernel> kernel_;
  std::unique_ptr<attach::Attachments> attachments_;
  std::unique_ptr<syscall::LocalCaller> caller_;
  uint64_t load_time_us_ = 0;
};

}  // namespace skep::cli
