// Objects live as long as something names them: fds (and their copies), pins, programs, links; then they are
// gone.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rcu.h"
#include "systems.h"

namespace skep::testing {
namespace {

// Waits until `count` says `wanted`: closes are noticed by the broker's thread.
template <class Count>
void expect_soon(Count count, size_t wanted, const char* what) {
  for (int i = 0; i < 5000 && count() != wanted; ++i) {
    rcu_barrier_deferred();
    usleep(1000);
  }
  EXPECT_EQ(count(), wanted) << what;
}

TEST(Lifetime, LastCloseOfAnyCopyEndsTheObject) {
  OurSystem ours;
  const int fd = ours.map(abi::BPF_MAP_TYPE_HASH, 4, 8, 4);
  ASSERT_GE(fd, 0);
  const int copy = dup(fd);
  close(fd);
  usleep(20'000);
  EXPECT_EQ(ours.kernel.maps().size(), 1u);
  close(copy);
  expect_soon([&] { return ours.kernel.maps().size(); }, 0, "maps");
  EXPECT_EQ(ours.caller->broker().size(), 0u);
}

TEST(Lifetime, ChildKeepsTheObject) {
  OurSystem ours;
  const int fd = ours.program(abi::BPF_PROG_TYPE_SOCKET_FILTER, 0, 0);
  ASSERT_GE(fd, 0);
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(go[1]);
    char byte;
    _exit(read(go[0], &byte, 1) < 0);
  }
  close(fd);
  usleep(20'000);
  EXPECT_EQ(ours.kernel.programs().size(), 1u);
  close(go[1]);
  close(go[0]);
  waitpid(child, nullptr, 0);
  expect_soon([&] { return ours.kernel.programs().size(); }, 0, "programs");
}

TEST(Lifetime, MappingOutlivesTheFd) {
  OurSystem ours;
  const int fd = ours.map(abi::BPF_MAP_TYPE_ARRAY, 4, 8, 512, abi::BPF_F_MMAPABLE);
  ASSERT_GE(fd, 0);
  void* const memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const uint32_t key = 3;
  uint64_t value = 77;
  abi::map_elem_attr attr = {};
  attr.map_fd = static_cast<uint32_t>(fd);
  attr.key = reinterpret_cast<uint64_t>(&key);
  attr.value = reinterpret_cast<uint64_t>(&value);
  EXPECT_EQ(ours.call(abi::BPF_MAP_UPDATE_ELEM, attr), 0);
  EXPECT_EQ(static_cast<uint64_t*>(memory)[3], 77u);
  static_cast<uint64_t*>(memory)[3] = 78;
  EXPECT_EQ(ours.call(abi::BPF_MAP_LOOKUP_ELEM, attr), 0);
  EXPECT_EQ(value, 78u);
  close(fd);
  usleep(300'000);  // longer than the broker goes on asking after a close
  EXPECT_EQ(ours.kernel.maps().size(), 1u);
  munmap(memory, 4096);
  expect_soon([&] { return ours.kernel.maps().size(); }, 0, "maps");
}

TEST(Lifetime, PinKeepsAndNamesTheObject) {
  OurSystem ours;
  const int fd = ours.map(abi::BPF_MAP_TYPE_HASH, 4, 8, 4);
  const char path[] = "/sys/fs/bpf/m";
  abi::obj_attr pin = {};
  pin.pathname = reinterpret_cast<uint64_t>(path);
  pin.bpf_fd = static_cast<uint32_t>(fd);
  EXPECT_EQ(ours.call(abi::BPF_OBJ_PIN, pin, abi::kObjEnd), 0);
  EXPECT_EQ(ours.call(abi::BPF_OBJ_PIN, pin, abi::kObjEnd), -EEXIST);
  close(fd);
  abi::obj_attr get = {};
  get.pathname = pin.pathname;
  get.file_flags = abi::BPF_F_RDONLY;
  const long again = ours.call(abi::BPF_OBJ_GET, get, abi::kObjEnd);
  ASSERT_GE(again, 0);
  const uint32_t key = 0;
  const uint64_t value = 0;
  abi::map_elem_attr update = {};
  update.map_fd = static_cast<uint32_t>(again);
  update.key = reinterpret_cast<uint64_t>(&key);
  update.value = reinterpret_cast<uint64_t>(&value);
  EXPECT_EQ(ours.call(abi::BPF_MAP_UPDATE_ELEM, update), -EPERM);
  close(static_cast<int>(again));
  usleep(20'000);
  EXPECT_EQ(ours.kernel.maps().size(), 1u);
  EXPECT_TRUE(ours.caller->unpin(path));
  expect_soon([&] { return ours.kernel.maps().size(); }, 0, "maps");
}

TEST(Lifetime, ClosedLinkDetaches) {
  OurSystem ours;
  const int cgroup = ours.make_cgroup(-1);
  const int program = ours.program(abi::BPF_PROG_TYPE_CGROUP_SOCK, abi::BPF_CGROUP_INET4_POST_BIND, 0);
  abi::link_create_attr attr = {};
  attr.prog_fd = static_cast<uint32_t>(program);
  attr.target_fd = static_cast<uint32_t>(cgroup);
  attr.attach_type = abi::BPF_CGROUP_INET4_POST_BIND;
  const long link = ours.call(abi::BPF_LINK_CREATE, attr);
  ASSERT_GE(link, 0);
  const auto* row = progtypes::find_attach_type(abi::BPF_CGROUP_INET4_POST_BIND);
  EXPECT_TRUE(ours.attachments.cgroups.any(row->cgroup_slot));
  close(program);
  usleep(20'000);
  EXPECT_EQ(ours.kernel.programs().size(), 1u);
  close(static_cast<int>(link));
  expect_soon([&] { return ours.kernel.links().size(); }, 0, "links");
  expect_soon([&] { return ours.kernel.programs().size(); }, 0, "programs");
  EXPECT_FALSE(ours.attachments.cgroups.any(row->cgroup_slot));
}

// A program and a prog_array that hold each other go when the last fd of the map goes.
TEST(Lifetime, TailCallCycleEnds) {
  OurSystem ours;
  const int map = ours.map(abi::BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1);
  const int program = ours.program(abi::BPF_PROG_TYPE_SOCKET_FILTER, 0, 0);
  abi::prog_bind_map_attr bind = {static_cast<uint32_t>(program), static_cast<uint32_t>(map), 0};
  EXPECT_EQ(ours.call(abi::BPF_PROG_BIND_MAP, bind), 0);
  const uint32_t key = 0;
  abi::map_elem_attr update = {};
  update.map_fd = static_cast<uint32_t>(map);
  update.key = reinterpret_cast<uint64_t>(&key);
  update.value = reinterpret_cast<uint64_t>(&program);
  EXPECT_EQ(ours.call(abi::BPF_MAP_UPDATE_ELEM, update), 0);
  close(program);
  usleep(20'000);
  EXPECT_EQ(ours.kernel.programs().size(), 1u);
  close(map);
  expect_soon([&] { return ours.kernel.programs().size(); }, 0, "programs");
  expect_soon([&] { return ours.kernel.maps().size(); }, 0, "maps");
}

TEST(Lifetime, ManyFdsComeAndGo) {
  OurSystem ours;
  std::vector<int> fds;
  for (int i = 0; i < 600; ++i) {
    fds.push_back(i % 3 == 0   ? ours.map(abi::BPF_MAP_TYPE_ARRAY, 4, 8, 4, abi::BPF_F_MMAPABLE)
                  : i % 3 == 1 ? ours.map(abi::BPF_MAP_TYPE_HASH, 4, 8, 4)
                               : ours.program(abi::BPF_PROG_TYPE_SOCKET_FILTER, 0, 0));
    ASSERT_GE(fds.back(), 0) << i;
    if (i % 7 == 0) {
      close(fds.front());
      fds.erase(fds.begin());
    }
  }
  for (const int fd : fds) close(fd);
  expect_soon([&] { return ours.kernel.maps().size(); }, 0, "maps");
  expect_soon([&] { return ours.kernel.programs().size(); }, 0, "programs");
  EXPECT_EQ(ours.caller->broker().size(), 0u);
}

}  // namespace
}  // namespace skep::testing
