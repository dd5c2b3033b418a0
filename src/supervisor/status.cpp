#include "supervisor/status.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "supervisor/proc.h"
#include "supervisor/runtime_directory.h"

namespace skep::supervisor {

namespace {

constexpr const char* kSocketName = "/status";

Result<sockaddr_un> address_in(const std::string& directory) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = directory + kSocketName;
  if (path.size() >= sizeof address.sun_path) return fail(ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// This process's ancestors, nearest first.
std::vector<uint32_t> ancestors() {
  std::vector<uint32_t> pids;
  auto pid = static_cast<uint32_t>(::getpid());
  while (pid > 1 && pids.size() < 256) {
    pids.push_back(pid);
    const auto status = read_small_file(fmt::format("/proc/{}/status", pid));
    if (!status) break;
    pid = static_cast<uint32_t>(std::strtoul(status_field(*status, "PPid:").c_str(), nullptr, 10));
  }
  return pids;
}

Result<RunningSupervisor> choose(uint32_t pid) {
  const std::vector<RunningSupervisor> running = running_supervisors();
  const auto find = [&](uint32_t wanted) {
    return std::ranges::find(running, wanted, &RunningSupervisor::pid);
  };
  if (pid != 0) {
    if (const auto found = find(pid); found != running.end()) return *found;
    return fail(ENOENT, fmt::format("process {} is no running skep of this user", pid));
  }
  for (const uint32_t ancestor : ancestors())
    if (const auto found = find(ancestor); found != running.end()) return *found;
  if (running.empty()) return fail(ENOENT, "no skep is running");
  if (running.size() == 1) return running[0];
  std::string pids;
  for (const RunningSupervisor& entry : running) pids += fmt::format(" {}", entry.pid);
  return fail(ENOENT, "more than one skep is running; name one by its pid:" + pids);
}

}  // namespace

Result<StatusServer> StatusServer::create(const std::string& runtime_directory) {
  const sockaddr_un address = SKEP_TRY(address_in(runtime_directory));
  StatusServer server;
  server.socket_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!server.socket_) return fail_last();
  if (::bind(server.socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_last();
  if (::listen(server.socket_.get(), 8) != 0) return fail_last();
  return server;
}

void StatusServer::process(const std::function<std::string()>& text) {
  while (true) {
    const UniqueFd peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer) return;
    const std::string answer = text();
    // Far smaller than a socket's buffer; a peer that takes less gets less.
    (void)!::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
  }
}

Result<std::string> query_status(uint32_t pid) {
  const RunningSupervisor supervisor = SKEP_TRY(choose(pid));
  const sockaddr_un address = SKEP_TRY(address_in(supervisor.directory));
  const UniqueFd peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!peer) return fail_last();
  if (::connect(peer.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(errno, fmt::format("skep {} does not answer", supervisor.pid));
  std::string text;
  char buffer[4096];
  ssize_t count;
  while ((count = ::recv(peer.get(), buffer, sizeof buffer, 0)) > 0)
    text.append(buffer, static_cast<size_t>(count));
  if (text.empty()) return fail(EIO, fmt::format("skep {} does not answer", supervisor.pid));
  return text;
}

}  // namespace skep::supervisor
