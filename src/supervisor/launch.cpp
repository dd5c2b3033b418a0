#include "supervisor/launch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "abi/seccomp.h"

namespace skep::supervisor {

struct SharedPage {
  enum Step : int { kStart, kPrepared, kGo, kListening, kFailed, kExecFailed };
  std::atomic<int> step{kStart};
  std::atomic<int> listener{-1};
  std::atomic<int> error{0};
  char text[512] = {};

  // Without futexes: the filter may trap any syscall by now.
  int wait_past(int step_now, pid_t child) {
    while (step.load(std::memory_order_acquire) == step_now) {
      if (child > 0 && ::waitpid(child, nullptr, WNOHANG) == child) return kFailed;
      ::usleep(100);
    }
    return step.load(std::memory_order_acquire);
  }
  void fail(int code, const std::string& message) {
    std::strncpy(text, message.c_str(), sizeof text - 1);
    error = code;
    step.store(kFailed, std::memory_order_release);
  }
};

namespace {

int install_filter(const std::vector<abi::sock_filter>& filter) {
  abi::sock_fprog program{static_cast<uint16_t>(filter.size()), const_cast<abi::sock_filter*>(filter.data())};
  const unsigned listener = abi::SECCOMP_FILTER_FLAG_NEW_LISTENER;
  const unsigned killable = abi::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;  // since 5.19
  long fd = ::syscall(SYS_seccomp, abi::SECCOMP_SET_MODE_FILTER, listener | killable, &program);
  if (fd < 0 && errno == EINVAL)
    fd = ::syscall(SYS_seccomp, abi::SECCOMP_SET_MODE_FILTER, listener, &program);
  return static_cast<int>(fd);
}

[[noreturn]] void run_child(const std::vector<std::string>& command, VirtualFiles& files,
                            const std::vector<abi::sock_filter>& filter, SharedPage& page) {
  const auto give_up = [&](int code, const std::string& message) {
    page.fail(code, message);
    ::_exit(126);
  };
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);

  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (auto prepared = files.prepare_child(); !prepared)
    give_up(prepared.error().code, "virtual files: " + prepared.error().message);
  page.step.store(SharedPage::kPrepared, std::memory_order_release);
  page.wait_past(SharedPage::kPrepared, 0);

  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(errno, "no_new_privs");
  ::prctl(PR_SET_PDEATHSIG, 0);
  const int listener = install_filter(filter);
  if (listener < 0)
    give_up(errno, errno == EBUSY ? "seccomp: this process already has a supervisor" : "seccomp filter");
  page.listener = listener;
  page.step.store(SharedPage::kListening, std::memory_order_release);
  ::execvp(arguments[0], arguments.data());
  page.error = errno;
  page.step.store(SharedPage::kExecFailed, std::memory_order_release);
  ::_exit(page.error == ENOENT ? 127 : 126);
}

std::shared_ptr<SharedPage> make_page() {
  void* memory =
      ::mmap(nullptr, sizeof(SharedPage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  return {new (memory) SharedPage, [](SharedPage* page) { ::munmap(page, sizeof(SharedPage)); }};
}

}  // namespace

int Launched::exec_error() const {
  return page->step.load(std::memory_order_acquire) == SharedPage::kExecFailed ? page->error.load() : 0;
}

Result<Launched> launch(const std::vector<std::string>& command, VirtualFiles& files,
                        const std::vector<abi::sock_filter>& filter) {
  Launched launched;
  launched.page = make_page();
  if (!launched.page) return fail_last();
  SharedPage& page = *launched.page;

  const long pid = ::syscall(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid < 0) return fail(errno, "fork");
  if (pid == 0) run_child(command, files, filter, page);
  launched.pid = static_cast<pid_t>(pid);
  // Clients of our own uid may not read our memory or fds.
  ::prctl(PR_SET_DUMPABLE, 0);

  const auto failed = [&]() -> std::unexpected<Error> {
    ::kill(launched.pid, SIGKILL);
    ::waitpid(launched.pid, nullptr, 0);
    const int code = page.error.load() != 0 ? page.error.load() : ECHILD;
    return fail(code, page.text[0] != '\0' ? std::string(page.text) : "the child died before it began");
  };
  if (page.wait_past(SharedPage::kStart, launched.pid) != SharedPage::kPrepared) return failed();
  if (auto finished = files.finish_child(launched.pid); !finished) {
    page.fail(finished.error().code, "virtual files: " + finished.error().message);
    return failed();
  }
  page.step.store(SharedPage::kGo, std::memory_order_release);
  page.wait_past(SharedPage::kGo, launched.pid);
  if (page.listener.load() < 0) return failed();
  launched.listener.reset(page.listener.load());
  return launched;
}

}  // namespace skep::supervisor
