// Several threads on one map. The data races that matter are ThreadSanitizer's to find (preset tsan); the
// rest is asserted: what a reader sees is a value somebody wrote for that key, and nothing is lost or counted
// twice.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>

#include "abi/bpf.h"
#include "base/rcu.h"
#include "maps/memory.h"
#include "maps/ringbuf.h"
#include "maps/virtual_cpu.h"
#include "maps/words.h"

namespace skep::maps {
namespace {

Ref<Map> make(MapSpec spec) {
  auto map = create(spec);
  EXPECT_TRUE(map);
  return map ? *map : nullptr;
}

void in_threads(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

// Writers own a key range each, so that each knows exactly what its keys must hold.
void hash_with_owned_keys(uint32_t flags) {
  constexpr int kThreads = 4, kKeys = 50, kRounds = 20000;
  Ref<Map> map = make({.type = abi::BPF_MAP_TYPE_HASH,
                       .key_size = 8,
                       .value_size = 16,
                       .max_entries = kThreads * kKeys,
                       .flags = flags});
  in_threads(kThreads, [&](int thread) {
    std::mt19937 random(static_cast<uint32_t>(thread));
    std::vector<uint64_t> expected(kKeys);  // 0: not in the map
    for (int round = 1; round <= kRounds; ++round) {
      RcuReadSection section;
      const uint32_t slot = random() % kKeys;
      const uint64_t key = static_cast<uint64_t>(thread) << 32 | slot;
      const uint64_t value[2] = {key, static_cast<uint64_t>(round)};
      switch (random() % 4) {
        case 0:
        case 1:
          ASSERT_EQ(map->update(&key, value, abi::BPF_ANY, 0), 0);
          expected[slot] = static_cast<uint64_t>(round);
          break;
        case 2:
          ASSERT_EQ(map->erase(&key), expected[slot] != 0 ? 0 : -ENOENT);
          expected[slot] = 0;
          break;
        case 3: {
          const void* found = map->lookup(&key, 0);
          ASSERT_EQ(found != nullptr, expected[slot] != 0);
          if (found == nullptr) break;
          uint64_t seen[2];
          copy_out(seen, found, sizeof seen);
          ASSERT_EQ(seen[0], key);
          ASSERT_EQ(seen[1], expected[slot]);
          break;
        }
      }
    }
  });
}

TEST(Concurrency, HashKeepsEveryThreadsKeys) { hash_with_owned_keys(0); }
TEST(Concurrency, HashWithoutPreallocationKeepsEveryThreadsKeys) {
  hash_with_owned_keys(abi::BPF_F_NO_PREALLOC);
}

// A small and full map under insertion and deletion never holds more than max_entries, and at rest takes
// exactly so many.
TEST(Concurrency, HashNeverPassesMaxEntries) {
  constexpr uint32_t kEntries = 8;
  Ref<Map> map =
      make({.type = abi::BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 4, .max_entries = kEntries});
  std::atomic<int> held{0}, refused{0};
  in_threads(4, [&](int thread) {
    std::mt19937 random(static_cast<uint32_t>(thread));
    for (int round = 0; round < 20000; ++round) {
      RcuReadSection section;
      const uint32_t key = random() % 32, value = key;
      if (random() % 2) {
        const int result = map->update(&key, &value, abi::BPF_NOEXIST, 0);
        if (result == 0) held.fetch_add(1);
        if (result == -E2BIG) refused.fetch_add(1);
      } else if (map->erase(&key) == 0) {
        held.fetch_sub(1);
      }
    }
  });
  EXPECT_GT(refused.load(), 0);
  EXPECT_LE(held.load(), static_cast<int>(kEntries));
  const int64_t visited = map->for_each([](const void*, void*) -> uint64_t { return 0; }, 0);
  EXPECT_EQ(visited, held.load());
  int inserted = 0;
  for (uint32_t key = 1000; key < 1100; ++key) inserted += map->update(&key, &key, abi::BPF_ANY, 0) == 0;
  EXPECT_EQ(inserted + visited, kEntries);
}

// An update replaces the element; a reader always finds one of them.
TEST(Concurrency, ReadersAlwaysFindAKeyThatIsOnlyReplaced) {
  Ref<Map> map = make({.type = abi::BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 8, .max_entries = 2});
  const uint32_t stays = 1, comes_and_goes = 2;
  const uint64_t value = 5;
  ASSERT_EQ(map->update(&stays, &value, 0, 0), 0);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; i < 30000; ++i) {
      EXPECT_EQ(map->update(&stays, &value, abi::BPF_EXIST, 0), 0);
      map->update(&comes_and_goes, &value, 0, 0);
      map->erase(&comes_and_goes);
    }
    stop = true;
  });
  in_threads(2, [&](int) {
    while (!stop) {
      RcuReadSection section;
      ASSERT_NE(map->lookup(&stays, 0), nullptr);
    }
  });
  writer.join();
}

TEST(Concurrency, PerCpuValuesBelongToTheRun) {
  set_possible_cpus(2);
  Ref<Map> map =
      make({.type = abi::BPF_MAP_TYPE_PERCPU_HASH, .key_size = 4, .value_size = 8, .max_entries = 4});
  const uint32_t key = 3;
  const uint64_t zeroes[2] = {};
  ASSERT_EQ(map->sys_update(std::as_bytes(std::span(&key, 1)), std::as_bytes(std::span(zeroes)), 0), 0);
  constexpr int kThreads = 5, kRounds = 4000;
  in_threads(kThreads, [&](int) {
    for (int round = 0; round < kRounds; ++round) {
      VirtualCpu cpu;
      VirtualCpu nested;  // an inner run
      ASSERT_EQ(nested.number(), cpu.number());
      RcuReadSection section;
      auto* counter = static_cast<uint64_t*>(map->lookup(&key, cpu.number()));
      ++*counter;  // nobody else runs on this CPU
    }
  });
  uint64_t values[2] = {};
  ASSERT_EQ(map->sys_lookup(std::as_bytes(std::span(&key, 1)), std::as_writable_bytes(std::span(values)), 0),
            0);
  EXPECT_EQ(values[0] + values[1], uint64_t{kThreads} * kRounds);
}

// Producers in several threads, a consumer that sees only its own mapping, as a client process does.
TEST(Concurrency, RingBufDeliversEveryRecordOnce) {
  constexpr int kProducers = 3;
  constexpr uint64_t kRecords = 20000, kSize = 4096;
  Ref<Map> map = make({.type = abi::BPF_MAP_TYPE_RINGBUF, .max_entries = kSize});
  auto& ring = static_cast<RingBufMap&>(*map);
  const uint64_t page = page_size();
  auto* consumer =
      static_cast<uint64_t*>(mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, ring.mapping()->fd, 0));
  auto* producer = static_cast<std::byte*>(
      mmap(nullptr, page + 2 * kSize, PROT_READ, MAP_SHARED, ring.mapping()->fd, static_cast<off_t>(page)));
  ASSERT_NE(static_cast<void*>(consumer), MAP_FAILED);
  ASSERT_NE(static_cast<void*>(producer), MAP_FAILED);
  const std::byte* data = producer + page;

  std::thread reader([&] {
    uint64_t next[kProducers] = {}, position = 0, seen = 0;
    while (seen < kProducers * kRecords) {
      if (position == __atomic_load_n(reinterpret_cast<uint64_t*>(producer), __ATOMIC_ACQUIRE)) {
        std::this_thread::yield();
        continue;
      }
      const std::byte* record = data + (position & (kSize - 1));
      const uint32_t length = __atomic_load_n(reinterpret_cast<const uint32_t*>(record), __ATOMIC_ACQUIRE);
      if (length & abi::BPF_RINGBUF_BUSY_BIT) {
        std::this_thread::yield();
        continue;
      }
      const uint32_t bytes = length & ~abi::BPF_RINGBUF_DISCARD_BIT;
      if (!(length & abi::BPF_RINGBUF_DISCARD_BIT)) {
        uint64_t words[16];
        ASSERT_LE(bytes, sizeof words);
        ASSERT_GE(bytes, 16u);
        std::memcpy(words, record + 8, bytes);
        ASSERT_LT(words[0], uint64_t{kProducers});
        ASSERT_EQ(words[1], next[words[0]]++);
        for (uint32_t i = 2; i < bytes / 8; ++i) ASSERT_EQ(words[i], words[1] * 31 + i);
        ++seen;
      }
      position += (uint64_t{bytes} + 8 + 7) & ~uint64_t{7};
      __atomic_store_n(consumer, position, __ATOMIC_RELEASE);
    }
  });
  in_threads(kProducers, [&](int thread) {
    std::mt19937 random(static_cast<uint32_t>(thread));
    for (uint64_t sequence = 0; sequence < kRecords;) {
      const uint32_t words = 2 + random() % 15 % 14;
      RcuReadSection section;
      auto* record = static_cast<uint64_t*>(ring.reserve(words * 8, 0));
      if (record == nullptr) {
        std::this_thread::yield();
        continue;
      }
      if (random() % 8 == 0) {
        RingBufMap::discard(record, 0);
        continue;
      }
      record[0] = static_cast<uint64_t>(thread);
      record[1] = sequence;
      for (uint32_t i = 2; i < words; ++i) record[i] = sequence * 31 + i;
      RingBufMap::submit(record, 0);
      ++sequence;
    }
  });
  reader.join();
  munmap(consumer, page);
  munmap(producer, page + 2 * kSize);
}

}  // namespace
}  // namespace skep::maps
