// MAP_CREATE: the same specs, mostly malformed, to the live kernel and to ours; the errno must agree.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "abi/bpf.h"
#include "maps/sides.h"
#include "support/live_kernel.h"

namespace skep::maps {
namespace {

const uint32_t kBuilt[] = {abi::BPF_MAP_TYPE_HASH,         abi::BPF_MAP_TYPE_ARRAY,
                           abi::BPF_MAP_TYPE_PROG_ARRAY,   abi::BPF_MAP_TYPE_PERCPU_HASH,
                           abi::BPF_MAP_TYPE_PERCPU_ARRAY, abi::BPF_MAP_TYPE_RINGBUF};

MapSpec base_of(uint32_t type) {
  if (type == abi::BPF_MAP_TYPE_RINGBUF) return {.type = type, .max_entries = 4096};
  return {.type = type, .key_size = 4, .value_size = 4, .max_entries = 16};
}

// One field away from a good map, and every pair of flags.
std::vector<MapSpec> specs() {
  std::vector<MapSpec> out;
  const auto vary = [&](uint32_t type, auto set) {
    MapSpec spec = base_of(type);
    set(spec);
    out.push_back(spec);
  };
  for (const uint32_t type : kBuilt) {
    vary(type, [](MapSpec&) {});
    for (const uint32_t size :
         {0u, 1u, 2u, 3u, 5u, 8u, 64u, 512u, 513u, 4096u, 1u << 20, (4u << 20) - 56, (4u << 20) - 53,
          (4u << 20) - 52, (4u << 20) - 51, 4u << 20, 1u << 31, UINT32_MAX})
      vary(type, [&](MapSpec& s) { s.key_size = size, s.max_entries = type == 27 ? 4096 : 1; });
    for (const uint32_t size :
         {0u, 1u, 3u, 5u, 8u, 512u, 32760u, 32761u, 32768u, 32769u, 1u << 20, (4u << 20) - 53,
          (4u << 20) - 52, (4u << 20) - 51, 4u << 20, 1u << 31, UINT32_MAX - 7, UINT32_MAX})
      vary(type, [&](MapSpec& s) { s.value_size = size, s.max_entries = type == 27 ? 4096 : 1; });
    for (const uint32_t entries : {0u, 1u, 3u, 100u, 2048u, 4095u, 4096u, 8192u, 12288u, 1u << 20})
      vary(type, [&](MapSpec& s) { s.max_entries = entries; });
    if (type == abi::BPF_MAP_TYPE_HASH ||
        type == abi::BPF_MAP_TYPE_PERCPU_HASH)  // elsewhere Linux takes gigabytes
      for (const uint32_t entries : {(1u << 27) + 1, 1u << 28, (1u << 31) + 1, UINT32_MAX})
        for (const uint32_t flags : {0u, uint32_t{abi::BPF_F_NO_PREALLOC}})
          vary(type, [&](MapSpec& s) { s.max_entries = entries, s.flags = flags; });
    for (uint32_t a = 0; a < 32; ++a) {
      if (a == 16) continue;  // BPF_F_TOKEN_FD takes an fd: bpf(2)'s own business
      for (uint32_t b = a; b < 20; ++b)
        if (b != 16) vary(type, [&](MapSpec& s) { s.flags = 1u << a | 1u << b; });
      vary(type, [&](MapSpec& s) { s.flags = 1u << a; });
    }
    for (const uint32_t node : {0u, 1u, 7u, 1u << 20, 0x7fffffffu, 0x80000000u, UINT32_MAX}) {
      vary(type, [&](MapSpec& s) { s.numa_node = node; });
      vary(type, [&](MapSpec& s) { s.numa_node = node, s.flags = abi::BPF_F_NUMA_NODE; });
    }
    vary(type, [](MapSpec& s) { s.extra = 1; });
    vary(type, [](MapSpec& s) { s.extra = uint64_t{1} << 63; });
    vary(type, [](MapSpec& s) { s.btf_key_type_id = 1; });
    vary(type, [](MapSpec& s) { s.btf_vmlinux_value_type_id = 1; });
    vary(type, [](MapSpec& s) { s.btf_vmlinux_value_type_id = 1, s.btf_value_type_id = 1; });
    // Two faults at once: which is named first.
    vary(type, [](MapSpec& s) { s.value_size = UINT32_MAX, s.flags = 1u << 31; });
    vary(type, [](MapSpec& s) { s.value_size = 1u << 31, s.max_entries = 0; });
    vary(type, [](MapSpec& s) { s.key_size = 0, s.value_size = UINT32_MAX; });
    vary(type, [](MapSpec& s) { s.max_entries = UINT32_MAX, s.value_size = 1u << 31; });
    vary(type, [](MapSpec& s) { s.max_entries = UINT32_MAX, s.key_size = 4 << 20; });
  }
  for (const uint32_t type : {0u, 34u, 35u, 1000u, 0x7fffffffu, UINT32_MAX})
    for (const uint32_t flags : {0u, 1u, 1u << 3, 1u << 31})
      out.push_back({.type = type, .key_size = 4, .value_size = 4, .max_entries = 1, .flags = flags});
  return out;
}

TEST(MapCreate, AnswersAsTheLiveKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  int refused = 0, compared = 0;
  for (const MapSpec& spec : specs()) {
    const int live = LiveSide(spec).error(), ours = OurSide(spec).error();
    EXPECT_EQ(ours, live) << fmt::format(
        "type {} key {} value {} entries {} flags {:#x} node {} extra {} btf {}/{}/{}", spec.type,
        spec.key_size, spec.value_size, spec.max_entries, spec.flags, spec.numa_node, spec.extra,
        spec.btf_key_type_id, spec.btf_value_type_id, spec.btf_vmlinux_value_type_id);
    ++compared;
    refused += live != 0;
  }
  EXPECT_GT(refused, 100);
  RecordProperty("compared", compared);
  RecordProperty("refused", refused);
  fmt::print("{} specs compared, {} of them malformed\n", compared, refused);
}

TEST(MapCreate, TypesWithoutAFactoryDoNotExist) {
  for (const MapTypeRow& row : table()) {
    if (row.create != nullptr) continue;
    const auto map = create({.type = row.type, .key_size = 4, .value_size = 4, .max_entries = 4096});
    ASSERT_FALSE(map) << row.name;
    EXPECT_EQ(map.error().code, EINVAL) << row.name;
  }
}

TEST(MapCreate, OldProfilesLackNewTypes) {
  EXPECT_EQ(find_type(abi::BPF_MAP_TYPE_RINGBUF, {v(5, 7)}), nullptr);
  EXPECT_NE(find_type(abi::BPF_MAP_TYPE_RINGBUF, {v(5, 8)}), nullptr);
  EXPECT_FALSE(create({.type = abi::BPF_MAP_TYPE_RINGBUF, .max_entries = 4096}, {v(5, 7)}));
}

}  // namespace
}  // namespace skep::maps
