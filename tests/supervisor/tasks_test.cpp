// Membership in cgroups follows fork, exec and the death of parents.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/proc.h"
#include "supervisor/tasks.h"

namespace skep::supervisor {
namespace {

// A process that waits to be told: 'f' forks and answers with the child's pid, 'x' ends.
class Process {
 public:
  Process() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair_), 0);
    pid_ = ::fork();
    if (pid_ == 0) serve();
    ::close(pair_[1]);
  }
  ~Process() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(pair_[0]);
  }
  uint32_t pid() const { return static_cast<uint32_t>(pid_); }
  // Forks; when `orphan` the parent ends at once.
  uint32_t fork_child(bool orphan) {
    const char command = orphan ? 'o' : 'f';
    EXPECT_EQ(::write(pair_[0], &command, 1), 1);
    pid_t child = 0;
    EXPECT_EQ(::read(pair_[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
    if (orphan) ::waitpid(pid_, nullptr, 0);
    return static_cast<uint32_t>(child);
  }

 private:
  [[noreturn]] void serve() {
    ::close(pair_[0]);
    char command;
    while (::read(pair_[1], &command, 1) == 1) {
      const pid_t child = ::fork();
      if (child == 0) {
        ::close(pair_[1]);
        ::execl("/bin/sleep", "sleep", "5", nullptr);
        ::_exit(1);
      }
      (void)!::write(pair_[1], &child, sizeof child);
      if (command == 'o') ::_exit(0);
    }
    ::_exit(0);
  }

  int pair_[2];
  pid_t pid_;
};

// Ends a process and waits until it no longer counts: the next test's hierarchy has the same cgroup ids.
void end(uint32_t pid) {
  ::kill(static_cast<pid_t>(pid), SIGKILL);
  for (int i = 0; i < 2000 && is_running(pid); ++i) ::usleep(1000);
}

class TasksTest : public testing::Test {
 protected:
  attach::Hierarchy hierarchy;
  Tasks tasks{hierarchy};
  Ref<attach::Cgroup> web = *hierarchy.create("/web");
  Ref<attach::Cgroup> mail = *hierarchy.create("/mail");
};

TEST_F(TasksTest, StrangersAreNotMembers) {
  Process process;
  EXPECT_EQ(tasks.cgroup_of(process.pid()), hierarchy.root());
  const auto moved = tasks.move(process.pid(), web);
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ESRCH);
}

TEST_F(TasksTest, ForkInheritsAtTheTimeOfTheFork) {
  Process process;
  ASSERT_TRUE(tasks.adopt(process.pid()));
  const uint32_t before = process.fork_child(false);
  ASSERT_TRUE(tasks.move(process.pid(), web));
  const uint32_t inside = process.fork_child(false);
  ASSERT_TRUE(tasks.move(process.pid(), mail));
  EXPECT_EQ(tasks.cgroup_of(before), hierarchy.root());
  EXPECT_EQ(tasks.cgroup_of(inside), web);
  EXPECT_EQ(tasks.cgroup_of(process.pid()), mail);
  tasks.sync();
  EXPECT_EQ(hierarchy.members(*web), std::vector<uint32_t>{inside});
  EXPECT_EQ(hierarchy.members(*mail), std::vector<uint32_t>{process.pid()});
  end(before);
  end(inside);
}

TEST_F(TasksTest, OrphansKeepTheirs) {
  Process process;
  ASSERT_TRUE(tasks.adopt(process.pid()));
  ASSERT_TRUE(tasks.move(process.pid(), web));
  const uint32_t orphan = process.fork_child(true);
  EXPECT_EQ(tasks.cgroup_of(orphan), web);
  tasks.sync();
  EXPECT_EQ(hierarchy.members(*web), std::vector<uint32_t>{orphan});
  end(orphan);
}

TEST_F(TasksTest, SocketsStayWhereTheyWereMade) {
  Process process;
  ASSERT_TRUE(tasks.adopt(process.pid()));
  // Its answer tells that it has closed our end of the pair; its own was there before it moves.
  ::kill(static_cast<pid_t>(process.fork_child(false)), SIGKILL);
  char link[64] = {};
  uint64_t inode = 0;
  for (int fd = 3; fd < 16 && inode == 0; ++fd) {
    const std::string path = "/proc/" + std::to_string(process.pid()) + "/fd/" + std::to_string(fd);
    if (::readlink(path.c_str(), link, sizeof link - 1) > 0) std::sscanf(link, "socket:[%lu]", &inode);
  }
  ASSERT_NE(inode, 0u);
  ASSERT_TRUE(tasks.move(process.pid(), web));
  EXPECT_EQ(tasks.cgroup_of_socket(inode, process.pid()), hierarchy.root());
  EXPECT_EQ(tasks.cgroup_of_socket(inode + 1'000'000, process.pid()), web);
}

}  // namespace
}  // namespace skep::supervisor
