// MAP_CREATE with BTF: key and value types that fit or do not, against the live kernel.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>

#include "abi/bpf.h"
#include "abi/bpf_attr.h"
#include "maps/sides.h"
#include "support/live_kernel.h"

namespace skep::maps {
namespace {

// [1] int 4 bytes, [2] int 8 bytes, [3] struct pair { int a, b; }, [4] struct bpf_spin_lock { int val; },
// [5] struct guarded { bpf_spin_lock lock; int a; }, [6] typedef of [1], [7] int of 31 bits in 4 bytes.
Bytes types() {
  static constexpr char kStrings[] = "\0int\0long\0pair\0a\0b\0bpf_spin_lock\0val\0guarded\0lock\0myint";
  const auto at = [](const char* name) {
    for (uint32_t i = 1; i < sizeof kStrings; ++i)
      if (kStrings[i - 1] == 0 && std::strcmp(kStrings + i, name) == 0) return i;
    return 0u;
  };
  const auto info = [](uint32_t kind, uint32_t vlen) { return kind << 24 | vlen; };
  const std::vector<uint32_t> words = {
      at("int"),   info(1, 0),
      4,           1u << 24 | 32,
      at("long"),  info(1, 0),
      8,           1u << 24 | 64,
      at("pair"),  info(4, 2),
      8,           at("a"),
      1,           0,
      at("b"),     1,
      32,          at("bpf_spin_lock"),
      info(4, 1),  4,
      at("val"),   1,
      0,           at("guarded"),
      info(4, 2),  8,
      at("lock"),  4,
      0,           at("a"),
      1,           32,
      at("myint"), info(8, 0),
      1,           at("b"),
      info(1, 0),  4,
      31,
  };
  const uint32_t bytes = static_cast<uint32_t>(words.size() * 4);
  const uint32_t header[] = {0x0001eb9f, 24, 0, bytes, bytes, sizeof kStrings};
  Bytes out(sizeof header + bytes + sizeof kStrings);
  std::memcpy(out.data(), header, sizeof header);
  std::memcpy(out.data() + sizeof header, words.data(), bytes);
  std::memcpy(out.data() + sizeof header + bytes, kStrings, sizeof kStrings);
  return out;
}

TEST(MapBtf, AnswersAsTheLiveKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const Bytes raw = types();
  const auto live_btf = live::load_btf(raw, 1);
  ASSERT_TRUE(live_btf.fd) << live_btf.error << live_btf.log;
  const auto our_btf = btf::Btf::parse(raw);
  ASSERT_TRUE(our_btf) << our_btf.error().message;
  int compared = 0, accepted = 0;
  const MapSpec inner{.type = 2, .key_size = 4, .value_size = 4, .max_entries = 1};
  const LiveSide live_inner(inner);
  OurSide our_inner(inner);
  const IntBtf plain;
  for (const MapTypeRow& row : table())
    for (const uint32_t key_size : {4u, 8u})
      for (const uint32_t value_size : {4u, 8u, 12u})
        for (const uint32_t key_id : {0u, 1u, 2u, 3u, 6u, 7u, 99u})
          for (const uint32_t value_id : {0u, 1u, 2u, 3u, 5u, 6u, 99u}) {
            if (key_id == 0 && value_id == 0) continue;
            MapSpec spec = good_spec(row.type, plain, Ref<Map>::share(&our_inner.map()));
            if (spec.key_size == 4) spec.key_size = key_size;
            if (spec.value_size == 4) spec.value_size = value_size;
            spec.btf_key_type_id = key_id;
            spec.btf_value_type_id = value_id;
            spec.btf = *our_btf;
            const int live = LiveSide(spec, live_btf.fd.get(), live_inner.fd()).error(),
                      ours = OurSide(spec).error();
            EXPECT_EQ(ours, live) << fmt::format("type {} sizes {}/{} ids {}/{}", row.type, key_size,
                                                 value_size, key_id, value_id);
            ++compared;
            accepted += live == 0;
          }
  EXPECT_GT(compared, 1000);
  EXPECT_GT(accepted, 20);
}

}  // namespace
}  // namespace skep::maps
