// Random attach, detach, link and query operations on a tree of cgroups: errno and query results must be
// those of the live kernel at every step. Programs are compared by their index, since ids differ.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "systems.h"

namespace skep::testing {
namespace {

constexpr int kPrograms = 5, kCgroups = 4, kLinks = 6;
constexpr uint32_t kAttachType = abi::BPF_CGROUP_INET4_POST_BIND;

// The same tree (root, child, grandchild, second child) and programs on one system.
class World {
 public:
  explicit World(System& system) : system_(system) {
    for (int& program : programs_) {
      program = system.program(abi::BPF_PROG_TYPE_CGROUP_SOCK, kAttachType, 1);
      abi::bpf_prog_info info = {};
      abi::info_attr get = {u(program), sizeof(info), reinterpret_cast<uint64_t>(&info)};
      system.bpf(abi::BPF_OBJ_GET_INFO_BY_FD, &get, sizeof(get));
      ids_.push_back(info.id);
    }
    const int parents[kCgroups] = {-1, 0, 1, 0};
    for (int i = 0; i < kCgroups; ++i)
      cgroups_[i] = system.make_cgroup(parents[i] < 0 ? -1 : cgroups_[parents[i]]);
    std::ranges::fill(links_, -1);
  }
  ~World() {
    for (const int fd : links_)
      if (fd >= 0) close(fd);
    for (const int fd : programs_)
      if (fd >= 0) close(fd);
  }
  bool complete() const {
    return std::ranges::all_of(programs_, [](int fd) { return fd >= 0; }) &&
           std::ranges::all_of(cgroups_, [](int fd) { return fd >= 0; });
  }

  std::string attach(int cgroup, int program, uint32_t flags, int replace, int relative, uint64_t revision) {
    abi::prog_attach_attr attr = {};
    attr.target_fd = u(cgroups_[cgroup]);
    attr.attach_bpf_fd = u(programs_[program]);
    attr.attach_type = kAttachType;
    attr.attach_flags = flags;
    if (replace >= 0) attr.replace_bpf_fd = u(programs_[replace]);
    attr.relative_fd = anchor(flags, relative);
    attr.expected_revision = revision;
    return fmt::format("{}", system_.call(abi::BPF_PROG_ATTACH, attr));
  }
  std::string detach(int cgroup, int program, uint64_t revision) {
    abi::prog_attach_attr attr = {};
    attr.target_fd = u(cgroups_[cgroup]);
    attr.attach_bpf_fd = program < 0 ? 9999 : u(programs_[program]);
    attr.attach_type = kAttachType;
    attr.expected_revision = revision;
    return fmt::format("{}", system_.call(abi::BPF_PROG_DETACH, attr));
  }
  std::string link(int slot, int cgroup, int program, uint32_t flags, int relative) {
    if (links_[slot] >= 0) close(links_[slot]);
    links_[slot] = -1;
    system_.wait_for_links(static_cast<size_t>(kLinks - std::ranges::count(links_, -1)));
    abi::link_create_attr attr = {};
    attr.prog_fd = u(programs_[program]);
    attr.target_fd = u(cgroups_[cgroup]);
    attr.attach_type = kAttachType;
    attr.flags = flags;
    attr.cgroup.relative_fd = anchor(flags, relative);
    const long fd = system_.call(abi::BPF_LINK_CREATE, attr);
    if (fd >= 0) links_[slot] = static_cast<int>(fd);
    return fmt::format("{}", std::min(fd, 0L));
  }
  std::string update(int slot, int program, int old) {
    abi::link_update_attr attr = {};
    attr.link_fd = u(links_[slot]);
    attr.new_prog_fd = u(programs_[program]);
    if (old >= 0) {
      attr.flags = abi::BPF_F_REPLACE;
      attr.old_prog_fd = u(programs_[old]);
    }
    return fmt::format("{}", system_.call(abi::BPF_LINK_UPDATE, attr));
  }
  std::string link_detach(int slot) {
    return fmt::format("{}", system_.call(abi::BPF_LINK_DETACH, abi::link_detach_attr{u(links_[slot])}));
  }
  std::string query(int cgroup, uint32_t flags, uint32_t capacity) {
    uint32_t ids[128] = {}, entry_flags[128] = {};
    abi::prog_query_attr attr = {};
    attr.target_fd = u(cgroups_[cgroup]);
    attr.attach_type = kAttachType;
    attr.query_flags = flags;
    attr.prog_ids = reinterpret_cast<uint64_t>(ids);
    if (flags == 0) attr.prog_attach_flags = reinterpret_cast<uint64_t>(entry_flags);
    attr.prog_cnt = capacity;
    const long result = system_.bpf(abi::BPF_PROG_QUERY, &attr, sizeof(attr));
    std::string text = fmt::format("{} count {} flags {} revision {}:", result, attr.prog_cnt,
                                   attr.attach_flags, attr.revision);
    for (uint32_t i = 0; i < std::min(attr.prog_cnt, capacity); ++i)
      text += fmt::format(" {}/{}", std::ranges::find(ids_, ids[i]) - ids_.begin(), entry_flags[i]);
    return text;
  }
  std::string everything() {
    std::string text;
    for (int cgroup = 0; cgroup < kCgroups; ++cgroup)
      text += fmt::format("[{}] {} | {}\n", cgroup, query(cgroup, 0, 128), query(cgroup, 1, 128));
    return text;
  }

 private:
  static uint32_t u(int fd) { return static_cast<uint32_t>(fd); }
  uint32_t anchor(uint32_t flags, int relative) const {
    if (relative < 0) return 0;
    if ((flags & abi::BPF_F_LINK) != 0) return u(links_[relative % kLinks]);
    return (flags & abi::BPF_F_ID) != 0 ? ids_[static_cast<size_t>(relative)] : u(programs_[relative]);
  }

  System& system_;
  int programs_[kPrograms], cgroups_[kCgroups], links_[kLinks];
  std::vector<uint32_t> ids_;
};

class CgroupScenario : public ::testing::TestWithParam<uint32_t> {};

TEST_P(CgroupScenario, MatchesTheLiveKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  LiveSystem live;
  if (!live.has_cgroups()) GTEST_SKIP() << "cgroup2 cannot be mounted";
  OurSystem ours;
  World theirs(live), mine(ours);
  ASSERT_TRUE(theirs.complete() && mine.complete());

  std::mt19937 random(GetParam());
  const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<uint32_t>(limit)); };
  const auto one_in = [&](int n) { return below(n) == 0; };
  // Mostly the sensible combinations, now and then any.
  const uint32_t modes[] = {0, abi::BPF_F_ALLOW_OVERRIDE, abi::BPF_F_ALLOW_MULTI, abi::BPF_F_ALLOW_MULTI,
                            abi::BPF_F_ALLOW_MULTI};
  const auto flags = [&]() -> uint32_t {
    if (one_in(12)) return random() & 0x207f;
    uint32_t f = modes[below(5)];
    if (one_in(4)) f |= one_in(2) ? abi::BPF_F_BEFORE : abi::BPF_F_AFTER;
    if (one_in(5)) f |= abi::BPF_F_PREORDER;
    if (one_in(6)) f |= abi::BPF_F_ID;
    if (one_in(8)) f |= abi::BPF_F_LINK;
    return f;
  };
  for (int step = 0; step < 150; ++step) {
    const int action = below(8), cgroup = below(kCgroups), program = below(kPrograms), slot = below(kLinks);
    const uint32_t f = flags();
    const int other = one_in(3) ? below(kPrograms) : -1;
    const uint64_t revision = one_in(8) ? static_cast<uint64_t>(below(6)) : 0;
    const bool replace = one_in(5);
    const uint32_t link_flags = f & ~uint32_t{abi::BPF_F_ALLOW_MULTI | abi::BPF_F_ALLOW_OVERRIDE};
    const auto act = [&](World& world) -> std::string {
      switch (action) {
        case 0:
        case 1:
        case 2:
          return world.attach(cgroup, program, replace ? f | abi::BPF_F_REPLACE : f, replace ? other : -1,
                              other, revision);
        case 3:
          return world.detach(cgroup, one_in(100) ? -1 : program, revision);
        case 4:
          return world.link(slot, cgroup, program, link_flags, other);
        case 5:
          return world.update(slot, program, other);
        case 6:
          return world.link_detach(slot);
        default:
          return world.query(cgroup, f & 1, static_cast<uint32_t>(program));
      }
    };
    const auto before = random;
    const std::string expected = act(theirs);
    random = before;
    const std::string got = act(mine);
    ASSERT_EQ(expected, got) << "step " << step << " action " << action << " cgroup " << cgroup << " program "
                             << program << " flags " << f << " other " << other << " replace " << replace
                             << " slot " << slot;
    ASSERT_EQ(theirs.everything(), mine.everything())
        << "after step " << step << " action " << action << " cgroup " << cgroup << " flags " << f;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, CgroupScenario, ::testing::Range(1u, 21u));

TEST(CgroupLimits, SixtyFourPrograms) {
  SKEP_REQUIRE_LIVE_KERNEL();
  LiveSystem live;
  if (!live.has_cgroups()) GTEST_SKIP() << "cgroup2 cannot be mounted";
  OurSystem ours;
  for (System* system : {static_cast<System*>(&live), static_cast<System*>(&ours)}) {
    const int cgroup = system->make_cgroup(-1);
    std::vector<int> programs;
    for (int i = 0; i < 65; ++i) {
      programs.push_back(system->program(abi::BPF_PROG_TYPE_CGROUP_SOCK, kAttachType, 1));
      abi::prog_attach_attr attr = {};
      attr.target_fd = static_cast<uint32_t>(cgroup);
      attr.attach_bpf_fd = static_cast<uint32_t>(programs.back());
      attr.attach_type = kAttachType;
      attr.attach_flags = abi::BPF_F_ALLOW_MULTI;
      EXPECT_EQ(system->call(abi::BPF_PROG_ATTACH, attr), i < 64 ? 0 : -E2BIG) << system->name() << " " << i;
    }
    for (const int fd : programs) close(fd);
  }
}

}  // namespace
}  // namespace skep::testing
