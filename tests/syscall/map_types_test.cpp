// Elements that are objects, through bpf(2) as a whole: fds in, ids out, and what another kind of fd answers.
#include <gtest/gtest.h>

#include <cstring>

#include "systems.h"

namespace skep::testing {
namespace {

long element(System& system, uint32_t command, int map, uint32_t key, uint64_t& value, uint64_t flags = 0) {
  abi::map_elem_attr attr = {};
  attr.map_fd = static_cast<uint32_t>(map);
  attr.key = reinterpret_cast<uint64_t>(&key);
  attr.value = reinterpret_cast<uint64_t>(&value);
  attr.flags = flags;
  return system.call(command, attr);
}

std::vector<long> answers(System& system) {
  std::vector<long> out;
  const int inner = system.map(abi::BPF_MAP_TYPE_ARRAY, 4, 4, 1),
            other = system.map(abi::BPF_MAP_TYPE_HASH, 4, 4, 1);
  const int program = system.program(abi::BPF_PROG_TYPE_SOCKET_FILTER, 0, 0);
  for (const uint32_t type :
       {abi::BPF_MAP_TYPE_ARRAY_OF_MAPS, abi::BPF_MAP_TYPE_HASH_OF_MAPS, abi::BPF_MAP_TYPE_PERF_EVENT_ARRAY,
        abi::BPF_MAP_TYPE_CGROUP_ARRAY, abi::BPF_MAP_TYPE_SOCKMAP, abi::BPF_MAP_TYPE_XSKMAP}) {
    abi::map_create_attr attr = {};
    attr.map_type = type;
    attr.key_size = attr.value_size = 4;
    attr.max_entries = 2;
    for (const int fd : {9999, program, inner}) {
      attr.inner_map_fd = static_cast<uint32_t>(fd);
      const long made = system.call(abi::BPF_MAP_CREATE, attr, abi::kMapCreateEnd);
      out.push_back(made < 0 ? made : 0);
      if (made < 0) continue;
      for (const int element_fd : {9999, program, other, inner})
        for (const uint32_t key : {0u, 5u})
          for (const uint64_t flags : {0u, 1u, 2u, 4u, 9u}) {
            uint64_t value = static_cast<uint64_t>(element_fd);
            out.push_back(
                element(system, abi::BPF_MAP_UPDATE_ELEM, static_cast<int>(made), key, value, flags));
            uint64_t id = 0;
            out.push_back(element(system, abi::BPF_MAP_LOOKUP_ELEM, static_cast<int>(made), key, id));
            out.push_back(id != 0);
          }
      close(static_cast<int>(made));
    }
  }
  return out;
}

TEST(MapTypes, ObjectElementsAnswerAsTheLiveKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  LiveSystem live;
  OurSystem ours;
  const auto expected = answers(live), got = answers(ours);
  EXPECT_EQ(got, expected);
  EXPECT_GT(expected.size(), 1000u);
}

}  // namespace
}  // namespace skep::testing
