// Instructions as text, in the notation of the kernel's verifier log and of bpftool's xlated dumps:
//
//   (b7) r0 = 5                    (07) r1 += -8                 (bf) r1 = (s8)r2
//   (18) r1 = 0xffff888100000000   (61) r2 = *(u32 *)(r1 +4)     (62) *(u32 *)(r10 -4) = 7
//   (db) lock *(u64 *)(r10 -8) += r1     (db) r0 = atomic64_fetch_add((u64 *)(r1 +0), r0)
//   (15) if r1 == 0x5 goto pc+3    (85) call bpf_trace_printk#6  (95) exit
//
// print() and assemble() read the same patterns (pattern.h), one for each row of insn.def.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "isa/insn.h"

namespace skep::isa {

// How calls and wide constants are named; an empty function or an empty answer means the default.
struct Naming {
  // What stands after "call ". Default: "NAME#ID" of a helper, "pc+N", "kernel-function#ID".
  std::function<std::string(const Insn& insn)> call;
  // What stands after "rN = " of a wide load. Default: the value in hexadecimal, as the verifier log has it.
  std::function<std::string(const Insn& insn, uint64_t value)> immediate;
};

// Wide loads by what they name, which assemble() reads back: map[fd:5], map[fd:5][0]+8, map[idx:0],
// map[idx:0][0]+8, btf[7][1], subprog[+3].
Naming symbolic_naming();

// One instruction, with its opcode: "(b7) r0 = 0". `at` starts at it; a wide load needs both slots.
// Bytes that no row describes give "(xx) unknown".
std::string print(std::span<const Insn> at, const Naming& naming = {});

// A program: one instruction a line. Read also:
//   - an index or an opcode in front ("3: (b7) r0 = 0"); the opcode chooses rows that are written alike
//   - labels: "again:" alone or before an instruction; as target of goto, gotol, may_goto, if and call
//   - comments from ';' or "//" to the end of the line
// A wide load has a hexadecimal constant, a mov a decimal one, as in the kernel's notation.
// EINVAL with "line N: ..." for anything else.
Result<std::vector<Insn>> assemble(std::string_view text);

}  // namespace skep::isa
