// Items: a program while it is being rewritten. Jumps name their target item instead of a distance, so that
// passes insert and remove freely; distances come back at the end (emit.cpp).
#pragma once

#include <cstdint>
#include <vector>

#include "helpers/run_context.h"
#include "isa/insn.h"

namespace skep::verifier {

inline constexpr int32_t kNoTarget = -1;

struct Item {
  isa::Insn insn;
  uint32_t original = 0;  // index in the program as loaded
  int32_t target =
      kNoTarget;  // jumps: index of an item; calls of subprograms and function loads: the subprogram
  bool second_slot = false;  // the upper half of a wide load
  helpers::HelperFn helper = nullptr;
  bool map_handle = false;  // a wide load of a map itself
  bool function = false;    // a wide load of a subprogram
  int32_t shown = -1;       // index in Items::expansions of what xlated shows in its place; -1: itself
};

// One instruction of an expansion that is shown. Distances inside are final.
struct ShownInsn {
  isa::Insn insn;
  bool to_target = false;  // a jump to the item's own target
};
using Expansion = std::vector<ShownInsn>;

struct Items {
  std::vector<Item> list;
  std::vector<uint32_t> subprog_starts;  // items
  std::vector<int32_t> subprogs;         // for each start: the subprogram's number as loaded
  std::vector<Expansion> expansions;

  // The row of an item; null for the second slot of a wide load.
  const isa::InsnDesc* desc(size_t index) const {
    return list[index].second_slot ? nullptr : isa::describe(list[index].insn);
  }
  bool is_jump(size_t index) const {
    const isa::InsnDesc* d = desc(index);
    return d && d->is_jump();
  }

  // Takes out the items that are marked. What pointed at one points at the next that stays; subprograms of
  // which nothing stays disappear.
  void remove(const std::vector<bool>& marked);
  // Puts `replacement[i]` in place of item i where it is not empty. Jumps inside a replacement already name
  // items by kLocal + their index in it.
  static constexpr int32_t kLocal = 1 << 28;
  void replace(const std::vector<std::vector<Item>>& replacement);
  void show(size_t index, Expansion expansion);
};

}  // namespace skep::verifier
