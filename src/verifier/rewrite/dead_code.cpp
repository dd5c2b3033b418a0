// What no path reached goes away, as Linux does after a privileged verification.
#include <vector>

#include "abi/insn.h"
#include "verifier/rewrite/passes.h"

namespace skep::verifier {
namespace {

isa::Insn always_jump() {
  isa::Insn insn;
  insn.code = abi::BPF_JMP | abi::BPF_JA;
  return insn;
}

// Second slots share the fate of their first.
bool reached(const Context& c, const Items& items, size_t index) {
  const size_t at = items.list[index].original - (items.list[index].second_slot ? 1 : 0);
  return c.info[at].seen;
}

}  // namespace

void hard_wire_branches(const Context& c, Items& items) {
  for (size_t i = 0; i < items.list.size(); ++i) {
    const isa::InsnDesc* desc = items.desc(i);
    if (!desc || !desc->is_conditional() || !reached(c, items, i)) continue;
    Item& item = items.list[i];
    const bool falls_through = i + 1 < items.list.size() && reached(c, items, i + 1);
    if (!falls_through) {
      item.insn = always_jump();
    } else if (!reached(c, items, static_cast<size_t>(item.target))) {
      item.insn = always_jump();
      item.target = static_cast<int32_t>(i) + 1;
    }
  }
}

void remove_dead_code(const Context& c, Items& items) {
  std::vector<bool> dead(items.list.size());
  for (size_t i = 0; i < items.list.size(); ++i) dead[i] = !reached(c, items, i);
  items.remove(dead);
}

// Linux walks forward once, so a jump that only becomes a jump to the next instruction because a later one
// went stays; behind a removed may_goto it looks at the instruction before once more.
void remove_nops(Items& items) {
  const size_t count = items.list.size();
  std::vector<bool> gone(count);
  const auto next_alive = [&](size_t index) {
    while (index < count && gone[index]) ++index;
    return index;
  };
  const auto removable = [&](size_t i) {
    const isa::InsnDesc* desc = items.desc(i);
    if (!desc || desc->format == isa::Format::kJumpLong) return false;
    if (desc->operation != isa::Operation::kJump && desc->operation != isa::Operation::kMayGoto) return false;
    return next_alive(i + 1) == next_alive(static_cast<size_t>(items.list[i].target));
  };
  for (size_t i = 0; i < count; ++i) {
    if (gone[i] || !removable(i)) continue;
    gone[i] = true;
    size_t before = i;
    while (items.desc(i)->operation == isa::Operation::kMayGoto && before-- > 0) {
      if (gone[before]) continue;
      if (removable(before)) gone[before] = true;
      break;
    }
  }
  items.remove(gone);
}

void trap_dead_code(const Context& c, Items& items) {
  for (size_t i = 0; i < items.list.size(); ++i) {
    if (reached(c, items, i)) continue;
    Item& item = items.list[i];
    const uint32_t original = item.original;
    item = Item{};
    item.original = original;
    item.insn = always_jump();
    item.target = static_cast<int32_t>(i);
  }
}

}  // namespace skep::verifier
