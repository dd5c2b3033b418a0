// What xlated shows in place of the instructions that our engines run as one: Linux's sequences for division
// by a register, packet loads, may_goto, inlined map lookups and helpers, and the prologue of packet writers.
// The numbers of instructions are Linux's (x86-64, JIT enabled, a loader with CAP_PERFMON).
#include <bit>
#include <initializer_list>

#include "abi/bpf.h"
#include "abi/helper_ids.h"
#include "abi/insn.h"
#include "verifier/rewrite/passes.h"

namespace skep::verifier {
namespace {

using isa::Insn;
using isa::Operation;
constexpr int kAx = isa::kAuxRegister;

Insn make(int code, int dst, int src, int off, int32_t imm) {
  Insn insn;
  insn.code = static_cast<uint8_t>(code);
  insn.dst = static_cast<uint8_t>(dst) & 0xf;
  insn.src = static_cast<uint8_t>(src) & 0xf;
  insn.off = static_cast<int16_t>(off);
  insn.imm = imm;
  return insn;
}
Insn alu_imm(int cls, int op, int dst, int32_t imm) { return make(cls | op | abi::BPF_K, dst, 0, 0, imm); }
Insn alu_reg(int cls, int op, int dst, int src) { return make(cls | op | abi::BPF_X, dst, src, 0, 0); }
Insn jump_imm(int cls, int op, int dst, int32_t imm, int off) {
  return make(cls | op | abi::BPF_K, dst, 0, off, imm);
}
Insn jump(int off) { return make(abi::BPF_JMP | abi::BPF_JA, 0, 0, off, 0); }
Insn load(int size, int dst, int src, int off) {
  return make(abi::BPF_LDX | abi::BPF_MEM | size, dst, src, off, 0);
}
Insn call(uint32_t helper) {
  return make(abi::BPF_JMP | abi::BPF_CALL, 0, 0, 0, static_cast<int32_t>(helper));
}
Insn leave() { return make(abi::BPF_JMP | abi::BPF_EXIT, 0, 0, 0, 0); }

constexpr int k64 = abi::BPF_ALU64, k32 = abi::BPF_ALU;

Expansion sequence(std::initializer_list<Insn> insns) {
  Expansion expansion;
  for (const Insn& insn : insns) expansion.push_back({insn, false});
  return expansion;
}

// --- division ----------------------------------------------------------------------------------------

Expansion divide(const isa::InsnDesc& desc, Insn insn) {
  const bool wide = desc.width == isa::Width::k64;
  const int jmp = wide ? abi::BPF_JMP : abi::BPF_JMP32;
  const int cls = wide ? k64 : k32;
  const int dst = insn.dst, src = insn.src;
  const Insn clear_upper = alu_reg(k32, abi::BPF_MOV, dst, dst);
  if (desc.operation == Operation::kDiv)
    return sequence(
        {jump_imm(jmp, abi::BPF_JNE, src, 0, 2), alu_reg(k32, abi::BPF_XOR, dst, dst), jump(1), insn});
  if (desc.operation == Operation::kMod) {
    if (wide) return sequence({jump_imm(jmp, abi::BPF_JEQ, src, 0, 1), insn});
    return sequence({jump_imm(jmp, abi::BPF_JEQ, src, 0, 2), insn, jump(1), clear_upper});
  }
  // Signed: the divisor plus one is 1 for a divisor of 0 and 0 for one of -1.
  const Insn copy = alu_reg(k64, abi::BPF_MOV, kAx, src);
  const Insn plus_one = alu_imm(cls, abi::BPF_ADD, kAx, 1);
  if (desc.operation == Operation::kSdiv)
    return sequence({copy, plus_one, jump_imm(jmp, abi::BPF_JGT, kAx, 1, 4),
                     jump_imm(jmp, abi::BPF_JEQ, kAx, 0, 1), alu_imm(cls, abi::BPF_MOV, dst, 0),
                     make(cls | abi::BPF_NEG, dst, 0, 0, 0), jump(1), insn});
  Expansion modulo = sequence({copy, plus_one, jump_imm(jmp, abi::BPF_JGT, kAx, 1, 3),
                               jump_imm(jmp, abi::BPF_JEQ, kAx, 1, wide ? 3 : 4),
                               alu_imm(k32, abi::BPF_MOV, dst, 0), jump(1), insn});
  if (!wide) {
    modulo.push_back({jump(1), false});
    modulo.push_back({clear_upper, false});
  }
  return modulo;
}

// A signed division by the constant -1 becomes a negation, a remainder zero.
Expansion divide_by_minus_one(const isa::InsnDesc& desc, const Insn& insn) {
  const int cls = desc.width == isa::Width::k64 ? k64 : k32;
  if (desc.operation == Operation::kSdiv) return sequence({make(cls | abi::BPF_NEG, insn.dst, 0, 0, 0)});
  return sequence({alu_imm(k32, abi::BPF_MOV, insn.dst, 0)});
}

// --- packet loads and may_goto -----------------------------------------------------------------------

Expansion packet_load(const isa::InsnDesc& desc, const Insn& insn) {
  Expansion out;
  if (desc.operation == Operation::kLoadAbs) {
    out = sequence({alu_imm(k64, abi::BPF_MOV, 2, insn.imm)});
  } else {
    out = sequence({alu_reg(k64, abi::BPF_MOV, 2, insn.src)});
    if (insn.imm != 0) out.push_back({alu_imm(k64, abi::BPF_ADD, 2, insn.imm), false});
  }
  for (const Insn& next :
       {alu_reg(k64, abi::BPF_MOV, 1, 6), call(abi::BPF_FUNC_skb_load_bytes),
        jump_imm(abi::BPF_JMP, abi::BPF_JSGE, 0, 0, 2), alu_reg(k32, abi::BPF_XOR, 0, 0), leave()})
    out.push_back({next, false});
  return out;
}

constexpr int kMayGotoStack = 16;           // a budget and a time stamp, below the program's own stack
constexpr int32_t kMayGotoBudget = 0xffff;  // iterations between two looks at the clock

Expansion may_goto(int budget_offset) {
  Expansion out =
      sequence({load(abi::BPF_DW, kAx, 10, budget_offset), jump_imm(abi::BPF_JMP, abi::BPF_JEQ, kAx, 0, 0),
                alu_imm(k64, abi::BPF_SUB, kAx, 1), jump_imm(abi::BPF_JMP, abi::BPF_JNE, kAx, 0, 2),
                alu_imm(k64, abi::BPF_MOV, kAx, budget_offset), call(0),
                make(abi::BPF_STX | abi::BPF_MEM | abi::BPF_DW, 10, kAx, budget_offset, 0)});
  out[1].to_target = true;
  return out;
}

// --- helpers that Linux inlines ----------------------------------------------------------------------

Insn per_cpu_address(int reg) { return make(k64 | abi::BPF_MOV | abi::BPF_X, reg, reg, -1, 0); }

Expansion array_lookup(const maps::MapSpec& spec) {
  const uint32_t size = (spec.value_size + 7) / 8 * 8;
  const Insn scale = std::has_single_bit(size) ? alu_imm(k64, abi::BPF_LSH, 0, std::countr_zero(size))
                                               : alu_imm(k64, abi::BPF_MUL, 0, static_cast<int32_t>(size));
  return sequence({alu_imm(k64, abi::BPF_ADD, 1, 0), load(abi::BPF_W, 0, 2, 0),
                   jump_imm(abi::BPF_JMP, abi::BPF_JGE, 0, static_cast<int32_t>(spec.max_entries), 3), scale,
                   alu_reg(k64, abi::BPF_ADD, 0, 1), jump(1), alu_imm(k64, abi::BPF_MOV, 0, 0)});
}

Expansion per_cpu_array_lookup(const maps::MapSpec& spec) {
  return sequence({alu_imm(k64, abi::BPF_ADD, 1, 0), load(abi::BPF_W, 0, 2, 0),
                   jump_imm(abi::BPF_JMP, abi::BPF_JGE, 0, static_cast<int32_t>(spec.max_entries), 5),
                   alu_imm(k64, abi::BPF_LSH, 0, 3), alu_reg(k64, abi::BPF_ADD, 0, 1),
                   load(abi::BPF_DW, 0, 0, 0), per_cpu_address(0), jump(1),
                   alu_imm(k64, abi::BPF_MOV, 0, 0)});
}

Expansion hash_lookup(const maps::MapSpec& spec) {
  const auto value_offset = static_cast<int32_t>(48 + (spec.key_size + 7) / 8 * 8);
  return sequence({call(abi::BPF_FUNC_map_lookup_elem), jump_imm(abi::BPF_JMP, abi::BPF_JEQ, 0, 0, 1),
                   alu_imm(k64, abi::BPF_ADD, 0, value_offset)});
}

Expansion per_cpu_hash_lookup(const maps::MapSpec& spec) {
  const auto value_offset = static_cast<int32_t>(48 + (spec.key_size + 7) / 8 * 8);
  return sequence({call(abi::BPF_FUNC_map_lookup_elem), jump_imm(abi::BPF_JMP, abi::BPF_JEQ, 0, 0, 3),
                   alu_imm(k64, abi::BPF_ADD, 0, value_offset), load(abi::BPF_DW, 0, 0, 0),
                   per_cpu_address(0)});
}

struct InlinedLookup {
  uint32_t map_type;
  Expansion (*show)(const maps::MapSpec&);
};
constexpr InlinedLookup kInlinedLookups[] = {
    {abi::BPF_MAP_TYPE_ARRAY, array_lookup},
    {abi::BPF_MAP_TYPE_PERCPU_ARRAY, per_cpu_array_lookup},
    {abi::BPF_MAP_TYPE_HASH, hash_lookup},
    {abi::BPF_MAP_TYPE_PERCPU_HASH, per_cpu_hash_lookup},
};

Expansion helper_call(const Context& c, const InsnInfo& info) {
  switch (info.helper->id) {
    case abi::BPF_FUNC_map_lookup_elem:
      if (info.call_map && !info.call_map_poisoned && c.allow_pointer_leaks)
        for (const InlinedLookup& row : kInlinedLookups)
          if (row.map_type == info.call_map->spec().type) return row.show(info.call_map->spec());
      return {};
    case abi::BPF_FUNC_get_smp_processor_id:
      return sequence({alu_imm(k64, abi::BPF_MOV, 0, 0), per_cpu_address(0), load(abi::BPF_W, 0, 0, 0)});
    case abi::BPF_FUNC_jiffies64:
      return sequence({make(abi::BPF_LD | abi::BPF_IMM | abi::BPF_DW, 0, 0, 0, 0), make(0, 0, 0, 0, 0),
                       load(abi::BPF_DW, 0, 0, 0)});
    default:
      return {};
  }
}

// --- beginnings --------------------------------------------------------------------------------------

// Before a program that writes the packet: take a private copy, or drop.
Expansion writer_prologue(int32_t drop) {
  return sequence({load(abi::BPF_B, 6, 1, 0), alu_imm(k32, abi::BPF_AND, 6, 1),
                   jump_imm(abi::BPF_JMP, abi::BPF_JEQ, 6, 0, 7), alu_reg(k64, abi::BPF_MOV, 6, 1),
                   alu_reg(k64, abi::BPF_XOR, 2, 2), call(abi::BPF_FUNC_skb_pull_data),
                   jump_imm(abi::BPF_JMP, abi::BPF_JEQ, 0, 0, 2), alu_imm(k32, abi::BPF_MOV, 0, drop),
                   leave(), alu_reg(k64, abi::BPF_MOV, 1, 6)});
}

// Shown before item `index`, together with what the item itself shows.
void show_before(Items& items, size_t index, Expansion first) {
  Item& item = items.list[index];
  const Expansion own = item.shown >= 0 ? items.expansions[static_cast<size_t>(item.shown)]
                                        : Expansion{{item.insn, items.is_jump(index)}};
  first.insert(first.end(), own.begin(), own.end());
  items.show(index, std::move(first));
}

int stack_bytes(const Context& c, const Items& items, size_t subprog) {
  const uint32_t depth = c.subprogs[static_cast<size_t>(items.subprogs[subprog])].stack_depth;
  return static_cast<int>((depth + 7) / 8 * 8);
}

Expansion expansion_of(const Context& c, const isa::InsnDesc& desc, const Item& item, int budget_offset) {
  switch (desc.operation) {
    case Operation::kDiv:
    case Operation::kMod:
      return desc.source == isa::Source::kReg ? divide(desc, item.insn) : Expansion{};
    case Operation::kSdiv:
    case Operation::kSmod:
      if (desc.source == isa::Source::kReg) return divide(desc, item.insn);
      return item.insn.imm == -1 ? divide_by_minus_one(desc, item.insn) : Expansion{};
    case Operation::kLoadAbs:
    case Operation::kLoadInd:
      return packet_load(desc, item.insn);
    case Operation::kMayGoto:
      return may_goto(budget_offset);
    case Operation::kAtomicCmpxchg:
      // r0 keeps its upper half when the comparison succeeds on x86-64.
      return desc.width == isa::Width::k32
                 ? sequence({item.insn, make(k32 | abi::BPF_MOV | abi::BPF_X, 0, 0, 0, 1)})
                 : Expansion{};
    case Operation::kCallHelper:
      return c.info[item.original].helper ? helper_call(c, c.info[item.original]) : Expansion{};
    default:
      return {};
  }
}

}  // namespace

void show_expansions(const Context& c, Items& items) {
  for (size_t s = 0; s < items.subprog_starts.size(); ++s) {
    const size_t begin = items.subprog_starts[s];
    const size_t end = s + 1 < items.subprog_starts.size() ? items.subprog_starts[s + 1] : items.list.size();
    const int budget_offset = -(stack_bytes(c, items, s) + kMayGotoStack);
    bool loops = false;
    for (size_t i = begin; i < end; ++i) {
      const isa::InsnDesc* desc = items.desc(i);
      if (!desc) continue;
      loops = loops || desc->operation == Operation::kMayGoto;
      if (Expansion shown = expansion_of(c, *desc, items.list[i], budget_offset); !shown.empty())
        items.show(i, std::move(shown));
    }
    if (loops) {
      constexpr int kStore = abi::BPF_ST | abi::BPF_MEM | abi::BPF_DW;
      show_before(items, begin,
                  sequence({make(kStore, 10, 0, budget_offset, kMayGotoBudget),
                            make(kStore, 10, 0, budget_offset + 8, 0)}));
    }
  }
  const int32_t drop = c.request.type->uncloned_verdict;
  if (c.seen_direct_packet_write && drop >= 0) show_before(items, 0, writer_prologue(drop));
}

}  // namespace skep::verifier
