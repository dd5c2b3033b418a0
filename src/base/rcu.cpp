#include "base/rcu.h"

#include <urcu/urcu-memb.h>

#include <utility>

#if defined(__SANITIZE_THREAD__)
#define SKEP_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SKEP_TSAN 1
#endif
#endif
#if defined(SKEP_TSAN)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace skep {
namespace {

// ThreadSanitizer does not see into liburcu: tell it that what happens inside read sections and before a
// deferral happens before the reclaiming.
#if defined(SKEP_TSAN)
char grace_period;  // only its address matters
void before_grace_period() { __tsan_release(&grace_period); }
void after_grace_period() { __tsan_acquire(&grace_period); }
#else
void before_grace_period() {}
void after_grace_period() {}
#endif

// Registers the thread for its lifetime.
struct ThreadRegistration {
  ThreadRegistration() { urcu_memb_register_thread(); }
  ~ThreadRegistration() { urcu_memb_unregister_thread(); }
};

// liburcu registers its own thread, which runs what was deferred; that may open sections and defer again.
thread_local bool on_reclaiming_thread = false;

void ensure_registered() {
  if (on_reclaiming_thread) return;
  static thread_local ThreadRegistration registration;
}

struct Deferred {
  rcu_head head;  // first member: the callback gets its address back
  std::function<void()> reclaim;
};

void run_deferred(rcu_head* head) {
  on_reclaiming_thread = true;
  after_grace_period();
  auto* deferred = reinterpret_cast<Deferred*>(head);
  deferred->reclaim();
  delete deferred;
  before_grace_period();  // for who waits in rcu_barrier_deferred
}

}  // namespace

RcuReadSection::RcuReadSection() {
  ensure_registered();
  urcu_memb_read_lock();
}

RcuReadSection::~RcuReadSection() {
  before_grace_period();
  urcu_memb_read_unlock();
}

void rcu_defer(std::function<void()> reclaim) {
  ensure_registered();
  auto* deferred = new Deferred{{}, std::move(reclaim)};
  before_grace_period();
  urcu_memb_call_rcu(&deferred->head, run_deferred);
}

void rcu_synchronize() {
  ensure_registered();
  urcu_memb_synchronize_rcu();
  after_grace_period();
}

void rcu_barrier_deferred() {
  ensure_registered();
  urcu_memb_barrier();
  after_grace_period();
}

}  // namespace skep
