// The private parts of Tracepoints: what runs where. Shared by tracepoints.cpp and fire.cpp.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "attach/trace/tracepoints.h"

namespace skep::attach {

struct HookEntry {
  Ref<objects::Program> program;
  uint64_t cookie = 0;
  const void* owner = nullptr;  // the event or link, to find the entry again
};
using HookArray = std::vector<HookEntry>;
using HookList = std::atomic<const HookArray*>;  // null: nothing runs

struct Tracepoints::Hook {
  HookList perf{nullptr}, raw{nullptr};
  ~Hook();
};

struct Tracepoints::State {
  State();

  Hook& hook(const Tracepoint& tracepoint);
  // E2BIG; EEXIST when `unique` and the program is there already.
  Status add(HookList& list, HookEntry entry, bool unique);
  void remove(HookList& list, const void* owner);
  void notify();

  std::mutex mutex;
  std::function<void()> listener;
  std::vector<Hook> hooks;  // parallel to all_tracepoints()
};

}  // namespace skep::attach
