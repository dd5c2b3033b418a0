#include "cli/host.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdarg>

#include "abi/bpf.h"
#include "attach/attachments.h"
#include "base/check.h"
#include "cli/environment.h"
#include "cli/load_time.h"
#include "syscall/bpf.h"
#include "syscall/local_caller.h"

namespace skep::cli {
namespace {

objects::KernelOptions configured;
uint64_t last_load_us = 0;
bool live_kernel = false;

TestEnvironment& environment() {
  static TestEnvironment instance;
  return instance;
}

}  // namespace

void use_live_kernel() { live_kernel = true; }
void reset_load_time() { last_load_us = 0; }
uint64_t load_time_us() { return last_load_us; }

void Host::configure(const objects::KernelOptions& options) { configured = options; }

Host& Host::instance() {
  static Host host;
  return host;
}

Host::Host()
    : kernel_(std::make_unique<objects::Kernel>(configured)),
      attachments_(std::make_unique<attach::Attachments>()) {
  auto caller = syscall::LocalCaller::create(environment());
  SKEP_CHECK(caller);
  caller_ = *std::move(caller);
}

long Host::bpf(int command, void* attribute, unsigned size) {
  const Result<int64_t> result =
      syscall::bpf(*kernel_, *attachments_, *caller_, command, reinterpret_cast<uint64_t>(attribute), size);
  if (result) return *result;
  errno = result.error().code;
  return -1;
}

namespace {

long bpf_anywhere(int command, void* attribute, unsigned size) {
  using std::chrono::steady_clock;
  const auto begin = steady_clock::now();
  const long result = live_kernel ? ::syscall(SYS_bpf, command, attribute, size)
                                  : Host::instance().bpf(command, attribute, size);
  if (command == abi::BPF_PROG_LOAD)
    last_load_us = static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - begin).count());
  return result;
}

}  // namespace
}  // namespace skep::cli

// What libbpf calls in place of syscall(2).
extern "C" long skep_libbpf_syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long args[6];
  for (long& argument : args) argument = va_arg(list, long);
  va_end(list);
  if (number == SYS_bpf)
    return skep::cli::bpf_anywhere(static_cast<int>(args[0]), reinterpret_cast<void*>(args[1]),
                                   static_cast<unsigned>(args[2]));
  return ::syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}
