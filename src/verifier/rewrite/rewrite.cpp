#include "verifier/rewrite/rewrite.h"

#include "abi/insn.h"
#include "verifier/rewrite/passes.h"

namespace skep::verifier {

Items make_items(const Context& c) {
  Items items;
  items.list.resize(c.insns.size());
  for (size_t i = 0; i < c.insns.size(); ++i) {
    const InsnInfo& info = c.info[i];
    Item& item = items.list[i];
    item.insn = c.insns[i];
    item.original = static_cast<uint32_t>(i);
    item.second_slot = info.desc == nullptr;
    if (item.second_slot) continue;
    if (info.desc->is_jump())
      item.target = static_cast<int32_t>(isa::jump_target(*info.desc, item.insn, static_cast<int64_t>(i)));
    if (is_subprog_call(info.desc)) item.target = c.subprog_at(static_cast<int32_t>(i) + 1 + item.insn.imm);
    if (is_helper_call(info.desc) && info.helper) item.helper = info.helper->impl;
    if (info.desc->operation == isa::Operation::kLoadImm64) {
      item.map_handle = info.load_kind == RegKind::kMapPtr;
      item.function = info.load_kind == RegKind::kFunc;
      if (item.function) item.target = static_cast<int32_t>(info.load_subprog);
    }
  }
  for (uint32_t s = 0; s < c.subprog_count(); ++s) {
    items.subprog_starts.push_back(c.subprogs[s].start);
    items.subprogs.push_back(static_cast<int32_t>(s));
  }
  return items;
}

Result<Accepted> rewrite(Context& c) {
  Items items = make_items(c);
  if (c.privileged) {
    hard_wire_branches(c, items);
    remove_dead_code(c, items);
    remove_nops(items);
  } else {
    trap_dead_code(c, items);
  }
  lower_context_accesses(c, items);
  show_expansions(c, items);
  return emit(c, items);
}

}  // namespace skep::verifier
