#include "base/rcu.h"

#include <urcu/urcu-memb.h>

#include <utility>

namespace skep {
namespace {

// Registers the thread for its lifetime.
struct ThreadRegistration {
  ThreadRegistration() { urcu_memb_register_thread(); }
  ~ThreadRegistration() { urcu_memb_unregister_thread(); }
};

void ensure_registered() { static thread_local ThreadRegistration registration; }

struct Deferred {
  rcu_head head;  // first member: the callback gets its address back
  std::function<void()> reclaim;
};

void run_deferred(rcu_head* head) {
  auto* deferred = reinterpret_cast<Deferred*>(head);
  deferred->reclaim();
  delete deferred;
}

}  // namespace

RcuReadSection::RcuReadSection() {
  ensure_registered();
  urcu_memb_read_lock();
}

RcuReadSection::~RcuReadSection() { urcu_memb_read_unlock(); }

void rcu_defer(std::function<void()> reclaim) {
  ensure_registered();
  auto* deferred = new Deferred{{}, std::move(reclaim)};
  urcu_memb_call_rcu(&deferred->head, run_deferred);
}

void rcu_synchronize() {
  ensure_registered();
  urcu_memb_synchronize_rcu();
}

void rcu_barrier_deferred() {
  ensure_registered();
  urcu_memb_barrier();
}

}  // namespace skep
