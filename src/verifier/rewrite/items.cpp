#include "verifier/rewrite/items.h"

#include <utility>

namespace skep::verifier {
namespace {

// Jumps follow the items they name; calls name subprograms and are left alone.
void retarget(Items& items, const std::vector<uint32_t>& moved_to) {
  for (size_t i = 0; i < items.list.size(); ++i) {
    Item& item = items.list[i];
    if (item.target != kNoTarget && item.target < Items::kLocal && items.is_jump(i))
      item.target = static_cast<int32_t>(moved_to[static_cast<size_t>(item.target)]);
  }
  for (uint32_t& start : items.subprog_starts) start = moved_to[start];
}

}  // namespace

void Items::remove(const std::vector<bool>& marked) {
  std::vector<uint32_t> moved_to(list.size() + 1);
  uint32_t kept = 0;
  for (size_t i = 0; i < list.size(); ++i) {
    moved_to[i] = kept;
    if (!marked[i]) ++kept;
  }
  moved_to[list.size()] = kept;
  retarget(*this, moved_to);
  size_t out = 0;
  for (size_t i = 0; i < list.size(); ++i)
    if (!marked[i]) list[out++] = list[i];
  list.resize(out);
  for (size_t s = subprog_starts.size(); s-- > 0;) {
    const uint32_t end = s + 1 < subprog_starts.size() ? subprog_starts[s + 1] : kept;
    if (subprog_starts[s] != end) continue;
    subprog_starts.erase(subprog_starts.begin() + static_cast<long>(s));
    subprogs.erase(subprogs.begin() + static_cast<long>(s));
  }
}

void Items::replace(const std::vector<std::vector<Item>>& replacement) {
  std::vector<uint32_t> moved_to(list.size() + 1);
  uint32_t position = 0;
  for (size_t i = 0; i < list.size(); ++i) {
    moved_to[i] = position;
    position += replacement[i].empty() ? 1 : static_cast<uint32_t>(replacement[i].size());
  }
  moved_to[list.size()] = position;
  retarget(*this, moved_to);
  std::vector<Item> result;
  result.reserve(position);
  for (size_t i = 0; i < list.size(); ++i) {
    if (replacement[i].empty()) {
      result.push_back(list[i]);
      continue;
    }
    for (Item item : replacement[i]) {
      if (item.target >= kLocal) item.target = static_cast<int32_t>(moved_to[i]) + (item.target - kLocal);
      result.push_back(item);
    }
  }
  list = std::move(result);
}

void Items::show(size_t index, Expansion expansion) {
  list[index].shown = static_cast<int32_t>(expansions.size());
  expansions.push_back(std::move(expansion));
}

}  // namespace skep::verifier
