#include "systems.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

namespace skep::testing {
namespace {

const char kLicense[] = "GPL";

std::string path_of(const std::vector<std::pair<int, std::string>>& cgroups, int fd) {
  const auto found = std::ranges::find(cgroups, fd, &std::pair<int, std::string>::first);
  return found == cgroups.end() ? std::string() : found->second;
}

}  // namespace

int System::map(uint32_t type, uint32_t key, uint32_t value, uint32_t entries, uint32_t flags) {
  abi::map_create_attr attr = {};
  attr.map_type = type;
  attr.key_size = key;
  attr.value_size = value;
  attr.max_entries = entries;
  attr.map_flags = flags;
  return static_cast<int>(call(abi::BPF_MAP_CREATE, attr, abi::kMapCreateEnd));
}

int System::program(uint32_t type, uint32_t attach_type, std::span<const isa::Insn> insns) {
  abi::prog_load_attr attr = {};
  attr.prog_type = type;
  attr.expected_attach_type = attach_type;
  attr.insn_cnt = static_cast<uint32_t>(insns.size());
  attr.insns = reinterpret_cast<uint64_t>(insns.data());
  attr.license = reinterpret_cast<uint64_t>(kLicense);
  return static_cast<int>(call(abi::BPF_PROG_LOAD, attr));
}

int System::program(uint32_t type, uint32_t attach_type, int retval) {
  const isa::Insn insns[] = {{.code = 0xb7, .imm = retval}, {.code = 0x95}};
  return program(type, attach_type, insns);
}

LiveSystem::LiveSystem() {
  std::string directory = "/tmp/skep-cgroup-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return;
  if (mount("none", directory.c_str(), "cgroup2", 0, nullptr) == 0)
    mount_ = directory;
  else
    rmdir(directory.c_str());
}

LiveSystem::~LiveSystem() {
  if (mount_.empty()) return;
  for (auto cgroup = cgroups_.rbegin(); cgroup != cgroups_.rend(); ++cgroup) {
    close(cgroup->first);
    rmdir(cgroup->second.c_str());
  }
  umount2(mount_.c_str(), MNT_DETACH);
  rmdir(mount_.c_str());
}

int LiveSystem::make_cgroup(int parent) {
  const std::string above = parent < 0 ? mount_ : path_of(cgroups_, parent);
  const std::string path = fmt::format("{}/skep-test-{}-{}", above, getpid(), cgroups_.size());
  if (mkdir(path.c_str(), 0755) != 0) return -errno;
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  cgroups_.emplace_back(fd, path);
  return fd;
}

OurSystem::OurSystem() {
  auto made = syscall::LocalCaller::create(environment);
  EXPECT_TRUE(made);
  caller = *std::move(made);
}

long OurSystem::bpf(uint32_t command, void* attr, uint32_t size) {
  const auto result = syscall::bpf(kernel, attachments, *caller, static_cast<int>(command),
                                   reinterpret_cast<uint64_t>(attr), size);
  return result ? static_cast<long>(*result) : -static_cast<long>(result.error().code);
}

void OurSystem::wait_for_links(size_t count) {
  for (int i = 0; i < 5000 && kernel.links().size() > count; ++i) usleep(1000);
  EXPECT_LE(kernel.links().size(), count);
}

int OurSystem::make_cgroup(int parent) {
  const std::string path = fmt::format("{}/c{}", parent < 0 ? "" : path_of(cgroups_, parent), next_cgroup_++);
  const auto made = attachments.cgroups.create(path);
  if (!made) return -made.error().code;
  const auto fd = caller->open_cgroup(*made);
  if (!fd) return -fd.error().code;
  cgroups_.emplace_back(*fd, path);
  return *fd;
}

}  // namespace skep::testing
