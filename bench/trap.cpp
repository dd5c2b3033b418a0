// What a trapped syscall costs: microseconds a call, natively and under `skep run`, and the ratio.
//
// Usage: bench_trap SKEP-BINARY. It runs itself with --measure, once plainly and once as a client.
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <time.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "abi/bpf.h"
#include "abi/bpf_attr.h"

namespace {

using namespace skep;

double now_us() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// The best of five rounds, since anything else on the machine only adds.
template <class Call>
void measure(const char* name, Call call) {
  constexpr int kCalls = 20000, kRounds = 5;
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const double begin = now_us();
    for (int i = 0; i < kCalls; ++i) call();
    best = std::min(best, (now_us() - begin) / kCalls);
  }
  std::printf("%s\t%.3f\n", name, best);
}

int make_map() {
  abi::map_create_attr attr{};
  attr.map_type = abi::BPF_MAP_TYPE_HASH;
  attr.key_size = 4;
  attr.value_size = 8;
  attr.max_entries = 16;
  return static_cast<int>(::syscall(SYS_bpf, abi::BPF_MAP_CREATE, &attr, sizeof attr));
}

void measure_all() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  const int epoll = ::epoll_create1(0);
  const int map = make_map();
  measure("getppid, not trapped", [] { ::syscall(SYS_getppid); });
  measure("ioctl, tested and not trapped", [&] { ::syscall(SYS_ioctl, socket, 0, 0); });
  measure("kill, trapped for tracing", [] { ::syscall(SYS_kill, 0, 999); });
  measure("getsockopt, no hook attached", [&] {
    int value;
    socklen_t length = sizeof value;
    ::getsockopt(socket, SOL_SOCKET, SO_TYPE, &value, &length);
  });
  measure("bind, no hook attached", [&] { ::syscall(SYS_bind, socket, nullptr, 0); });
  measure("epoll_ctl on a socket", [&] { ::epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nullptr); });
  if (map < 0) return;
  uint32_t key = 1;
  uint64_t value = 1;
  abi::map_elem_attr attr{};
  attr.map_fd = static_cast<uint32_t>(map);
  attr.key = reinterpret_cast<uint64_t>(&key);
  attr.value = reinterpret_cast<uint64_t>(&value);
  ::syscall(SYS_bpf, abi::BPF_MAP_UPDATE_ELEM, &attr, sizeof attr);
  measure("bpf, map lookup", [&] { ::syscall(SYS_bpf, abi::BPF_MAP_LOOKUP_ELEM, &attr, sizeof attr); });
}

std::vector<std::pair<std::string, double>> run(const std::string& command) {
  std::vector<std::pair<std::string, double>> rows;
  FILE* output = ::popen(command.c_str(), "r");
  char line[256];
  while (output != nullptr && std::fgets(line, sizeof line, output) != nullptr)
    if (char* tab = std::strchr(line, '\t')) rows.emplace_back(std::string(line, tab), std::atof(tab + 1));
  if (output != nullptr) ::pclose(output);
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--measure") == 0) {
    measure_all();
    return 0;
  }
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s SKEP-BINARY\n", argv[0]);
    return 2;
  }
  const std::string self = fmt::format("'{}' --measure", argv[0]);
  const auto native_rows = run(self);
  std::map<std::string, double> native(native_rows.begin(), native_rows.end());
  fmt::print("{:<34}{:>12}{:>12}{:>8}\n", "us a call", "native", "skep run", "ratio");
  for (const auto& [name, time] : run(fmt::format("'{}' run -- {}", argv[1], self))) {
    if (native.contains(name))
      fmt::print("{:<34}{:>12.2f}{:>12.2f}{:>8.1f}\n", name, native[name], time, time / native[name]);
    else
      fmt::print("{:<34}{:>12}{:>12.2f}{:>8}\n", name, "not allowed", time, "-");
  }
  return 0;
}
