// Accesses to the context and to sockets, lowered to the kernel-side structures by their rows.
#include <bit>
#include <vector>

#include "abi/insn.h"
#include "progtypes/ctx/lowering.h"
#include "progtypes/prog_type.h"
#include "verifier/rewrite/passes.h"

namespace skep::verifier {
namespace {

using progtypes::ContextField;
using progtypes::FieldUse;

// Shift and mask that cut a narrow load out of the whole field.
void narrow(const isa::Insn& load, uint32_t offset, uint32_t size, uint32_t full,
            std::vector<isa::Insn>& out) {
  const auto shift = static_cast<int32_t>((offset & (full - 1)) * 8);
  if (shift != 0)
    out.push_back(full <= 4 ? progtypes::alu32(abi::BPF_RSH, load.dst, shift)
                            : progtypes::alu64(abi::BPF_RSH, load.dst, shift));
  const uint64_t mask = (uint64_t{1} << (size * 8)) - 1;
  out.push_back(progtypes::alu32(abi::BPF_AND, load.dst, static_cast<int32_t>(mask)));
}

// Registers of the lowered access name kernel-side memory; its jumps stay inside.
std::vector<Item> as_items(const std::vector<isa::Insn>& insns, uint32_t original) {
  std::vector<Item> items;
  for (size_t i = 0; i < insns.size(); ++i) {
    Item item;
    item.insn = insns[i];
    item.original = original;
    const isa::InsnDesc* desc = isa::describe(insns[i]);
    if (desc && desc->is_jump())
      item.target =
          Items::kLocal + static_cast<int32_t>(isa::jump_target(*desc, insns[i], static_cast<int64_t>(i)));
    items.push_back(item);
  }
  return items;
}

bool reads_tstamp_type(const Context& c) {
  for (const InsnInfo& info : c.info)
    if (info.context_field && info.context_field->name == "tstamp_type") return true;
  return false;
}

}  // namespace

void lower_context_accesses(const Context& c, Items& items) {
  const bool tstamp_type_used = reads_tstamp_type(c);
  std::vector<std::vector<Item>> replacement(items.list.size());
  bool any = false;
  for (size_t i = 0; i < items.list.size(); ++i) {
    const Item& item = items.list[i];
    const isa::InsnDesc* desc = items.desc(i);
    const ContextField* field = c.info[item.original].context_field;
    if (!desc || !field || !field->lower) continue;
    const bool write = desc->operation == isa::Operation::kStore;
    const uint32_t size = desc->mem_bytes;
    const uint32_t full = c.info[item.original].context_full_size;
    const auto offset = static_cast<uint32_t>(item.insn.off);
    const bool narrower = !write && full != 0 && size < full;
    isa::Insn access = item.insn;
    FieldUse use{access, offset, size, write, c.prog_type, c.attach_type, tstamp_type_used};
    if (narrower) {
      use.offset = offset & ~(full - 1);
      use.size = full;
      access.off = static_cast<int16_t>(use.offset);
      access = progtypes::load(full, access.dst, access.src, access.off);
    } else if (!write) {
      access = progtypes::load(size, access.dst, access.src, access.off);
    }
    std::vector<isa::Insn> lowered;
    field->lower(*field, use, lowered);
    if (narrower && size < field->target_size) narrow(item.insn, offset, size, full, lowered);
    if (desc->operation == isa::Operation::kLoadSx) {
      isa::Insn extend = progtypes::alu64_register(abi::BPF_MOV, item.insn.dst, item.insn.dst);
      extend.off = static_cast<int16_t>(size * 8);
      lowered.push_back(extend);
    }
    replacement[i] = as_items(lowered, item.original);
    any = true;
  }
  if (any) items.replace(replacement);
}

}  // namespace skep::verifier
