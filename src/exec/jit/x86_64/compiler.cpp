// The one pass: what each subprogram needs of a frame, then its instructions, then the code gets its place.
#include "exec/jit/x86_64/compiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "exec/jit/x86_64/emitters.h"

namespace skep::exec::jit::x86_64 {
namespace x86 = asmjit::x86;
using isa::Insn;
using isa::InsnDesc;
using isa::Operation;

namespace {

constexpr int kNotSupported = 524;  // Linux's internal ENOTSUPP
constexpr uint32_t kRegisterBytes = 8;
constexpr uint32_t kStackAlignment = 16;

class FirstError final : public asmjit::ErrorHandler {
 public:
  void handleError(asmjit::Error error, const char* text, asmjit::BaseEmitter*) override {
    if (message.empty()) message = fmt::format("assembler error {}: {}", error, text);
  }
  std::string message;
};

// What the frame of a subprogram depends on, and whether its instructions can be compiled at all.
struct Needs {
  std::vector<const InsnDesc*> rows;  // by instruction; null for the second slot of a wide load
  std::vector<bool> is_target;        // by instruction: a jump leads here
  std::vector<Frame> frames;          // by subprogram
};

bool reads_run(const InsnDesc& row) {
  return emitter_of(row.operation).calls || row.access != isa::Access::kProved ||
         row.operation == Operation::kAddrSpaceCast || row.operation == Operation::kPerCpuAddress;
}

std::unexpected<Error> unsupported(size_t index, const char* what) {
  return fail(kNotSupported, fmt::format("instruction {}: {}", index, what));
}

// Checks what the emitters rely on. The verifier has proved all of it; hand-made Executables may lack it.
Status check_operands(const Executable& program, const Subprog& subprog, const InsnDesc& row, size_t index) {
  const Insn& insn = program.insns[index];
  if (insn.dst > isa::kAuxRegister || insn.src > isa::kAuxRegister)
    return unsupported(index, "no such register");
  if (emitter_of(row.operation).emit == nullptr) return unsupported(index, "indirect call");
  if (row.is_jump()) {
    const int64_t target = isa::jump_target(row, insn, static_cast<int64_t>(index));
    if (target < subprog.start || target >= subprog.end)
      return unsupported(index, "jump out of the subprogram");
  }
  if ((row.operation == Operation::kCallHelper || row.operation == Operation::kCallKfunc) &&
      program.facts[index].helper == nullptr)
    return unsupported(index, "call of a helper that is not there");
  if (row.operation == Operation::kCallSubprog) {
    const int64_t start = static_cast<int64_t>(index) + 1 + insn.imm;
    if (std::ranges::none_of(program.subprogs, [&](const Subprog& s) { return s.start == start; }))
      return unsupported(index, "call into the middle of a subprogram");
  }
  if (row.operation == Operation::kLoadImm64) {
    if (index + 1 >= subprog.end) return unsupported(index, "wide load without its second half");
    if (program.facts[index].is_function && static_cast<uint32_t>(insn.imm) >= program.subprogs.size())
      return unsupported(index, "no such subprogram");
  }
  return {};
}

void note_register(Frame& frame, uint8_t reg) {
  if (reg >= 6 && reg <= 9) frame.saved_registers |= 1 << (reg - 6);
  if (reg == 10) frame.frame_pointer = true;
}

// Locals keep rsp 16-aligned at calls, as the System V ABI wants it; rbp is.
void finish_frame(Frame& frame) {
  frame.local_bytes = frame.stack_bytes + (frame.has_budget ? sizeof(LoopBudget) : 0);
  if (frame.local_bytes != 0) frame.frame_pointer = true;
  if (!frame.frame_pointer) return;
  const uint32_t pushed = (std::popcount(frame.saved_registers) + (frame.saves_run ? 1 : 0)) * kRegisterBytes;
  const uint32_t total =
      (frame.local_bytes + pushed + kStackAlignment - 1) / kStackAlignment * kStackAlignment;
  frame.local_bytes = total - pushed;
}

Result<Needs> examine(const Executable& program) {
  Needs needs;
  needs.rows.resize(program.insns.size());
  needs.is_target.resize(program.insns.size());
  needs.frames.resize(program.subprogs.size());
  bool program_reads_run = false;
  for (size_t s = 0; s < program.subprogs.size(); ++s) {
    const Subprog& subprog = program.subprogs[s];
    if (subprog.start >= subprog.end || subprog.end > program.insns.size())
      return unsupported(subprog.start, "empty subprogram");
    Frame& frame = needs.frames[s];
    frame.stack_bytes = subprog.stack_bytes;
    Operation last{};
    for (size_t i = subprog.start; i < subprog.end; ++i) {
      const InsnDesc* row = isa::describe(program.insns[i]);
      if (row == nullptr) return unsupported(i, "unknown instruction");
      SKEP_TRY(check_operands(program, subprog, *row, i));
      needs.rows[i] = row;
      if (row->is_jump())
        needs.is_target[isa::jump_target(*row, program.insns[i], static_cast<int64_t>(i))] = true;
      const isa::FieldUse use = isa::field_use(*row);
      if (use.dst) note_register(frame, program.insns[i].dst);
      if (use.src && row->source == isa::Source::kReg) note_register(frame, program.insns[i].src);
      if (row->format == isa::Format::kLoadAbs || row->format == isa::Format::kLoadInd)
        note_register(frame, 6);
      frame.frame_pointer |= emitter_of(row->operation).calls;
      frame.has_budget |= row->operation == Operation::kMayGoto;
      program_reads_run |= reads_run(*row);
      last = row->operation;
      i += isa::slots(*row) - 1;
    }
    if (last != Operation::kExit && last != Operation::kJump)
      return unsupported(subprog.end - 1, "end of the subprogram within reach");
  }
  needs.frames[0].saves_run = program_reads_run;
  for (Frame& frame : needs.frames) finish_frame(frame);
  return needs;
}

// r2 holds a map that is known when its load stands before it in the same basic block.
void track_r2(Assembly& out, const Site& site) {
  const bool fetches_to_r2 = site.row.is_atomic_rmw() && site.insn.src == 2;
  const bool writes_r2 = fetches_to_r2 || (isa::field_use(site.row).dst && site.insn.dst == 2);
  if (site.facts.is_map_handle && writes_r2)
    out.map_in_r2 = maps::Map::from_handle(isa::imm64(site.insn, out.program.insns[site.index + 1]));
  else if (writes_r2 || emitter_of(site.row.operation).calls)
    out.map_in_r2 = nullptr;
}

void emit_subprogram(Assembly& out, const Needs& needs, size_t number, CodeLayout& layout) {
  const Subprog& subprog = out.program.subprogs[number];
  out.frame = needs.frames[number];
  out.map_in_r2 = nullptr;
  out.a.bind(out.entry_of(number));
  layout.subprograms.push_back(out.offset());
  out.prologue();
  for (uint32_t i = subprog.start; i < subprog.end; ++i) {
    if (needs.is_target[i]) {
      out.a.bind(out.label_of(i));
      out.map_in_r2 = nullptr;
    }
    layout.instructions[i] = out.offset();
    const InsnDesc* row = needs.rows[i];
    if (!row) continue;
    const Site site{*row, out.program.insns[i], out.program.facts[i], i};
    const Emitter& emitter = emitter_of(row->operation);
    emitter.emit(out, site, emitter.instruction);
    track_r2(out, site);
  }
  out.finish_subprogram();
}

// uint64_t(const void* subprogram, const uint64_t args[5], RunContext*): C++ calls a subprogram.
void emit_trampoline(Assembly& out) {
  auto& a = out.a;
  a.push(x86::rbp);
  a.mov(x86::rbp, x86::rsp);
  a.push(kRun);
  a.push(kRun);
  a.mov(kRun, x86::rdx);
  a.mov(kScratch, x86::rdi);
  a.mov(kScratch2, x86::rsi);
  for (int i = 0; i < 5; ++i) a.mov(machine_register(1 + i), x86::qword_ptr(kScratch2, i * kRegisterBytes));
  a.call(kScratch);
  a.pop(kRun);
  a.pop(kRun);
  a.pop(x86::rbp);
  a.ret();
}

std::vector<fault::Site> fault_sites(const Assembly& out, const std::byte* base) {
  std::vector<fault::Site> sites;
  const auto address = reinterpret_cast<uintptr_t>(base);
  sites.reserve(out.faults.size());
  for (const PendingFault& pending : out.faults)
    sites.push_back({address + pending.offset, address + pending.resume, pending.cleared});
  return sites;
}

// The code that asmjit holds, completed for its place.
std::span<const std::byte> relocate(const Assembly& out, asmjit::CodeHolder& holder, const std::byte* base) {
  asmjit::CodeBuffer& buffer = holder.textSection()->buffer();
  for (const PendingCall& call : out.calls) {
    const auto distance =
        static_cast<int32_t>(static_cast<const std::byte*>(call.target) - (base + call.end));
    std::memcpy(buffer.data() + call.end - sizeof(distance), &distance, sizeof(distance));
  }
  return std::as_bytes(std::span(buffer.data(), buffer.size()));
}

}  // namespace

Result<Ref<Image>> compile(Executable executable, const Target& target) {
  const Needs needs = SKEP_TRY(examine(executable));
  asmjit::CodeHolder holder;
  FirstError errors;
  holder.init(asmjit::Environment::host());
  holder.setErrorHandler(&errors);
  Assembly out(holder, executable, target);
  CodeLayout layout;
  layout.instructions.resize(executable.insns.size());
  for (size_t s = 0; s < executable.subprogs.size(); ++s) emit_subprogram(out, needs, s, layout);
  out.finish();
  if (executable.subprogs.size() > 1) {
    layout.trampoline = out.offset();
    emit_trampoline(out);
  }
  if (!errors.message.empty()) return fail(ENOMEM, std::move(errors.message));

  CodeMemory memory = SKEP_TRY(CodeMemory::reserve(out.offset()));
  SKEP_TRY(memory.seal(relocate(out, holder, memory.base())));
  std::vector<fault::Site> sites = fault_sites(out, memory.base());
  if (!sites.empty()) fault::install();
  return Ref<Image>(make_ref<JitImage>(std::move(memory), std::move(layout), std::move(out.functions),
                                       std::move(sites), std::move(executable.maps)));
}

Result<Ref<Image>> compile(Executable executable) { return compile(std::move(executable), host_target()); }

}  // namespace skep::exec::jit::x86_64
