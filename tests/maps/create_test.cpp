// MAP_CREATE: the same specs, mostly malformed, to the live kernel and to ours; the errno must agree.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "abi/bpf.h"
#include "maps/sides.h"
#include "support/live_kernel.h"

namespace skep::maps {
namespace {

// One field away from a good map, and every pair of flags.
std::vector<MapSpec> specs(const IntBtf& btf, const Ref<Map>& inner) {
  std::vector<MapSpec> out;
  const auto vary = [&](uint32_t type, auto set) {
    MapSpec spec = good_spec(type, btf, inner);
    set(spec);
    out.push_back(spec);
  };
  for (const MapTypeRow& row : table()) {
    const uint32_t type = row.type;
    const uint32_t base_entries = good_spec(type, btf, inner).max_entries;
    const uint32_t few = base_entries == 16 ? 1 : base_entries;
    vary(type, [](MapSpec&) {});
    for (const uint32_t size : {0u,
                                1u,
                                2u,
                                3u,
                                5u,
                                8u,
                                64u,
                                9u,
                                16u,
                                17u,
                                260u,
                                261u,
                                512u,
                                513u,
                                4096u,
                                1u << 20,
                                (4u << 20) - 56,
                                (4u << 20) - 53,
                                (4u << 20) - 52,
                                (4u << 20) - 51,
                                4u << 20,
                                1u << 31,
                                UINT32_MAX})
      vary(type, [&](MapSpec& s) { s.key_size = size, s.max_entries = few; });
    for (const uint32_t size : {0u,
                                1u,
                                2u,
                                3u,
                                4u,
                                5u,
                                7u,
                                8u,
                                9u,
                                16u,
                                32u,
                                40u,
                                512u,
                                1016u,
                                1024u,
                                4064u,
                                4096u,
                                32760u,
                                32761u,
                                32768u,
                                32769u,
                                65400u,
                                65407u,
                                65408u,
                                65536u,
                                1u << 20,
                                (4u << 20) - 281,
                                (4u << 20) - 280,
                                (4u << 20) - 279,
                                (4u << 20) - 53,
                                (4u << 20) - 52,
                                (4u << 20) - 51,
                                4u << 20,
                                (4u << 20) + 1,
                                1u << 31,
                                UINT32_MAX - 7,
                                UINT32_MAX})
      vary(type, [&](MapSpec& s) { s.value_size = size, s.max_entries = few; });
    for (const uint32_t entries : {0u, 1u, 3u, 100u, 2048u, 4095u, 4096u, 8192u, 12288u, 1u << 20})
      vary(type, [&](MapSpec& s) { s.max_entries = entries; });
    for (const uint32_t build_id_size : {8u, 31u, 32u, 64u, 96u, 4064u, 4096u, 8128u})
      vary(type, [&](MapSpec& s) { s.value_size = build_id_size, s.flags |= abi::BPF_F_STACK_BUILD_ID; });
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
    for (uint32_t a = 0; a < 20; ++a)
      if (a != 16) vary(type, [&](MapSpec& s) { s.flags ^= 1u << a; });
    for (const uint32_t node : {0u, 1u, 7u, 1u << 20, 0x7fffffffu, 0x80000000u, UINT32_MAX}) {
      vary(type, [&](MapSpec& s) { s.numa_node = node; });
      vary(type, [&](MapSpec& s) { s.numa_node = node, s.flags = abi::BPF_F_NUMA_NODE; });
    }
    vary(type, [](MapSpec& s) { s.extra = 1; });
    for (const uint64_t extra :
         {uint64_t{2}, uint64_t{15}, uint64_t{16}, uint64_t{17}, uint64_t{4095}, uint64_t{4096},
          uint64_t{0xfffff000}, uint64_t{1} << 32, uint64_t{1} << 63, UINT64_MAX})
      vary(type, [&](MapSpec& s) { s.extra = extra; });
    vary(type, [](MapSpec& s) { s.btf_vmlinux_value_type_id = 0; });
    vary(type, [](MapSpec& s) { s.btf_key_type_id = 0; });
    vary(type, [](MapSpec& s) { s.key_size = s.key_size == 4 ? 8 : 4; });
    vary(type, [](MapSpec& s) { s.max_entries = s.max_entries == 0 ? 1 : 0; });
    vary(type, [](MapSpec& s) { s.ifindex = 0x7fffffff; });  // no such device
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

// How many CPUs a kernel can have is a choice of whoever builds it.
bool asks_for_many_cpus(const MapSpec& spec) {
  return spec.type == abi::BPF_MAP_TYPE_CPUMAP && spec.max_entries > 64 && spec.max_entries <= 8192;
}

TEST(MapCreate, AnswersAsTheLiveKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const IntBtf btf;
  const MapSpec inner{.type = abi::BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
  const LiveSide live_inner(inner);
  OurSide our_inner(inner);
  int refused = 0, compared = 0;
  for (const MapSpec& spec : specs(btf, Ref<Map>::share(&our_inner.map()))) {
    if (asks_for_many_cpus(spec)) continue;
    const int live =
        LiveSide(spec, spec.btf ? btf.live.get() : 0, spec.inner_map ? live_inner.fd() : 0).error();
    const int ours = OurSide(spec).error();
    EXPECT_EQ(ours, live) << fmt::format(
        "type {} key {} value {} entries {} flags {:#x} node {} extra {:#x} btf {}/{}/{} ifindex {}",
        spec.type, spec.key_size, spec.value_size, spec.max_entries, spec.flags, spec.numa_node, spec.extra,
        spec.btf_key_type_id, spec.btf_value_type_id, spec.btf_vmlinux_value_type_id, spec.ifindex);
    ++compared;
    refused += live != 0;
  }
  EXPECT_GT(refused, 100);
  RecordProperty("compared", compared);
  RecordProperty("refused", refused);
  fmt::print("{} specs compared, {} of them malformed\n", compared, refused);
}

TEST(MapCreate, OldProfilesLackNewTypes) {
  EXPECT_EQ(find_type(abi::BPF_MAP_TYPE_RINGBUF, {v(5, 7)}), nullptr);
  EXPECT_NE(find_type(abi::BPF_MAP_TYPE_RINGBUF, {v(5, 8)}), nullptr);
  EXPECT_FALSE(create({.type = abi::BPF_MAP_TYPE_RINGBUF, .max_entries = 4096}, {v(5, 7)}));
}

}  // namespace
}  // namespace skep::maps
