// Supervisor: the kernel of one process tree. The way in is run(): it starts the command and serves its tree
// until the last client is gone.
//
// One instance a process. Members that handlers use are thread-safe; they live until run() returns.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attach/attachments.h"
#include "base/result.h"
#include "objects/fd_broker.h"
#include "objects/kernel.h"
#include "supervisor/blocking.h"
#include "supervisor/files/virtual_files.h"
#include "supervisor/hangup.h"
#include "supervisor/launch.h"
#include "supervisor/tasks.h"
#include "supervisor/trace_output.h"
#include "supervisor/traps.h"
#include "supervisor/workers.h"

namespace skep::supervisor {

struct SupervisorOptions {
  std::vector<std::string> command;
  objects::KernelOptions kernel;
  std::optional<FileMode> files;  // none: mounts where allowed, else paths
  bool trace_all = false;
  std::vector<int> trace;  // syscall numbers
};

class Supervisor {
 public:
  // Runs the command. The value is what the shell would show as its status (128 + signal).
  static Result<int> run(const SupervisorOptions& options);

  objects::Kernel& kernel() { return kernel_; }
  attach::Attachments& attachments() { return *attachments_; }
  attach::Hierarchy& cgroups() { return attachments_->cgroups; }
  objects::FdBroker& broker() { return *broker_; }
  VirtualFiles& files() { return *files_; }
  Tasks& tasks() { return *tasks_; }
  TraceOutput& trace() { return trace_; }
  BlockedCalls& blocked() { return blocked_; }
  HangupWatch& hangups() { return hangups_; }
  Workers& workers() { return *workers_; }

  // What `skep status` shows: one JSON object.
  std::string status() const;

 private:
  explicit Supervisor(const SupervisorOptions& options);

  Status prepare();  // before the child: directories, files, filter
  Status start();
  int serve_until_done();
  void serve(const Notification& notification);
  void fire_syscall_enter(Client& client);
  void report_silent_tracepoints();
  void shut_down();

  const SupervisorOptions options_;
  std::string runtime_directory_;
  objects::Kernel kernel_;
  TraceOutput trace_;
  BlockedCalls blocked_;
  HangupWatch hangups_;
  std::unique_ptr<attach::Attachments> attachments_;
  std::unique_ptr<Tasks> tasks_;
  std::unique_ptr<objects::FdBroker> broker_;
  std::unique_ptr<VirtualFiles> files_;
  std::unique_ptr<TrapTable> traps_;
  std::optional<Launched> launched_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Workers> workers_;
  std::vector<bool> reported_tracepoints_;
  std::mutex report_mutex_;
};

}  // namespace skep::supervisor
