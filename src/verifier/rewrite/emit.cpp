// The two views of the rewritten program: what runs (Executable), and what OBJ_GET_INFO shows (xlated).
#include <fmt/format.h>

#include <limits>

#include "abi/helper_ids.h"
#include "abi/insn.h"
#include "verifier/rewrite/passes.h"

namespace skep::verifier {
namespace {

using isa::Insn;

// Writes a jump's distance into its field.
Status set_distance(Insn& insn, const isa::InsnDesc& desc, int64_t distance) {
  if (desc.format == isa::Format::kJumpLong) {
    if (distance != static_cast<int32_t>(distance)) return fail(ERANGE);
    insn.imm = static_cast<int32_t>(distance);
  } else {
    if (distance != static_cast<int16_t>(distance)) return fail(ERANGE);
    insn.off = static_cast<int16_t>(distance);
  }
  return {};
}

size_t shown_length(const Items& items, const Item& item) {
  return item.shown < 0 ? 1 : items.expansions[static_cast<size_t>(item.shown)].size();
}

// Number of the subprogram as it stands now; subprograms that went away are never called.
int32_t current_subprog(const Items& items, int32_t as_loaded) {
  for (size_t s = 0; s < items.subprogs.size(); ++s)
    if (items.subprogs[s] == as_loaded) return static_cast<int32_t>(s);
  return -1;
}

void set_imm64(Insn& low, Insn& high, uint64_t value) {
  low.imm = static_cast<int32_t>(static_cast<uint32_t>(value));
  high.imm = static_cast<int32_t>(value >> 32);
}

// The rewritten form of a call of bpf_tail_call, from its row.
Insn tail_call_insn() {
  Insn insn;
  insn.code = isa::row(isa::Op::kTailCall).code;
  return insn;
}

// --- what runs ---------------------------------------------------------------------------------------

Status emit_running(const Context& c, const Items& items, size_t i, exec::Executable& out) {
  const Item& item = items.list[i];
  Insn& insn = out.insns[i];
  insn = item.insn;
  out.facts[i].original = item.original;
  if (item.second_slot) return {};
  const isa::InsnDesc& desc = *items.desc(i);
  const auto index = static_cast<int64_t>(i);
  if (desc.is_jump()) return set_distance(insn, desc, item.target - index - 1);
  if (is_subprog_call(&desc)) {
    const int32_t subprog = current_subprog(items, item.target);
    insn.imm = static_cast<int32_t>(int64_t{items.subprog_starts[static_cast<size_t>(subprog)]} - index - 1);
  } else if (is_helper_call(&desc)) {
    out.facts[i].helper = item.helper;
    if (insn.imm == abi::BPF_FUNC_tail_call) insn = tail_call_insn();
  } else if (desc.operation == isa::Operation::kLoadImm64 && insn.src != 0) {
    out.facts[i].is_map_handle = item.map_handle;
    out.facts[i].is_function = item.function;
    insn.src = 0;
    const uint64_t value = item.function ? static_cast<uint64_t>(current_subprog(items, item.target))
                                         : c.info[item.original].load_address;
    set_imm64(insn, out.insns[i + 1], value);
    // The second slot is emitted after this one and must keep what was just written.
  }
  return {};
}

Result<exec::Executable> make_executable(const Context& c, const Items& items) {
  exec::Executable out;
  out.insns.resize(items.list.size());
  out.facts.resize(items.list.size());
  out.maps = c.used_maps;
  out.name = c.request.name;
  // Backwards, so that the first slot of a wide load has the last word over its second.
  for (size_t i = items.list.size(); i-- > 0;) SKEP_TRY(emit_running(c, items, i, out));
  for (size_t s = 0; s < items.subprog_starts.size(); ++s) {
    const SubprogInfo& info = c.subprogs[static_cast<size_t>(items.subprogs[s])];
    exec::Subprog subprog;
    subprog.start = items.subprog_starts[s];
    subprog.end = s + 1 < items.subprog_starts.size() ? items.subprog_starts[s + 1]
                                                      : static_cast<uint32_t>(items.list.size());
    subprog.stack_bytes = (info.stack_depth + 7) / 8 * 8;
    subprog.has_tail_call = info.has_tail_call;
    subprog.name = info.name;
    out.subprogs.push_back(std::move(subprog));
  }
  return out;
}

// --- what is shown -----------------------------------------------------------------------------------

// Linux shows calls of subprograms by number with the distance beside it, and maps by id.
Insn shown_form(const Context& c, const Items& items, const Item& item, Insn insn,
                const std::vector<uint32_t>& position, uint32_t at) {
  const isa::InsnDesc* desc = isa::describe(insn);
  if (is_subprog_call(desc)) {
    const int32_t subprog = current_subprog(items, item.target);
    insn.off = static_cast<int16_t>(position[items.subprog_starts[static_cast<size_t>(subprog)]] - at - 1);
    insn.imm = subprog;
  } else if (desc && desc->operation == isa::Operation::kLoadImm64 && item.target == kNoTarget &&
             insn.src != 0) {
    const InsnInfo& info = c.info[item.original];
    if (info.map) {
      insn.src = item.map_handle ? abi::BPF_PSEUDO_MAP_FD : abi::BPF_PSEUDO_MAP_VALUE;
      insn.imm = static_cast<int32_t>(info.map->id());
    }
  }
  return insn;
}

Status emit_shown(const Context& c, const Items& items, Accepted& out) {
  std::vector<uint32_t> position(items.list.size() + 1);
  uint32_t length = 0;
  for (size_t i = 0; i < items.list.size(); ++i) {
    position[i] = length;
    length += static_cast<uint32_t>(shown_length(items, items.list[i]));
  }
  position[items.list.size()] = length;
  out.xlated.reserve(length);
  for (size_t i = 0; i < items.list.size(); ++i) {
    const Item& item = items.list[i];
    const Expansion own{{item.insn, items.is_jump(i)}};
    const Expansion& shown = item.shown < 0 ? own : items.expansions[static_cast<size_t>(item.shown)];
    for (const ShownInsn& part : shown) {
      const auto at = static_cast<uint32_t>(out.xlated.size());
      Insn insn = item.second_slot ? part.insn : shown_form(c, items, item, part.insn, position, at);
      if (part.to_target)
        SKEP_TRY(set_distance(insn, *isa::describe(insn),
                              int64_t{position[static_cast<size_t>(item.target)]} - at - 1));
      out.xlated.push_back(insn);
      out.xlated_to_original.push_back(item.original);
    }
    if (item.second_slot && i > 0 && items.list[i - 1].insn.src != 0 &&
        c.info[items.list[i - 1].original].map)
      out.xlated.back().imm = static_cast<int32_t>(c.info[items.list[i - 1].original].map_offset);
  }
  return {};
}

}  // namespace

Result<Accepted> emit(const Context& c, const Items& items) {
  Accepted accepted;
  accepted.executable = SKEP_TRY(make_executable(c, items));
  for (const Item& item : items.list) accepted.running_to_original.push_back(item.original);
  SKEP_TRY(emit_shown(c, items, accepted));
  accepted.used_maps = c.used_maps;
  accepted.stack_depth = c.subprogs[0].stack_depth;
  accepted.changes_packet_data = c.changes_packet_data;
  accepted.max_ctx_offset = c.max_ctx_offset;
  accepted.max_ctx_offset = c.max_ctx_offset;
  return accepted;
}

}  // namespace skep::verifier
