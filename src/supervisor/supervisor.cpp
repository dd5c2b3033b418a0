#include "supervisor/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "attach/trace/tracepoint.h"
#include "base/rcu.h"
#include "supervisor/environment.h"
#include "supervisor/proc.h"
#include "supervisor/runtime_directory.h"
#include "supervisor/status.h"

namespace skep::supervisor {

namespace {

volatile sig_atomic_t command_pid = 0;

// What is sent to end us is meant for the command; what a terminal sends, the command gets itself.
void install_signals(pid_t command) {
  command_pid = command;
  struct sigaction forward{};
  forward.sa_handler = [](int number) { ::kill(command_pid, number); };
  ::sigaction(SIGTERM, &forward, nullptr);
  for (const int ignored : {SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGTSTP, SIGTTOU, SIGTTIN})
    ::signal(ignored, SIG_IGN);
}

void raise_fd_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// The status of the command as a shell shows it, once it has ended.
std::optional<int> reap(pid_t pid) {
  int status = 0;
  if (::waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

size_t open_fds() {
  size_t count = 0;
  for (int fd = 0; fd < 4096; ++fd)
    if (::fcntl(fd, F_GETFD) >= 0) ++count;
  return count;
}

}  // namespace

Supervisor::Supervisor(const SupervisorOptions& options)
    : options_(options), kernel_(options.kernel), attachments_(std::make_unique<attach::Attachments>()) {
  tasks_ = std::make_unique<Tasks>(attachments_->cgroups);
}

Result<int> Supervisor::run(const SupervisorOptions& options) {
  Supervisor supervisor(options);
  auto result = [&]() -> Result<int> {
    SKEP_TRY(supervisor.prepare());
    SKEP_TRY(supervisor.start());
    return supervisor.serve_until_done();
  }();
  supervisor.shut_down();
  return result;
}

Status Supervisor::prepare() {
  runtime_directory_ = SKEP_TRY(make_runtime_directory());
  broker_ = SKEP_TRY(objects::FdBroker::create(runtime_directory_, false));
  FileServices services;
  services.runtime_directory = runtime_directory_;
  services.kernel = &kernel_;
  services.broker = broker_.get();
  services.hierarchy = &attachments_->cgroups;
  services.tasks = tasks_.get();
  services.trace = &trace_;
  const FileMode mode = options_.files.value_or(mounts_allowed() ? FileMode::kMounts : FileMode::kPaths);
  files_ = SKEP_TRY(make_virtual_files(mode, services));
  traps_ = std::make_unique<TrapTable>(
      TrapOptions{.files = mode, .trace_all = options_.trace_all, .trace = options_.trace});
  return {};
}

Status Supervisor::start() {
  launched_ = SKEP_TRY(launch(options_.command, *files_, build_filter(traps_->entries())));
  raise_fd_limit();
  install_signals(launched_->pid);
  SKEP_TRY(tasks_->adopt(static_cast<uint32_t>(launched_->pid)));
  attachments_->tracepoints.on_change([this] { report_silent_tracepoints(); });
  listener_ = std::make_unique<Listener>(std::move(launched_->listener));
  workers_ = std::make_unique<Workers>(*listener_, [this](const Notification& n) { serve(n); });
  workers_->start();
  return {};
}

void Supervisor::serve(const Notification& notification) {
  Client client(*listener_, notification);
  if (attachments_->tracepoints.wants_syscall_enter(static_cast<uint64_t>(notification.nr)))
    fire_syscall_enter(client);
  const TrapHandler handler = traps_->find(notification.nr, notification.args);
  listener_->reply(notification.id, handler != nullptr ? handler(*this, client) : Outcome::proceed());
}

void Supervisor::fire_syscall_enter(Client& client) {
  // A link that the client closed just before this call is gone: close itself is not trapped.
  broker_->process_events();
  ClientEnvironment environment(*this, client);
  abi::pt_regs registers{};
  const auto& args = client.notification().args;
#if defined(__x86_64__)
  registers.di = args[0];
  registers.si = args[1];
  registers.dx = args[2];
  registers.r10 = args[3];
  registers.r8 = args[4];
  registers.r9 = args[5];
  registers.orig_ax = static_cast<uint64_t>(client.nr());
  registers.ax = static_cast<uint64_t>(-ENOSYS);
#endif
  attachments_->tracepoints.fire_syscall_enter(static_cast<uint64_t>(client.nr()), args, registers,
                                               environment);
}

void Supervisor::report_silent_tracepoints() {
  using attach::TracepointKind;
  std::lock_guard lock(report_mutex_);
  const auto all = attach::all_tracepoints();
  reported_tracepoints_.resize(all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const attach::Tracepoint& tracepoint = all[i];
    if (reported_tracepoints_[i] || !attachments_->tracepoints.wants(tracepoint)) continue;
    const char* why = nullptr;
    if (tracepoint.kind == TracepointKind::kSyscallEnter) {
      if (traps_->traps_all(tracepoint.syscall)) continue;
      why = "cannot fire for every call under this run; start with --trace";
    } else if (tracepoint.kind == TracepointKind::kRawSyscallEnter) {
      if (options_.trace_all) continue;
      why = "fires only for calls that skep traps; start with --trace all";
    } else if (tracepoint.kind != TracepointKind::kTracePrintk) {
      why = "cannot fire: skep sees the start of a syscall, not this event";
    } else {
      continue;
    }
    reported_tracepoints_[i] = true;
    std::fprintf(stderr, "skep: tracepoint %s/%s %s\n", std::string(tracepoint.system).c_str(),
                 tracepoint.name.c_str(), why);
  }
}

int Supervisor::serve_until_done() {
  auto status_server = StatusServer::create(runtime_directory_);
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, launched_->pid, 0)));
  std::optional<int> exit_status;
  enum { kListener, kBroker, kHangups, kStatus, kCommand, kCount };
  while (true) {
    pollfd fds[kCount] = {
        {listener_->fd(), 0, 0},
        {broker_->event_fd(), POLLIN, 0},
        {hangups_.event_fd(), POLLIN, 0},
        {status_server ? status_server->fd() : -1, POLLIN, 0},
        {exit_status ? -1 : pidfd.get(), POLLIN, 0},
    };
    // A slow reader of trace_pipe is looked after by the clock, the rest by events.
    const int timeout = trace_.flush() ? 20 : 500;
    if (::poll(fds, kCount, timeout) < 0 && errno != EINTR) break;
    if (!exit_status) exit_status = reap(launched_->pid);
    if (fds[kBroker].revents) broker_->process_events();
    if (fds[kHangups].revents) hangups_.process();
    if (fds[kStatus].revents) status_server->process([this] { return status(); });
    if (fds[kListener].revents & POLLHUP) break;
  }
  while (!exit_status) {
    exit_status = reap(launched_->pid);
    if (!exit_status) ::usleep(1000);
  }
  if (const int error = launched_->exec_error())
    std::fprintf(stderr, "skep: cannot run %s: %s\n", options_.command[0].c_str(), ::strerror(error));
  return *exit_status;
}

std::string Supervisor::status() const {
  return fmt::format(
      "{{\"pid\":{},\"command\":{},\"files\":\"{}\",\"programs\":{},\"maps\":{},\"links\":{},\"btfs\":{},"
      "\"fds\":{},\"pins\":{},\"open_files\":{},\"calls_in_service\":{},\"runtime_directory\":\"{}\"}}",
      ::getpid(), launched_->pid, files_->mode() == FileMode::kMounts ? "mounts" : "paths",
      const_cast<objects::Kernel&>(kernel_).programs().size(),
      const_cast<objects::Kernel&>(kernel_).maps().size(),
      const_cast<objects::Kernel&>(kernel_).links().size(),
      const_cast<objects::Kernel&>(kernel_).btfs().size(), broker_->size(), files_->pin_count(), open_fds(),
      workers_->busy(), runtime_directory_);
}

void Supervisor::shut_down() {
  if (workers_) workers_->stop();
  attachments_->tracepoints.on_change(nullptr);
  // Objects first: links refer to the attachments.
  files_.reset();
  broker_.reset();
  rcu_barrier_deferred();
  if (!runtime_directory_.empty()) remove_tree(runtime_directory_);
}

}  // namespace skep::supervisor
