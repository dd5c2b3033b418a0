// Deferring: what is deferred runs after the readers, and may itself read and defer.
#include "base/rcu.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace skep {
namespace {

TEST(Rcu, WaitsForReaders) {
  std::atomic<bool> ran{false};
  std::atomic<bool> reading{false}, stop{false};
  std::thread reader([&] {
    const RcuReadSection section;
    reading = true;
    while (!stop) std::this_thread::yield();
    EXPECT_FALSE(ran);
  });
  while (!reading) std::this_thread::yield();
  rcu_defer([&] { ran = true; });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(ran);
  stop = true;
  reader.join();
  rcu_barrier_deferred();
  EXPECT_TRUE(ran);
}

// An object that is freed may own others that are deferred in their turn.
TEST(Rcu, WhatIsDeferredMayReadAndDefer) {
  std::atomic<int> depth{0};
  rcu_defer([&] {
    const RcuReadSection section;
    ++depth;
    rcu_defer([&] { ++depth; });
  });
  rcu_barrier_deferred();
  rcu_barrier_deferred();
  EXPECT_EQ(depth, 2);
}

}  // namespace
}  // namespace skep
