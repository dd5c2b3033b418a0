// Program arrays: errno and contents against the live kernel, and when a replaced program is let go.
#include <gtest/gtest.h>
#include <atomic>

#include <cstring>
#include <random>

#include "abi/bpf.h"
#include "abi/info.h"
#include "base/rcu.h"
#include "maps/prog_array.h"
#include "maps/sides.h"
#include "support/live_kernel.h"

namespace skep::maps {
namespace {

class Target : public TailTarget {
 public:
  explicit Target(std::atomic<int>* alive) : alive_(alive) { ++*alive_; }
  ~Target() override { --*alive_; }

 private:
  std::atomic<int>* alive_;
};

Bytes key_of(uint32_t index) {
  Bytes key(4);
  std::memcpy(key.data(), &index, 4);
  return key;
}

const MapSpec kSpec{.type = abi::BPF_MAP_TYPE_PROG_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 4};

TEST(ProgArray, RandomOperationsAgreeWithTheLiveKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const isa::Insn code[] = {{.code = 0xb7, .dst = 0}, {.code = 0x95}};
  const auto program = live::load(code);
  ASSERT_TRUE(program);
  const auto info = live::info<abi::bpf_prog_info>(program.fd.get());
  ASSERT_TRUE(info);
  std::atomic<int> alive = 0;
  {
    LiveSide live(kSpec);
    OurSide ours(kSpec);
    auto target = make_ref<Target>(&alive);
    target->program_id = info->id;
    Bytes fd(4), our_id(4), live_id(4), next(4), live_next(4);
    const int number = program.fd.get();
    std::memcpy(fd.data(), &number, 4);
    std::mt19937 random(3);
    for (int step = 0; step < 3000; ++step) {
      const Bytes key = key_of(random() % 16 == 0 ? static_cast<uint32_t>(random()) : random() % 6);
      const uint64_t flags = random() % 4 == 0 ? random() % 5 : 0;
      switch (random() % 4) {
        case 0:
          ASSERT_EQ(flags & 4 ? -EINVAL : ours.map().sys_set_object(key, target, flags),
                    live.update(key, fd, flags));
          break;
        case 1:
          ASSERT_EQ(ours.lookup(key, our_id), live.lookup(key, live_id));
          break;
        case 2:
          ASSERT_EQ(ours.erase(key), live.erase(key));
          break;
        case 3:
          ASSERT_EQ(ours.next(key, next), live.next(key, live_next));
          ASSERT_EQ(next, live_next);
          break;
      }
      ASSERT_EQ(our_id, live_id) << step;
    }
    Bytes value(4);
    ASSERT_EQ(ours.lookup_and_delete(key_of(0), value), live.lookup_and_delete(key_of(0), value));
  }
  rcu_barrier_deferred();
  EXPECT_EQ(alive, 0);
}

// A run may be about to jump to what a slot held.
TEST(ProgArray, AReplacedTargetOutlivesTheReaders) {
  auto map = create(kSpec);
  ASSERT_TRUE(map);
  std::atomic<int> alive = 0;
  ASSERT_EQ((*map)->sys_set_object(key_of(1), make_ref<Target>(&alive), 0), 0);
  {
    RcuReadSection section;
    ASSERT_EQ((*map)->sys_set_object(key_of(1), make_ref<Target>(&alive), 0), 0);
    EXPECT_EQ(alive, 2);
  }
  rcu_barrier_deferred();
  EXPECT_EQ(alive, 1);
  (*map)->user_references_gone();
  rcu_barrier_deferred();
  EXPECT_EQ(alive, 0);
  EXPECT_EQ((*map)->sys_object_id(key_of(1)), 0u);
}

TEST(ProgArray, AdmitsOneKindOfProgram) {
  auto map = create(kSpec);
  ASSERT_TRUE(map);
  auto& array = static_cast<ProgArrayMap&>(**map);
  EXPECT_FALSE(array.owner());
  EXPECT_TRUE(array.admit({.prog_type = 1, .jited = true}));
  EXPECT_TRUE(array.admit({.prog_type = 1, .jited = true}));
  EXPECT_FALSE(array.admit({.prog_type = 2, .jited = true}));
  EXPECT_FALSE(array.admit({.prog_type = 1, .jited = false}));
}

}  // namespace
}  // namespace skep::maps
