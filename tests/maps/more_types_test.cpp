// Map-in-map, LRU hashes, bloom filters, values with locks and the types that stay empty: against the live
// kernel.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>

#include "abi/bpf.h"
#include "base/rcu.h"
#include "maps/sides.h"
#include "maps/value_layout.h"
#include "support/live_kernel.h"

namespace skep::maps {
namespace {

Bytes bytes_of(uint32_t number, size_t size = 4) {
  Bytes out(size);
  std::memcpy(out.data(), &number, 4);
  return out;
}

// --- map-in-map -----------------------------------------------------------------------------------------

struct Inner {
  explicit Inner(const MapSpec& spec) : live(spec), ours(spec) {}
  LiveSide live;
  OurSide ours;
  Ref<Map> ref() { return Ref<Map>::share(&ours.map()); }
};

std::vector<MapSpec> shapes() {
  return {{.type = 2, .key_size = 4, .value_size = 4, .max_entries = 1},
          {.type = 2, .key_size = 4, .value_size = 4, .max_entries = 2},
          {.type = 2, .key_size = 4, .value_size = 8, .max_entries = 1},
          {.type = 2, .key_size = 4, .value_size = 4, .max_entries = 1, .flags = abi::BPF_F_INNER_MAP},
          {.type = 2, .key_size = 4, .value_size = 4, .max_entries = 9, .flags = abi::BPF_F_INNER_MAP},
          {.type = 1, .key_size = 4, .value_size = 4, .max_entries = 1},
          {.type = 1, .key_size = 4, .value_size = 4, .max_entries = 5},
          {.type = 1, .key_size = 8, .value_size = 4, .max_entries = 5},
          {.type = 1, .key_size = 4, .value_size = 4, .max_entries = 5, .flags = 1},
          {.type = 6, .key_size = 4, .value_size = 4, .max_entries = 1},
          {.type = 6, .key_size = 4, .value_size = 4, .max_entries = 2},
          {.type = 9, .key_size = 4, .value_size = 4, .max_entries = 4},
          {.type = 17, .key_size = 4, .value_size = 4, .max_entries = 4},
          {.type = 17, .key_size = 4, .value_size = 4, .max_entries = 5},
          {.type = 27, .max_entries = 4096},
          {.type = 27, .max_entries = 8192},
          {.type = 3, .key_size = 4, .value_size = 4, .max_entries = 4},
          {.type = 22, .value_size = 4, .max_entries = 4}};
}

TEST(MapInMap, InnerMapsFitAsOnTheLiveKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  std::vector<std::unique_ptr<Inner>> inners;
  for (const MapSpec& shape : shapes()) inners.push_back(std::make_unique<Inner>(shape));
  int fitted = 0, refused = 0;
  for (const uint32_t type : {12u, 13u})
    for (const auto& pattern : inners) {
      MapSpec spec{.type = type, .key_size = 4, .value_size = 4, .max_entries = 4};
      spec.inner_map = pattern->ref();
      LiveSide live(spec, 0, pattern->live.fd());
      OurSide ours(spec);
      ASSERT_EQ(ours.error(), live.error()) << pattern->ours.map().row().name;
      if (live.error() != 0) continue;
      for (const auto& candidate : inners) {
        const int got = ours.map().sys_set_object(bytes_of(1), candidate->ref(), 0);
        ASSERT_EQ(got, live.update(bytes_of(1), bytes_of(static_cast<uint32_t>(candidate->live.fd()))))
            << type << " " << pattern->ours.map().spec().type << " with "
            << candidate->ours.map().spec().type;
        ++(got == 0 ? fitted : refused);
      }
    }
  EXPECT_GT(fitted, 40);
  EXPECT_GT(refused, 300);
}

TEST(MapInMap, RandomOperationsAgreeWithTheLiveKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const MapSpec shape{.type = 1, .key_size = 4, .value_size = 4, .max_entries = 1};
  for (const uint32_t type : {12u, 13u}) {
    std::vector<std::unique_ptr<Inner>> inners;
    for (int i = 0; i < 4; ++i) inners.push_back(std::make_unique<Inner>(shape));
    MapSpec spec{.type = type, .key_size = 4, .value_size = 4, .max_entries = 4};
    spec.inner_map = inners[0]->ref();
    LiveSide live(spec, 0, inners[0]->live.fd());
    OurSide ours(spec);
    EXPECT_EQ(ours.map().memory_usage(), live.memlock());
    std::mt19937 random(type);
    for (int step = 0; step < 4000; ++step) {
      const Bytes key = bytes_of(random() % 6);
      const uint64_t flags = random() % 3 == 0 ? random() % 4 : 0;
      Inner& inner = *inners[random() % 4];
      switch (random() % 4) {
        case 0:
          ASSERT_EQ(ours.map().sys_set_object(key, inner.ref(), flags),
                    live.update(key, bytes_of(static_cast<uint32_t>(inner.live.fd())), flags));
          break;
        case 1:
          ASSERT_EQ(ours.erase(key), live.erase(key));
          break;
        case 2: {
          Bytes id(4);
          RcuReadSection section;
          const auto* found = static_cast<const Map*>(ours.map().lookup(key.data(), 0));
          ASSERT_EQ(found != nullptr ? 0 : -ENOENT, live.lookup(key, id));
          uint32_t expected = 0;
          for (const auto& candidate : inners)
            if (found == &candidate->ours.map()) expected = candidate->live.id();
          ASSERT_EQ(bytes_of(expected), id);  // the same inner map on both sides
          break;
        }
        case 3:
          ASSERT_EQ(all_keys(ours, 4), all_keys(live, 4));
          break;
      }
    }
    Bytes value(4);
    EXPECT_EQ(ours.lookup_and_delete(bytes_of(0), value), live.lookup_and_delete(bytes_of(0), value));
  }
}

TEST(MapInMap, AReplacedInnerMapOutlivesItsReaders) {
  for (const uint32_t type : {12u, 13u}) {
    Ref<Map> inner = *create({.type = 2, .key_size = 4, .value_size = 4, .max_entries = 1});
    MapSpec spec{.type = type, .key_size = 4, .value_size = 4, .max_entries = 1};
    spec.inner_map = inner;
    Ref<Map> outer = *create(spec);
    spec.inner_map = nullptr;
    EXPECT_EQ(inner->ref_count(), 1u);  // the pattern is not kept
    ASSERT_EQ(outer->sys_set_object(bytes_of(0), inner, 0), 0);
    {
      RcuReadSection section;
      ASSERT_EQ(outer->sys_delete(bytes_of(0)), 0);
      EXPECT_EQ(inner->ref_count(), 2u);
    }
    rcu_barrier_deferred();
    EXPECT_EQ(inner->ref_count(), 1u);
    ASSERT_EQ(outer->sys_set_object(bytes_of(0), inner, 0), 0);
    outer = nullptr;
    rcu_barrier_deferred();
    EXPECT_EQ(inner->ref_count(), 1u);
  }
}

// --- LRU ------------------------------------------------------------------------------------------------

class Lru : public ::testing::TestWithParam<std::pair<uint32_t, uint32_t>> {};

// What is certain of both: an update never fails, the newest key is there with its value, the map never holds
// more than max_entries and, once full, not fewer than half.
TEST_P(Lru, AFullMapEvicts) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const auto [type, flags] = GetParam();
  const MapSpec spec{.type = type, .key_size = 4, .value_size = 8, .max_entries = 64, .flags = flags};
  LiveSide live(spec);
  OurSide ours(spec);
  Bytes value(ours.map().syscall_value_size()), seen(value.size());
  for (uint32_t key = 0; key < 1000; ++key) {
    std::memcpy(value.data(), &key, 4);
    ASSERT_EQ(ours.update(bytes_of(key), value), 0);
    ASSERT_EQ(live.update(bytes_of(key), value), 0);
    ASSERT_EQ(ours.lookup(bytes_of(key), seen), 0);
    ASSERT_EQ(seen, value);
    if (key % 100 != 99) continue;
    EXPECT_LE(all_keys(ours, 4).size(), ours.map().spec().max_entries);
    EXPECT_GE(all_keys(ours, 4).size(), ours.map().spec().max_entries / 2);
    EXPECT_LE(all_keys(live, 4).size(), ours.map().spec().max_entries);
  }
  EXPECT_EQ(ours.map().memory_usage(), live.memlock());
}

INSTANTIATE_TEST_SUITE_P(Kinds, Lru,
                         ::testing::Values(std::pair{9u, 0u}, std::pair{10u, 0u}, std::pair{9u, 2u},
                                           std::pair{10u, 2u}));

TEST(LruHash, WhatProgramsUseStays) {
  Ref<Map> map = *create({.type = 9, .key_size = 4, .value_size = 4, .max_entries = 32});
  for (uint32_t key = 0; key < 4000; ++key) {
    RcuReadSection section;
    ASSERT_EQ(map->update(&key, &key, 0, 0), 0);
    for (uint32_t favourite = 0; favourite < 3 && favourite <= key; ++favourite)
      ASSERT_NE(map->lookup(&favourite, 0), nullptr) << key;
  }
}

TEST(LruHash, ThreadsNeverPassMaxEntries) {
  constexpr uint32_t kEntries = 64;
  for (const uint32_t type : {9u, 10u}) {
    Ref<Map> map = *create({.type = type, .key_size = 4, .value_size = 16, .max_entries = kEntries});
    std::vector<std::thread> threads;
    for (uint32_t thread = 0; thread < 4; ++thread)
      threads.emplace_back([&, thread] {
        std::mt19937 random(thread);
        for (int round = 0; round < 10000; ++round) {
          RcuReadSection section;
          const uint32_t key = random() % 200;
          const uint64_t value[2] = {key, key};
          if (const auto kind = random() % 4; kind < 2) {
            ASSERT_EQ(map->update(&key, value, 0, 0), 0);
          } else if (kind == 2) {
            map->erase(&key);
          } else {
            map->lookup(&key, 0);
          }
        }
      });
    uint32_t most = 0;
    for (int look = 0; look < 50; ++look) {
      Bytes key, next(4);
      uint32_t found = 0;
      while (found < 4 * kEntries && map->sys_next_key(key, next) == 0) ++found, key = next;
      most = std::max(most, found);
    }
    for (std::thread& thread : threads) thread.join();
    Bytes key, next(4);
    uint32_t found = 0;
    while (map->sys_next_key(key, next) == 0) ++found, key = next;
    EXPECT_LE(found, kEntries);
  }
}

// --- bloom filter ---------------------------------------------------------------------------------------

TEST(BloomFilter, SaysNoOnlyToWhatIsNotInIt) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (const uint64_t hashes : {0u, 1u, 3u, 15u}) {
    const MapSpec spec{.type = 30, .value_size = 13, .max_entries = 1000, .extra = hashes};
    LiveSide live(spec);
    OurSide ours(spec);
    EXPECT_EQ(ours.map().memory_usage(), live.memlock());
    std::mt19937 random(7);
    int our_errors = 0, live_errors = 0;
    for (uint32_t number = 0; number < 1000; ++number) {
      Bytes value = bytes_of(number, 13);
      for (const uint64_t flags : {0u, 1u, 2u, 3u})
        ASSERT_EQ(ours.update({}, value, flags), live.update({}, value, flags));
      ASSERT_EQ(ours.lookup({}, value), 0);
      ASSERT_EQ(live.lookup({}, value), 0);
    }
    for (uint32_t number = 1000; number < 11000; ++number) {
      Bytes value = bytes_of(number, 13);
      our_errors += ours.lookup({}, value) == 0;
      live_errors += live.lookup({}, value) == 0;
    }
    EXPECT_LT(our_errors, live_errors * 1.3 + 40) << hashes;  // of 10000
  }
}

// --- locks ----------------------------------------------------------------------------------------------

// [1] int, [2] struct bpf_spin_lock { int val; }, [3] struct { int a; bpf_spin_lock lock; int b[3]; }, 20
// bytes, [4] int[3].
Bytes locked_types() {
  static constexpr char kStrings[] = "\0int\0bpf_spin_lock\0val\0v\0a\0lock\0b";
  const auto at = [](const char* name) {
    for (uint32_t i = 1; i < sizeof kStrings; ++i)
      if (kStrings[i - 1] == 0 && std::strcmp(kStrings + i, name) == 0) return i;
    return 0u;
  };
  const std::vector<uint32_t> words = {at("int"),
                                       1u << 24,
                                       4,
                                       1u << 24 | 32,  // [1]
                                       at("bpf_spin_lock"),
                                       4u << 24 | 1,
                                       4,
                                       at("val"),
                                       1,
                                       0,  // [2]
                                       at("v"),
                                       4u << 24 | 3,
                                       20,
                                       at("a"),
                                       1,
                                       0,
                                       at("lock"),
                                       2,
                                       32,
                                       at("b"),
                                       4,
                                       64,  // [3]
                                       0,
                                       3u << 24,
                                       0,
                                       1,
                                       1,
                                       3};  // [4]
  const auto bytes = static_cast<uint32_t>(words.size() * 4);
  const uint32_t header[] = {0x0001eb9f, 24, 0, bytes, bytes, sizeof kStrings};
  Bytes out(sizeof header + bytes + sizeof kStrings);
  std::memcpy(out.data(), header, sizeof header);
  std::memcpy(out.data() + sizeof header, words.data(), bytes);
  std::memcpy(out.data() + sizeof header + bytes, kStrings, sizeof kStrings);
  return out;
}

TEST(LockedValues, RandomOperationsAgreeWithTheLiveKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const Bytes raw = locked_types();
  const auto live_btf = live::load_btf(raw, 1);
  ASSERT_TRUE(live_btf.fd) << live_btf.error << live_btf.log;
  const auto our_btf = btf::Btf::parse(raw);
  ASSERT_TRUE(our_btf);
  constexpr uint64_t kFlags[] = {0, 4, 0, 4, 1, 2, 5, 6, 3, 7, 8};
  for (const uint32_t type : {1u, 2u}) {
    MapSpec spec{.type = type, .key_size = 4, .value_size = 20, .max_entries = 4};
    spec.btf = *our_btf, spec.btf_key_type_id = 1, spec.btf_value_type_id = 3;
    LiveSide live(spec, live_btf.fd.get());
    OurSide ours(spec);
    ASSERT_EQ(live.error(), 0);
    ASSERT_EQ(ours.error(), 0);
    ASSERT_TRUE(ours.map().has_lock());
    std::mt19937 random(type);
    for (int step = 0; step < 5000; ++step) {
      const Bytes key = bytes_of(random() % 6);
      const uint64_t flags = kFlags[random() % std::size(kFlags)];
      Bytes value(20), seen(20), live_seen(20);
      for (std::byte& b : value) b = static_cast<std::byte>(random());
      switch (random() % 4) {
        case 0:
        case 1:
          ASSERT_EQ(ours.update(key, value, flags), live.update(key, value, flags)) << type << " " << flags;
          break;
        case 2:
          ASSERT_EQ(ours.lookup(key, seen, flags), live.lookup(key, live_seen, flags))
              << type << " " << flags;
          ASSERT_EQ(seen, live_seen);
          break;
        case 3:
          if (random() % 2 == 0) {
            ASSERT_EQ(ours.erase(key), live.erase(key));
          } else {
            ASSERT_EQ(ours.lookup_and_delete(key, seen, flags), live.lookup_and_delete(key, live_seen, flags))
                << type << " " << flags;
            ASSERT_EQ(seen, live_seen);
          }
          break;
      }
    }
  }
}

// With BPF_F_LOCK nobody sees half of a value.
TEST(LockedValues, CopiesUnderTheLockAreWhole) {
  MapSpec spec{.type = 2, .key_size = 4, .value_size = 20, .max_entries = 1};
  spec.btf = *btf::Btf::parse(locked_types()), spec.btf_key_type_id = 1, spec.btf_value_type_id = 3;
  OurSide side(spec);
  ASSERT_EQ(side.error(), 0);
  Map& map = side.map();
  std::atomic<bool> stop{false};
  std::vector<std::thread> writers;
  for (uint32_t i = 1; i <= 2; ++i)
    writers.emplace_back([&, i] {
      uint32_t value[5] = {i, 99, i, i, i};  // the second word lies over the lock
      while (!stop)
        ASSERT_EQ(map.sys_update(bytes_of(0), std::as_bytes(std::span(value)), abi::BPF_F_LOCK), 0);
    });
  for (int look = 0; look < 20000; ++look) {
    uint32_t seen[5];
    ASSERT_EQ(map.sys_lookup(bytes_of(0), std::as_writable_bytes(std::span(seen)), abi::BPF_F_LOCK), 0);
    ASSERT_EQ(seen[1], 0u);
    ASSERT_TRUE(seen[0] == seen[2] && seen[0] == seen[3] && seen[0] == seen[4]);
  }
  stop = true;
  for (std::thread& writer : writers) writer.join();
}

// --- types that stay empty ------------------------------------------------------------------------------

TEST(EmptyTypes, AnswerAsTheLiveKernelDoesForWhatDoesNotExist) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const IntBtf btf;
  for (const uint32_t type : {7u, 14u, 15u, 16u, 17u, 18u, 19u, 20u, 21u, 25u, 31u}) {
    const MapSpec spec = good_spec(type, btf, nullptr);
    LiveSide live(spec);
    OurSide ours(spec);
    ASSERT_EQ(live.error(), 0);
    EXPECT_EQ(ours.map().spec().flags & abi::BPF_F_RDONLY_PROG, type == 14 || type == 25 ? 0x80u : 0u);
    EXPECT_EQ(ours.map().memory_usage(), live.memlock()) << type;
    const bool sockets = ours.map().holds_objects();
    for (const uint32_t number : {0u, 15u, 16u, 99u, UINT32_MAX}) {
      const Bytes key = spec.key_size == 0 ? Bytes{} : bytes_of(number, spec.key_size);
      const auto where = fmt::format("type {} key {}", type, number);
      Bytes value(ours.map().syscall_value_size()), next(spec.key_size + 8);
      EXPECT_EQ(ours.lookup(key, value), live.lookup(key, value)) << where;
      EXPECT_EQ(ours.erase(key), live.erase(key)) << where;
      EXPECT_EQ(ours.next(key, next), live.next(key, next)) << where;
      EXPECT_EQ(ours.lookup_and_delete(key, value), live.lookup_and_delete(key, value)) << where;
      for (const uint64_t flags : {0u, 1u, 2u, 3u, 8u})
        for (const uint32_t content : {0u, 99999u}) {
          if (spec.value_size != 0) std::memcpy(value.data(), &content, 4);
          const int expected = live.update(key, value, flags);
          if (sockets && (expected == -EBADF || expected == -ENOTSOCK))
            continue;  // the syscall layer's answer
          EXPECT_EQ(ours.update(key, value, flags), expected)
              << where << " flags " << flags << " " << content;
        }
    }
  }
}

}  // namespace
}  // namespace skep::maps
