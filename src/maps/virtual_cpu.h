// VirtualCpu: the CPU slot that a thread holds while it runs programs.
//
// A slot belongs to one thread at a time, so per-CPU values need no locks. Runs nest: an inner run on the
// same thread uses the outer one's slot. Taking a slot costs one compare-and-swap when the thread's last one
// is free; when all are taken the thread waits.
#pragma once

#include <cstdint>

namespace skep::maps {

class VirtualCpu {
 public:
  VirtualCpu();
  ~VirtualCpu();
  VirtualCpu(const VirtualCpu&) = delete;
  VirtualCpu& operator=(const VirtualCpu&) = delete;

  uint32_t number() const { return number_; }  // < possible_cpus()

 private:
  uint32_t number_;
};

}  // namespace skep::maps
