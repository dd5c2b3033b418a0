// Tracepoints: which programs run when a tracepoint fires. The host calls the fire functions; programs come
// by perf events (PERF_EVENT_IOC_SET_BPF or a perf_event link) and by raw_tracepoint links.
//
// Thread-safe. Firing takes no lock: program lists are swapped whole and read inside an RCU read section.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "abi/ctx.h"
#include "attach/trace/tracepoint.h"
#include "base/ref.h"
#include "base/result.h"
#include "helpers/run_context.h"
#include "objects/link.h"
#include "objects/perf_event.h"
#include "objects/program.h"

namespace skep::attach {

struct ExecEvent {
  std::string filename;
  uint32_t pid = 0, old_pid = 0;
};
struct ForkEvent {
  char parent_comm[16] = {};
  uint32_t parent_pid = 0;
  char child_comm[16] = {};
  uint32_t child_pid = 0;
};
struct ExitEvent {
  char comm[16] = {};
  uint32_t pid = 0;
  int32_t priority = 120;
  bool group_dead = false;
};

class Tracepoints {
 public:
  Tracepoints();
  ~Tracepoints();

  // perf_event_open with PERF_TYPE_TRACEPOINT and this config. ENOENT: no such tracepoint.
  Result<Ref<objects::PerfEvent>> open(uint32_t id);
  // Not yet published. ENOENT: no such raw tracepoint. EINVAL: the program's type.
  Result<Ref<objects::Link>> raw_link(std::string_view name, Ref<objects::Program> program, uint64_t cookie);
  // LINK_CREATE of a program and a perf event.
  Result<Ref<objects::Link>> perf_link(Ref<objects::PerfEvent> event, Ref<objects::Program> program,
                                       uint64_t cookie);

  // True when a program would run.
  bool wants(const Tracepoint& tracepoint) const;
  bool wants_syscall_enter(uint64_t nr) const;
  bool wants_syscall_exit(uint64_t nr) const;
  // Called (without locks) after the set of wanted tracepoints has changed.
  void on_change(std::function<void()> listener);

  // The event happens now, in the task of `env`. `regs` as at syscall entry.
  void fire_syscall_enter(uint64_t nr, std::span<const uint64_t, 6> args, const abi::pt_regs& regs,
                          helpers::RunEnvironment& env);
  void fire_syscall_exit(uint64_t nr, int64_t ret, const abi::pt_regs& regs, helpers::RunEnvironment& env);
  void fire_exec(const ExecEvent& event, helpers::RunEnvironment& env);
  void fire_fork(const ForkEvent& event, helpers::RunEnvironment& env);
  void fire_exit(const ExitEvent& event, helpers::RunEnvironment& env);

  struct Hook;  // programs of one tracepoint
  struct State;

 private:
  std::shared_ptr<State> state_;  // links and events keep it alive
};

}  // namespace skep::attach
