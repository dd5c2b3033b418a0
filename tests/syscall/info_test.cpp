// OBJ_GET_INFO_BY_FD, ids and tags beside the live kernel's.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include <fmt/format.h>

#include "systems.h"

namespace skep::testing {
namespace {

template <class Info>
Info info_of(System& system, int fd, Info info = {}) {
  abi::info_attr attr = {static_cast<uint32_t>(fd), sizeof(info), reinterpret_cast<uint64_t>(&info)};
  EXPECT_EQ(system.bpf(abi::BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)), 0) << system.name();
  EXPECT_EQ(attr.info_len, sizeof(info));
  return info;
}

std::string hex(std::span<const uint8_t> bytes) {
  std::string text;
  for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

// Loads the same instructions; `map` is the index of a wide load whose fd each system fills with its own map.
std::string describe_program(System& system, std::vector<isa::Insn> insns, int map_at, const char* name) {
  const int map = system.map(abi::BPF_MAP_TYPE_ARRAY, 4, 8, 4);
  if (map_at >= 0) insns[static_cast<size_t>(map_at)].imm = map;
  abi::prog_load_attr attr = {};
  attr.prog_type = abi::BPF_PROG_TYPE_SOCKET_FILTER;
  attr.insn_cnt = static_cast<uint32_t>(insns.size());
  attr.insns = reinterpret_cast<uint64_t>(insns.data());
  attr.license = reinterpret_cast<uint64_t>("GPL");
  std::strcpy(attr.prog_name, name);
  const long fd = system.call(abi::BPF_PROG_LOAD, attr);
  EXPECT_GE(fd, 0) << system.name();
  const auto info = info_of<abi::bpf_prog_info>(system, static_cast<int>(fd));
  close(static_cast<int>(fd));
  close(map);
  return fmt::format(
      "type {} tag {} xlated {} maps {} name {} gpl {} ksyms {} lens {} tags {} btf {} verified {} "
      "func {}/{} line {}/{} ifindex {} runs {}",
      info.type, hex(info.tag), info.xlated_prog_len, info.nr_map_ids, info.name,
      static_cast<uint32_t>(info.gpl_compatible), info.nr_jited_ksyms, info.nr_jited_func_lens,
      info.nr_prog_tags, info.btf_id, info.verified_insns, info.nr_func_info, info.func_info_rec_size,
      info.nr_line_info, info.line_info_rec_size, info.ifindex, info.run_cnt);
}

TEST(ProgramInfo, EqualsTheLiveKernels) {
  SKEP_REQUIRE_LIVE_KERNEL();
  LiveSystem live;
  OurSystem ours;
  const isa::Insn exit = {.code = 0x95}, zero = {.code = 0xb7};
  const isa::Insn load_map = {.code = 0x18, .dst = 1, .src = abi::BPF_PSEUDO_MAP_FD};
  const isa::Insn load_constant = {.code = 0x18, .dst = 2, .imm = 0x1234};
  const isa::Insn upper = {.imm = 0x77};
  struct Case {
    std::vector<isa::Insn> insns;
    int map_at;
    const char* name;
  };
  const Case cases[] = {{{zero, exit}, -1, "two"},
                        {{load_map, {}, zero, exit}, 0, "a_map"},
                        {{load_constant, upper, zero, exit}, -1, ""},
                        {{load_map, {}, load_constant, upper, zero, exit}, 0, "both.kinds"},
                        {{load_constant, upper, load_map, {}, zero, exit}, 2, "both_kinds_15by"}};
  for (const Case& c : cases)
    EXPECT_EQ(describe_program(live, c.insns, c.map_at, c.name),
              describe_program(ours, c.insns, c.map_at, c.name));
}

TEST(MapInfo, EqualsTheLiveKernels) {
  SKEP_REQUIRE_LIVE_KERNEL();
  LiveSystem live;
  OurSystem ours;
  struct Case {
    uint32_t type, key, value, entries, flags;
  };
  const Case cases[] = {{abi::BPF_MAP_TYPE_HASH, 4, 8, 16, 0},
                        {abi::BPF_MAP_TYPE_HASH, 3, 5, 7, abi::BPF_F_NO_PREALLOC},
                        {abi::BPF_MAP_TYPE_ARRAY, 4, 3, 5, abi::BPF_F_MMAPABLE},
                        {abi::BPF_MAP_TYPE_ARRAY, 4, 3, 5, abi::BPF_F_RDONLY_PROG | abi::BPF_F_RDONLY},
                        {abi::BPF_MAP_TYPE_PERCPU_ARRAY, 4, 12, 2, 0},
                        {abi::BPF_MAP_TYPE_PERCPU_HASH, 8, 12, 2, 0},
                        {abi::BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 9, 0},
                        {abi::BPF_MAP_TYPE_RINGBUF, 0, 0, 8192, 0}};
  for (const Case& c : cases) {
    abi::bpf_map_info infos[2];
    System* const systems[] = {&live, &ours};
    for (int i = 0; i < 2; ++i) {
      const int fd = systems[i]->map(c.type, c.key, c.value, c.entries, c.flags);
      ASSERT_GE(fd, 0) << systems[i]->name() << " type " << c.type;
      abi::bpf_map_info dirty;  // what the kernel leaves of the client's bytes must be the same, too
      std::memset(&dirty, 0, sizeof(dirty));
      std::memset(&dirty, 0xa5, offsetof(abi::bpf_map_info, hash));
      infos[i] = info_of(*systems[i], fd, dirty);
      close(fd);
      EXPECT_NE(infos[i].id, 0xa5a5a5a5u);
      infos[i].id = 0;
    }
    EXPECT_EQ(std::memcmp(&infos[0], &infos[1], sizeof(infos[0])), 0)
        << "type " << c.type << "\n"
        << hex({reinterpret_cast<uint8_t*>(&infos[0]), sizeof(infos[0])}) << "\n"
        << hex({reinterpret_cast<uint8_t*>(&infos[1]), sizeof(infos[1])});
  }
}

TEST(MapInfo, DigestOfAFrozenArrayEqualsTheLiveKernels) {
  SKEP_REQUIRE_LIVE_KERNEL();
  LiveSystem live;
  OurSystem ours;
  std::string digests[2];
  System* const systems[] = {&live, &ours};
  for (int i = 0; i < 2; ++i) {
    System& system = *systems[i];
    const int fd = system.map(abi::BPF_MAP_TYPE_ARRAY, 4, 5, 3);
    const uint32_t key = 1;
    abi::map_elem_attr update = {};
    update.map_fd = static_cast<uint32_t>(fd);
    update.key = reinterpret_cast<uint64_t>(&key);
    update.value = reinterpret_cast<uint64_t>("skep");
    EXPECT_EQ(system.call(abi::BPF_MAP_UPDATE_ELEM, update), 0);
    EXPECT_EQ(system.call(abi::BPF_MAP_FREEZE, abi::map_elem_attr{.map_fd = static_cast<uint32_t>(fd)}), 0);
    uint8_t digest[32] = {};
    abi::bpf_map_info info = {};
    info.hash = reinterpret_cast<uint64_t>(digest);
    info.hash_size = sizeof(digest);
    info_of(system, fd, info);
    digests[i] = hex(digest);
    close(fd);
  }
  EXPECT_EQ(digests[0], digests[1]);
}

TEST(LinkInfo, RawTracepointEqualsTheLiveKernels) {
  SKEP_REQUIRE_LIVE_KERNEL();
  LiveSystem live;
  OurSystem ours;
  std::string texts[2];
  System* const systems[] = {&live, &ours};
  for (int i = 0; i < 2; ++i) {
    System& system = *systems[i];
    const int program = system.program(abi::BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0);
    abi::raw_tracepoint_open_attr open = {};
    open.name = reinterpret_cast<uint64_t>("sched_process_fork");
    open.prog_fd = static_cast<uint32_t>(program);
    open.cookie = 99;
    const long link = system.call(abi::BPF_RAW_TRACEPOINT_OPEN, open);
    ASSERT_GE(link, 0) << system.name();
    char name[64] = {};
    abi::bpf_link_info info;
    std::memset(&info, 0x5a, sizeof(info));
    info.raw_tracepoint.tp_name = reinterpret_cast<uint64_t>(name);
    info.raw_tracepoint.tp_name_len = sizeof(name);
    info = info_of(system, static_cast<int>(link), info);
    const auto program_info = info_of<abi::bpf_prog_info>(system, program);
    EXPECT_EQ(info.prog_id, program_info.id);
    texts[i] = fmt::format("{} {} {} {} {}", info.type, name, info.raw_tracepoint.tp_name_len,
                           info.raw_tracepoint.cookie, hex({reinterpret_cast<uint8_t*>(&info) + 40, 24}));
    close(static_cast<int>(link));
    close(program);
  }
  EXPECT_EQ(texts[0], texts[1]);
}

TEST(Ids, RiseAndAreNotReusedAtOnce) {
  OurSystem ours;
  uint32_t last = 0;
  for (int i = 0; i < 3; ++i) {
    const int fd = ours.map(abi::BPF_MAP_TYPE_HASH, 4, 8, 4);
    const auto info = info_of<abi::bpf_map_info>(ours, fd);
    EXPECT_GT(info.id, last);
    last = info.id;
    abi::get_id_attr next = {.start_id = info.id - 1};
    EXPECT_EQ(ours.bpf(abi::BPF_MAP_GET_NEXT_ID, &next, abi::kGetNextIdEnd), 0);
    EXPECT_EQ(next.next_id, info.id);
    close(fd);
  }
}

TEST(Statistics, CountRunsWhileTheFdIsOpen) {
  OurSystem ours;
  const int program = ours.program(abi::BPF_PROG_TYPE_SOCKET_FILTER, 0, 3);
  const auto run = [&] {
    uint8_t data[64] = {};
    abi::test_run_attr attr = {};
    attr.prog_fd = static_cast<uint32_t>(program);
    attr.data_in = reinterpret_cast<uint64_t>(data);
    attr.data_size_in = sizeof(data);
    attr.repeat = 5;
    EXPECT_EQ(ours.bpf(abi::BPF_PROG_TEST_RUN, &attr, sizeof(attr)), 0);
    EXPECT_EQ(attr.retval, 3u);
  };
  run();
  EXPECT_EQ(info_of<abi::bpf_prog_info>(ours, program).run_cnt, 0u);
  const long stats = ours.call(abi::BPF_ENABLE_STATS, abi::enable_stats_attr{0});
  ASSERT_GE(stats, 0);
  run();
  EXPECT_EQ(info_of<abi::bpf_prog_info>(ours, program).run_cnt, 5u);
  close(static_cast<int>(stats));
  for (int i = 0; i < 2000 && ours.kernel.bpf_stats_enabled() != 0; ++i) usleep(1000);
  EXPECT_EQ(ours.kernel.bpf_stats_enabled(), 0);
  close(program);
}

}  // namespace
}  // namespace skep::testing
