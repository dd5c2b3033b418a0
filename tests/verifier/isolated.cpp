#include "isolated.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace skep::testing {
namespace {

int64_t now_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

[[noreturn]] void answer(int fd, const std::function<std::string()>& function) {
  const std::string text = function();
  for (size_t done = 0; done < text.size();) {
    const ssize_t wrote = write(fd, text.data() + done, text.size() - done);
    if (wrote <= 0) _exit(3);
    done += static_cast<size_t>(wrote);
  }
  _exit(0);
}

}  // namespace

Isolated run_isolated(const std::function<std::string()>& function, int timeout_s) {
  Isolated result;
  int ends[2];
  if (pipe(ends) != 0) return {.failure = "no pipe"};
  fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    answer(ends[1], function);
  }
  close(ends[1]);
  const int64_t deadline = now_ms() + int64_t{timeout_s} * 1000;
  char buffer[65536];
  for (;;) {
    pollfd waiting = {.fd = ends[0], .events = POLLIN, .revents = 0};
    const int64_t left = deadline - now_ms();
    if (left <= 0 || poll(&waiting, 1, static_cast<int>(left)) == 0) {
      kill(child, SIGKILL);
      result.failure = fmt::format("no answer within {} s", timeout_s);
      break;
    }
    const ssize_t got = read(ends[0], buffer, sizeof(buffer));
    if (got <= 0) break;
    result.answer.append(buffer, static_cast<size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!result.failure.empty()) return result;
  if (WIFSIGNALED(status)) result.failure = fmt::format("killed by signal {}", WTERMSIG(status));
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
    result.failure = fmt::format("exit status {}", WEXITSTATUS(status));
  return result;
}

}  // namespace skep::testing
