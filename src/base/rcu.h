// RCU (liburcu, the membarrier flavour): readers pay two cheap memory accesses, writers wait or defer.
//
// Any thread may open a read section; it registers itself with the library on its first one. What a reader
// finds inside a section stays alive until the section ends. Sections nest.
#pragma once

#include <functional>

namespace skep {

class RcuReadSection {
 public:
  RcuReadSection();
  ~RcuReadSection();
  RcuReadSection(const RcuReadSection&) = delete;
  RcuReadSection& operator=(const RcuReadSection&) = delete;
};

// Runs `reclaim` on a background thread after every read section open now has ended. Never blocks.
void rcu_defer(std::function<void()> reclaim);
// Waits until every read section open now has ended. Not from inside a section.
void rcu_synchronize();
// Waits until everything given to rcu_defer so far has run. For tests and orderly shutdown.
void rcu_barrier_deferred();

}  // namespace skep
