// PerfEvent: what perf_event_open hands out for a tracepoint: a name for "programs run when it fires".
//
// The attach layer derives from it; the program is set by PERF_EVENT_IOC_SET_BPF or by a perf_event link.
#pragma once

#include <cstdint>
#include <string>

#include "base/ref.h"
#include "base/result.h"

namespace skep::objects {

class Program;

class PerfEvent : public RefCounted {
 public:
  virtual const std::string& name() const = 0;  // "sys_enter_execve"
  virtual uint32_t tracepoint_id() const = 0;   // config of perf_event_attr, the tracepoint's `id` file
  // EEXIST: has a program, or the tracepoint runs that program already. E2BIG: 64 programs. EINVAL: other
  // type.
  virtual Status set_program(Ref<Program> program, uint64_t cookie) = 0;
  virtual void clear_program() = 0;
  virtual Ref<Program> program() const = 0;  // null when none
};

}  // namespace skep::objects
