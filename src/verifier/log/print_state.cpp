#include "verifier/log/print_state.h"

#include <bit>

#include "btf/prog_info.h"
#include "isa/text.h"
#include "maps/map.h"

namespace skep::verifier {
namespace {

constexpr std::string_view kKindNames[] = {
    "?",         "scalar",   "ctx",     "map_ptr",   "map_value", "map_key",     "fp",
    "pkt_meta",  "pkt",      "pkt_end", "flow_keys", "sock",      "sock_common", "tcp_sock",
    "tp_buffer", "xdp_sock", "mem",     "buf",       "func",
};

std::string unsigned_number(uint64_t v) {
  return v <= 0xffff ? fmt::format("{}", v) : fmt::format("{:#x}", v);
}
std::string signed_number(int64_t v) {
  return v >= -32768 && v <= 32767 ? fmt::format("{}", v) : fmt::format("{:#x}", static_cast<uint64_t>(v));
}

// Ranges that say something; equal values of several share one number.
void append_ranges(std::string& out, const Bounds& b, std::string_view& separator) {
  struct Item {
    std::string_view name;
    uint64_t value;
    bool omit;
    bool negative() const { return name[0] == 's' && static_cast<int64_t>(value) < 0; }
  };
  Item items[] = {
      {"smin", static_cast<uint64_t>(b.smin), b.smin == kS64Min},
      {"smax", static_cast<uint64_t>(b.smax), b.smax == kS64Max},
      {"umin", b.umin, b.umin == 0},
      {"umax", b.umax, b.umax == kU64Max},
      {"smin32", static_cast<uint64_t>(int64_t{b.s32min}), b.s32min == kS32Min},
      {"smax32", static_cast<uint64_t>(int64_t{b.s32max}), b.s32max == kS32Max},
      {"umin32", b.u32min, b.u32min == 0},
      {"umax32", b.u32max, b.u32max == kU32Max},
  };
  for (size_t i = 0; i < std::size(items); ++i) {
    const Item& first = items[i];
    if (first.omit) continue;
    out += separator;
    separator = ",";
    out += first.name;
    out += '=';
    for (size_t j = i + 2; j < std::size(items); j += 2) {
      Item& other = items[j];
      if (other.omit || other.value != first.value || other.negative() != first.negative()) continue;
      other.omit = true;
      out += other.name;
      out += '=';
    }
    out += first.name[0] == 's' ? signed_number(static_cast<int64_t>(first.value))
                                : unsigned_number(first.value);
  }
}

}  // namespace

std::string type_name(RegKind kind, uint8_t flags) {
  std::string name;
  if (flags & kMemReadOnly) name += "rdonly_";
  if (flags & kMemRingbuf) name += "ringbuf_";
  name += kKindNames[static_cast<size_t>(kind)];
  if (flags & kPtrMaybeNull) name += "_or_null";
  return name;
}

std::string render_register(int shown_frame, const RegState& r) {
  std::string out;
  if (r.is_scalar() && r.precise) out += 'P';
  if (r.is_scalar() && r.bounds.is_const())
    return out + signed_number(static_cast<int64_t>(r.bounds.bits.value));
  out += type_name(r.kind, r.flags);
  if (r.is(RegKind::kStack)) {
    if (static_cast<int>(r.frame) != shown_frame) out += fmt::format("[{}]", r.frame);
    if (r.bounds.is_const()) return out + signed_number(r.fixed_offset());
  }
  out += '(';
  std::string_view separator = "";
  const auto item = [&](std::string_view name, const std::string& value) {
    out += separator;
    separator = ",";
    out += name;
    out += value;
  };
  if (r.id) {
    item("id=", fmt::format("{}", r.base_id()));
    if (r.id & kIdAddConst) out += fmt::format("{:+}", r.off);
  }
  if (r.ref_obj_id) item("ref_obj_id=", fmt::format("{}", r.ref_obj_id));
  if (r.is(RegKind::kMapPtr) || r.is(RegKind::kMapValue) || r.is(RegKind::kMapKey)) {
    if (!r.map->spec().name.empty()) item("map=", r.map->spec().name);
    item("ks=", fmt::format("{},vs={}", r.map->spec().key_size, r.map->spec().value_size));
  }
  if (!r.is_scalar() && r.off) item("off=", signed_number(r.off));
  if (r.is_packet()) item("r=", unsigned_number(static_cast<uint64_t>(int64_t{r.range})));
  if (r.is(RegKind::kMem)) item("sz=", unsigned_number(r.mem_size));
  if (r.bounds.is_const()) {
    if (r.bounds.bits.value) item("imm=", signed_number(static_cast<int64_t>(r.bounds.bits.value)));
  } else {
    append_ranges(out, r.bounds, separator);
    if (!r.bounds.bits.is_unknown())
      item("var_off=", fmt::format("({:#x}; {:#x})", r.bounds.bits.value, r.bounds.bits.mask));
  }
  return out + ')';
}

namespace {

void append_slot(std::string& out, int shown_frame, const StackSlot& slot, int index) {
  constexpr char kLetters[] = {'?', 'r', 'm', '0'};
  std::string letters;
  bool known = false;
  for (SlotByte byte : slot.bytes) {
    known |= byte != SlotByte::kInvalid;
    letters += kLetters[static_cast<size_t>(byte)];
  }
  if (!known) return;
  out += fmt::format(" fp{}=", -(index + 1) * kSlotBytes);
  if (!slot.is_spill()) {
    out += letters;
    return;
  }
  // A spill that fills the slot needs no letters; of a smaller one the rest is shown before the register.
  std::string rest;
  for (int i = 0; i < kSlotBytes && slot.bytes[static_cast<size_t>(i)] != SlotByte::kSpill; ++i)
    rest += letters[static_cast<size_t>(i)];
  out += rest;
  out += render_register(shown_frame, slot.spilled);
}

}  // namespace

void print_state(Context& c, const VerifierState& state, int frame_number, bool all) {
  const Frame& frame = state.frames[static_cast<size_t>(frame_number)];
  std::string out;
  if (frame_number) out += fmt::format(" frame{}:", frame_number);
  for (int i = 0; i < isa::kRegisterCount; ++i) {
    const RegState& r = frame.regs[static_cast<size_t>(i)];
    if (r.is(RegKind::kNotInit) || (!all && !(c.scratched_regs >> i & 1))) continue;
    out += fmt::format(" R{}={}", i, render_register(frame_number, r));
  }
  for (size_t i = 0; i < frame.stack.size(); ++i) {
    if (!all && !(c.scratched_slots >> i & 1)) continue;
    append_slot(out, frame_number, frame.stack[i], static_cast<int>(i));
  }
  if (!state.refs.empty()) {
    for (size_t i = 0; i < state.refs.size(); ++i)
      out += fmt::format("{}{}", i == 0 ? " refs=" : ",", state.refs[i].id);
  }
  if (frame.in_callback) out += " cb";
  out += '\n';
  c.log.write(out);
  if (!all) {
    c.scratched_regs = 0;
    c.scratched_slots = 0;
  }
}

void print_insn_state(Context& c, const VerifierState& state, int frame) {
  constexpr uint64_t kTab = 8, kMinimum = 40;
  if (c.previous_log_position && c.previous_log_position == c.log.position()) {
    c.log.reset_to(c.previous_log_position - 1);  // takes back the newline
    const uint64_t length = c.previous_insn_print_length;
    const uint64_t column = (std::max(length + kTab / 2, kMinimum) + kTab - 1) / kTab * kTab;
    c.log.write(std::string(column - length - 1, ' ') + ";");
  } else {
    c.log.print("{}:", c.insn_index);
  }
  print_state(c, state, frame, false);
}

void print_source_line(Context& c, int32_t insn, std::string_view prefix) {
  if (c.line_info.empty() || !c.request.btf) return;
  const auto after = std::upper_bound(c.line_info.begin(), c.line_info.end(), static_cast<uint32_t>(insn),
                                      [](uint32_t i, const abi::bpf_line_info& l) { return i < l.insn_off; });
  if (after == c.line_info.begin()) return;
  const abi::bpf_line_info* line = &*(after - 1);
  const abi::bpf_line_info* previous = c.previous_line;
  if (line == previous) return;
  if (previous && previous->file_name_off == line->file_name_off &&
      previous->line_col >> 10 == line->line_col >> 10)
    return;
  std::string_view file = btf::source_file(*c.request.btf, *line);
  if (const size_t slash = file.rfind('/'); slash != std::string_view::npos) file.remove_prefix(slash + 1);
  c.log.print("{}{} @ {}:{}\n", prefix, btf::source_line(*c.request.btf, *line), file, line->line_col >> 10);
  c.previous_line = line;
}

// In place of our own addresses, which nobody outside may learn: one such as the kernel's for each map.
static std::string shown_address(const Context& c, int32_t insn) {
  const InsnInfo& info = c.info[static_cast<size_t>(insn)];
  uint64_t index = 0;
  while (index < c.used_maps.size() && c.used_maps[index].get() != info.map) ++index;
  if (info.load_kind == RegKind::kMapValue)
    return fmt::format("{:#x}", 0xffffc90000000000 + (index << 32) + info.map_offset);
  if (info.load_kind == RegKind::kMapPtr) return fmt::format("{:#x}", 0xffff888100000000 + (index << 9));
  return {};
}

std::string insn_text(const Context& c, int32_t insn) {
  isa::Naming naming;
  naming.call = [](const isa::Insn& i) -> std::string {
    return i.src == 0 ? fmt::format("{}#{}", helpers::name_of(static_cast<uint32_t>(i.imm)), i.imm)
                      : std::string();
  };
  naming.immediate = [&](const isa::Insn& i, uint64_t) -> std::string {
    if (i.src == 0) return {};
    if (!c.allow_pointer_leaks) return "0x0";
    return shown_address(c, insn);
  };
  const size_t at = static_cast<size_t>(insn);
  return isa::print(std::span(c.insns).subspan(at, std::min<size_t>(2, c.insns.size() - at)), naming);
}

void print_insn(Context& c, int32_t insn) { c.log.write(insn_text(c, insn) + "\n"); }

std::string tnum_text(Tnum t) {
  return t.is_const() ? fmt::format("{}", t.value) : fmt::format("({:#x}; {:#x})", t.value, t.mask);
}

std::string register_set(uint32_t mask) {
  std::string out;
  for (; mask; mask &= mask - 1) {
    if (!out.empty()) out += ',';
    out += fmt::format("r{}", std::countr_zero(mask));
  }
  return out;
}

std::string slot_set(uint64_t mask) {
  std::string out;
  for (; mask; mask &= mask - 1) {
    if (!out.empty()) out += ',';
    out += fmt::format("{}", -(std::countr_zero(mask) + 1) * kSlotBytes);
  }
  return out;
}

}  // namespace skep::verifier
