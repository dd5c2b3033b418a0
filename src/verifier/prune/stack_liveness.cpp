#include "verifier/prune/stack_liveness.h"

#include <algorithm>

#include "verifier/context.h"
#include "verifier/structure/structure.h"

namespace skep::verifier {

StackLiveness::Instance& StackLiveness::instance_of(Context& c, const VerifierState& state, int depth) {
  std::vector<int32_t> chain;
  for (int i = 0; i <= depth; ++i) {
    const Frame& frame = state.frames[static_cast<size_t>(i)];
    chain.push_back(i == 0 ? -static_cast<int32_t>(frame.subprog) - 1 : frame.callsite);
  }
  // A callback's frame is told apart from other functions called at the same place.
  chain.push_back(static_cast<int32_t>(state.frames[static_cast<size_t>(depth)].subprog));
  auto& slot = instances_[std::move(chain)];
  if (!slot) {
    slot = std::make_unique<Instance>();
    const uint32_t sub = state.frames[static_cast<size_t>(depth)].subprog;
    slot->start = static_cast<int32_t>(c.subprogs[sub].start);
    slot->end = static_cast<int32_t>(c.subprogs[sub + 1].start);
    slot->depth = depth;
    slot->callsite = state.frames[static_cast<size_t>(depth)].callsite;
    Instance* made = slot.get();
    if (depth > 0) made->outer = &instance_of(c, state, depth - 1);
    return *made;
  }
  return *slot;
}

StackLiveness::Masks& StackLiveness::masks(Instance& instance, uint32_t frame, int32_t insn) {
  auto& all = instance.frames[frame];
  if (all.empty()) all.resize(static_cast<size_t>(instance.end - instance.start));
  return all[static_cast<size_t>(insn - instance.start)];
}

void StackLiveness::begin_insn(Context& c) {
  current_ = nullptr;
  insn_ = c.insn_index;
  std::fill(std::begin(written_), std::end(written_), 0);
}

void StackLiveness::read(Context& c, uint32_t frame, int slot) {
  if (!current_) current_ = &instance_of(c, *c.state, c.state->depth());
  Masks& m = masks(*current_, frame, insn_);
  const uint64_t bit = uint64_t{1} << slot;
  if (m.reads & bit) return;
  m.reads |= bit;
  current_->dirty = any_dirty_ = true;
}

void StackLiveness::write(Context& c, uint32_t frame, int slot) {
  if (!current_) current_ = &instance_of(c, *c.state, c.state->depth());
  written_[frame] |= uint64_t{1} << slot;
}

// A write is certain when every visit of the instruction made it.
void StackLiveness::end_insn() {
  if (!current_) return;
  for (int f = 0; f <= current_->depth; ++f) {
    if (current_->frames[f].empty() && !written_[f]) continue;
    Masks& m = masks(*current_, static_cast<uint32_t>(f), insn_);
    const uint64_t writes = m.visited ? m.writes & written_[f] : written_[f];
    if (writes != m.writes) current_->dirty = any_dirty_ = true;
    m.writes = writes;
    m.visited = true;
  }
}

void StackLiveness::flow(Context& c, Instance& instance) {
  for (int f = 0; f <= instance.depth; ++f) {
    auto& all = instance.frames[f];
    if (all.empty()) continue;
    for (bool changed = true; changed;) {
      changed = false;
      for (int32_t i = instance.end - 1; i >= instance.start; --i) {
        if (!c.insn_info(i).desc) continue;
        uint64_t after = 0;
        const Successors next = successors(c, i);
        for (int k = 0; k < next.count; ++k) {
          if (next.targets[k] < instance.start || next.targets[k] >= instance.end) continue;
          after |= all[static_cast<size_t>(next.targets[k] - instance.start)].live;
        }
        Masks& m = all[static_cast<size_t>(i - instance.start)];
        const uint64_t live = (after & ~m.writes) | m.reads;
        changed |= live != m.live;
        m.live = live;
      }
    }
    // What the function may read of its callers' stacks, the call reads.
    if (f == instance.depth || !instance.outer) continue;
    Masks& call = masks(*instance.outer, static_cast<uint32_t>(f), instance.callsite);
    if ((call.reads | all[0].live) == call.reads) continue;
    call.reads |= all[0].live;
    instance.outer->dirty = true;
  }
  instance.dirty = false;
}

void StackLiveness::settle(Context& c) {
  if (!any_dirty_) return;
  std::vector<Instance*> order;
  for (auto& [chain, instance] : instances_) order.push_back(instance.get());
  std::sort(order.begin(), order.end(), [](Instance* a, Instance* b) { return a->depth > b->depth; });
  for (Instance* instance : order)
    if (instance->dirty) flow(c, *instance);
  any_dirty_ = false;
}

bool StackLiveness::alive(Context& c, const VerifierState& state, int frame, int slot) {
  settle(c);
  for (int d = frame; d <= state.depth(); ++d) {
    Instance& instance = instance_of(c, state, d);
    if (instance.frames[frame].empty()) continue;
    // An outer function goes on behind its call.
    const int32_t at =
        d == state.depth() ? state.insn : state.frames[static_cast<size_t>(d) + 1].callsite + 1;
    if (at < instance.start || at >= instance.end) return true;
    if (masks(instance, static_cast<uint32_t>(frame), at).live >> slot & 1) return true;
  }
  return false;
}

}  // namespace skep::verifier
