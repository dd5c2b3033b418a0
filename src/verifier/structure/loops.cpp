// Loops: strongly connected components of the flow graph (Tarjan's algorithm, without recursion).
#include <algorithm>

#include "verifier/structure/structure.h"

namespace skep::verifier {

void find_loops(Context& c) {
  struct Visit {
    int32_t insn;
    int next = 0;
  };
  const size_t n = c.insns.size();
  constexpr uint32_t kDone = ~0u;
  std::vector<uint32_t> order(n, 0), low(n, 0);
  std::vector<int32_t> component_stack;
  std::vector<Visit> visits;
  uint32_t counter = 0, components = 0;

  const auto enter = [&](int32_t i) {
    order[static_cast<size_t>(i)] = low[static_cast<size_t>(i)] = ++counter;
    component_stack.push_back(i);
    visits.push_back({i});
  };
  const auto leave = [&](int32_t i) {
    const auto at = static_cast<size_t>(i);
    if (low[at] != order[at]) return;
    const Successors next = successors(c, i);
    const bool self_loop = std::find(next.targets, next.targets + next.count, i) != next.targets + next.count;
    const bool loop = component_stack.back() != i || self_loop;
    if (loop) ++components;
    for (;;) {
      const int32_t member = component_stack.back();
      component_stack.pop_back();
      low[static_cast<size_t>(member)] = kDone;
      if (loop) c.insn_info(member).loop = components;
      if (member == i) break;
    }
  };
  for (size_t root = 0; root < n; ++root) {
    if (order[root] != 0 || !c.info[root].desc) continue;
    enter(static_cast<int32_t>(root));
    while (!visits.empty()) {
      Visit& visit = visits.back();
      const int32_t i = visit.insn;
      const Successors next = successors(c, i);
      if (visit.next < next.count) {
        const int32_t to = next.targets[visit.next++];
        const auto t = static_cast<size_t>(to);
        if (order[t] == 0)
          enter(to);
        else if (low[t] != kDone)
          low[static_cast<size_t>(i)] = std::min(low[static_cast<size_t>(i)], low[t]);
        continue;
      }
      visits.pop_back();
      const uint32_t mine = low[static_cast<size_t>(i)];
      leave(i);
      if (!visits.empty() && low[static_cast<size_t>(i)] != kDone) {
        uint32_t& above = low[static_cast<size_t>(visits.back().insn)];
        above = std::min(above, mine);
      }
    }
  }
}

}  // namespace skep::verifier
