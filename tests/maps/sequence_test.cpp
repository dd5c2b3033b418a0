// Random operation sequences on the live kernel and on ours: errno, values and key sets agree at every step.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "abi/bpf.h"
#include "maps/sides.h"
#include "support/live_kernel.h"

namespace skep::maps {
namespace {

constexpr int kSequences = 350, kOperations = 60;  // for each spec

struct Case {
  const char* name;
  MapSpec spec;
  uint32_t keys = 64;  // at most so many different ones, but for the odd one
};

bool is_trie(const MapSpec& spec) { return spec.type == abi::BPF_MAP_TYPE_LPM_TRIE; }

void PrintTo(const Case& value, std::ostream* out) { *out << value.name; }

class Sequence : public ::testing::TestWithParam<Case> {};

Bytes random_bytes(std::mt19937& random, size_t size) {
  Bytes bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  return bytes;
}

// Few distinct keys, so that operations meet each other's; now and then any bytes.
Bytes random_key(std::mt19937& random, uint32_t size, uint32_t entries) {
  if (random() % 32 == 0) return random_bytes(random, size);
  Bytes key(size);
  const uint32_t number = random() % (entries * 2 + 2);
  for (size_t i = 0; i < size && i < 4; ++i) key[i] = static_cast<std::byte>(number >> (8 * i));
  if (size > 12) key[size - 1] = static_cast<std::byte>(number);
  return key;
}

uint64_t random_flags(std::mt19937& random) {
  constexpr uint64_t kFlags[] = {0, 0, 0, 0, 0, 1, 2, 1, 2, 3, 4, 5, 8, 1ull << 32, 1ull << 63, UINT64_MAX};
  return kFlags[random() % std::size(kFlags)];
}

// A prefix length, now and then too long, and data of few bits, so that prefixes contain each other.
Bytes random_prefix(std::mt19937& random, uint32_t size) {
  Bytes key(size);
  const uint32_t length = random() % ((size - 4) * 8 + 2);
  std::memcpy(key.data(), &length, 4);
  for (uint32_t i = 4; i < size; ++i) key[i] = static_cast<std::byte>(random() % 4 * 0x55);
  return key;
}

TEST_P(Sequence, AgreesWithTheLiveKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const MapSpec& spec = GetParam().spec;
  for (int seed = 0; seed < kSequences; ++seed) {
    std::mt19937 random(static_cast<uint32_t>(seed));
    LiveSide live(spec);
    OurSide ours(spec);
    ASSERT_EQ(live.error(), 0);
    ASSERT_EQ(ours.error(), 0);
    const size_t value_size = ours.map().syscall_value_size();
    for (int step = 0; step < kOperations; ++step) {
      const Bytes key = is_trie(spec) ? random_prefix(random, spec.key_size)
                        : spec.key_size == 0
                            ? Bytes{}
                            : random_key(random, spec.key_size, std::min(spec.max_entries, GetParam().keys));
      const uint64_t flags = random_flags(random);
      const auto where = fmt::format("{} seed {} step {} flags {:#x}", GetParam().name, seed, step, flags);
      Bytes live_value(value_size, std::byte{0xee}), our_value = live_value;
      switch (random() % 8) {
        case 0:
        case 1:
        case 2: {
          const Bytes value = random_bytes(random, value_size);
          ASSERT_EQ(ours.update(key, value, flags), live.update(key, value, flags)) << where;
          break;
        }
        case 3:
        case 4:
          ASSERT_EQ(ours.lookup(key, our_value, flags & 4), live.lookup(key, live_value, flags & 4)) << where;
          break;
        case 5:
          ASSERT_EQ(ours.erase(key), live.erase(key)) << where;
          break;
        case 6:
          ASSERT_EQ(ours.lookup_and_delete(key, our_value, flags & 5),
                    live.lookup_and_delete(key, live_value, flags & 5))
              << where;
          break;
        case 7: {
          // Which key follows is a matter of the hash; whether one follows a missing key is not.
          Bytes next(spec.key_size), live_next(spec.key_size);
          if (is_trie(spec)) {  // the order is the same
            ASSERT_EQ(ours.next(key, next), live.next(key, live_next)) << where;
            ASSERT_EQ(next, live_next) << where;
            break;
          }
          if (Bytes scratch(value_size); live.lookup(key, scratch) == 0) break;
          ASSERT_EQ(ours.next(key, next), live.next(key, next)) << where;
          break;
        }
      }
      ASSERT_EQ(our_value, live_value) << where;
    }
    if (spec.key_size == 0) continue;
    const auto keys = all_keys(live, spec.key_size);
    ASSERT_EQ(all_keys(ours, spec.key_size), keys) << GetParam().name << " seed " << seed;
    for (const Bytes& key : keys) {
      Bytes live_value(value_size), our_value(value_size);
      ASSERT_EQ(live.lookup(key, live_value), 0);
      ASSERT_EQ(ours.lookup(key, our_value), 0);
      ASSERT_EQ(our_value, live_value) << GetParam().name << " seed " << seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Maps, Sequence,
    ::testing::Values(
        Case{"hash", {.type = 1, .key_size = 4, .value_size = 8, .max_entries = 8}},
        Case{"hash_one", {.type = 1, .key_size = 1, .value_size = 1, .max_entries = 1}},
        Case{"hash_odd", {.type = 1, .key_size = 13, .value_size = 21, .max_entries = 7}},
        Case{"hash_no_prealloc", {.type = 1, .key_size = 8, .value_size = 3, .max_entries = 5, .flags = 1}},
        Case{"hash_zero_seed",
             {.type = 1, .key_size = 20, .value_size = 64, .max_entries = 40, .flags = 1 << 6}},
        Case{"array", {.type = 2, .key_size = 4, .value_size = 8, .max_entries = 9}},
        Case{"array_odd", {.type = 2, .key_size = 4, .value_size = 13, .max_entries = 1}},
        Case{"array_mmapable",
             {.type = 2, .key_size = 4, .value_size = 5, .max_entries = 33, .flags = 1 << 10}},
        Case{"percpu_hash", {.type = 5, .key_size = 4, .value_size = 12, .max_entries = 6}},
        Case{"percpu_hash_no_prealloc",
             {.type = 5, .key_size = 3, .value_size = 1, .max_entries = 6, .flags = 1}},
        Case{"percpu_array", {.type = 6, .key_size = 4, .value_size = 8, .max_entries = 6}},
        Case{"percpu_array_odd", {.type = 6, .key_size = 4, .value_size = 11, .max_entries = 3}},
        // Few keys for the room there is, so that nothing is evicted.
        Case{"lru_hash", {.type = 9, .key_size = 4, .value_size = 8, .max_entries = 4096}, 40},
        Case{"lru_percpu_hash", {.type = 10, .key_size = 4, .value_size = 12, .max_entries = 4096}, 40},
        Case{"queue", {.type = 22, .value_size = 8, .max_entries = 5}},
        Case{"queue_odd", {.type = 22, .value_size = 13, .max_entries = 3}},
        Case{"stack", {.type = 23, .value_size = 8, .max_entries = 5}},
        Case{"stack_one", {.type = 23, .value_size = 1, .max_entries = 1}},
        Case{"lpm_trie", {.type = 11, .key_size = 5, .value_size = 4, .max_entries = 20, .flags = 1}},
        Case{"lpm_trie_full", {.type = 11, .key_size = 6, .value_size = 9, .max_entries = 4, .flags = 1}},
        Case{"lpm_trie_ipv4", {.type = 11, .key_size = 8, .value_size = 8, .max_entries = 64, .flags = 1}}),
    [](const auto& info) { return info.param.name; });

// A ring buffer has no elements. (Its key is empty, so bpf(2) wants a null pointer.)
TEST(RingBufElements, AreRefusedAsByTheLiveKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const MapSpec spec{.type = abi::BPF_MAP_TYPE_RINGBUF, .max_entries = 4096};
  LiveSide live(spec);
  OurSide ours(spec);
  Bytes none, value(8), next(8);
  EXPECT_EQ(ours.lookup(none, value), live.lookup(none, value));
  EXPECT_EQ(ours.update(none, value), live.update(none, value));
  EXPECT_EQ(ours.erase(none), live.erase(none));
  EXPECT_EQ(ours.next(none, next), live.next(none, next));
  EXPECT_EQ(ours.lookup_and_delete(none, value), live.lookup_and_delete(none, value));
}

}  // namespace
}  // namespace skep::maps
