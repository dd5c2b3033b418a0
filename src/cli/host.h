// Host: the in-process kernel that `skep verify` and `skep test` load into. libbpf's bpf(2) calls arrive
// here.
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

 private:
  Host();

  std::unique_ptr<objects::Kernel> kernel_;
  std::unique_ptr<attach::Attachments> attachments_;
  std::unique_ptr<syscall::LocalCaller> caller_;
};

}  // namespace skep::cli
