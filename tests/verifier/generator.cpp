#include "generator.h"

#include <array>
#include <random>

#include "abi/bpf.h"
#include "abi/helper_ids.h"
#include "abi/insn.h"

namespace skep::testing {
namespace {

using isa::Insn;

constexpr int kValueSize = 48;
constexpr int kSlots = 8;  // stack slots that programs work on
constexpr uint8_t kFrame = 10;

enum class Kind : uint8_t { kNone, kScalar, kBounded, kContext, kValue, kStackPointer, kPacket, kPacketEnd };

// What is roughly known of the registers: enough for most programs to be nearly right.
using Registers = std::array<Kind, 11>;

constexpr uint8_t kSizes[] = {abi::BPF_B, abi::BPF_H, abi::BPF_W, abi::BPF_DW};
constexpr int kBytes[] = {1, 2, 4, 8};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed * 0x9e3779b97f4a7c15u + 1) {}

  Generated program() {
    Case& test = out_.test;
    test.family = "fuzz";
    xdp_ = one_in(2);
    test.type = xdp_ ? abi::BPF_PROG_TYPE_XDP : abi::BPF_PROG_TYPE_SCHED_CLS;
    if (one_in(6)) test.flags |= abi::BPF_F_TEST_STATE_FREQ;
    if (one_in(10)) test.flags |= abi::BPF_F_STRICT_ALIGNMENT;
    CaseMap values{
        .spec = {.type = abi::BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = kValueSize, .max_entries = 1}};
    for (int i = 0; i < kValueSize; ++i)
      values.data.push_back(static_cast<std::byte>(one_in(2) ? below(256) : below(4)));
    test.maps.push_back(values);
    test.maps.push_back(
        {.spec = {.type = abi::BPF_MAP_TYPE_HASH, .key_size = 8, .value_size = 16, .max_entries = 8}});
    main_function();
    for (size_t i = 0; i < calls_.size(); ++i) function(i);
    for (const auto& [at, index] : calls_) code()[at].imm = static_cast<int32_t>(starts_[index] - at - 1);
    return std::move(out_);
  }

 private:
  std::vector<Insn>& code() { return out_.test.insns; }
  uint64_t below(uint64_t limit) { return random_() % limit; }
  bool one_in(uint64_t n) { return below(n) == 0; }
  void emit(uint8_t opcode, uint8_t dst, uint8_t src, int off, int32_t imm) {
    code().push_back({.code = opcode, .dst = dst, .src = src, .off = static_cast<int16_t>(off), .imm = imm});
  }
  void move(uint8_t dst, uint8_t src) { emit(0xbf, dst, src, 0, 0), set(dst, registers_[src]); }
  void constant(uint8_t dst, int32_t value) { emit(0xb7, dst, 0, 0, value), set(dst, Kind::kBounded); }
  void set(uint8_t reg, Kind kind) { registers_[reg] = kind; }

  // A register of the kind, or 11 when there is none.
  uint8_t find(Kind kind) {
    const auto start = static_cast<uint8_t>(below(10));
    for (uint8_t i = 0; i < 10; ++i)
      if (registers_[(start + i) % 10] == kind) return (start + i) % 10;
    return 11;
  }
  uint8_t scalar() {
    const uint8_t first = find(one_in(2) ? Kind::kBounded : Kind::kScalar);
    if (first != 11) return first;
    const uint8_t other = find(Kind::kBounded);
    return other != 11 ? other : find(Kind::kScalar);
  }
  // Any register but those that hold the context, the map value and a loop's counter.
  uint8_t target() {
    uint8_t reg;
    do reg = static_cast<uint8_t>(below(10));
    while (kept_ >> reg & 1);
    return reg;
  }
  int32_t number() {
    switch (below(6)) {
      case 0:
        return static_cast<int32_t>(below(8));
      case 1:
        return static_cast<int32_t>(below(64));
      case 2:
        return -static_cast<int32_t>(below(16));
      case 3:
        return static_cast<int32_t>(1u << below(32));
      case 4:
        return static_cast<int32_t>((1u << below(32)) - 1);
      default:
        return static_cast<int32_t>(random_());
    }
  }

  void load_map(uint8_t dst, int32_t index) {
    emit(0x18, dst, abi::BPF_PSEUDO_MAP_FD, 0, index);
    emit(0, 0, 0, 0, 0);
  }
  void clear_stack() {
    for (int slot = 1; slot <= kSlots; ++slot) {
      if (one_in(40)) {
        out_.deterministic = false;
        continue;
      }
      emit(0x7a, kFrame, 0, -8 * slot, one_in(4) ? static_cast<int32_t>(below(16)) : 0);
    }
  }
  void clobber_arguments() {
    for (uint8_t reg = 1; reg <= 5; ++reg) set(reg, Kind::kNone);
  }
  void finish() {
    // The result: what is known to be a number.
    bool first = true;
    for (uint8_t reg = 0; reg < 10; ++reg) {
      if (registers_[reg] != Kind::kScalar && registers_[reg] != Kind::kBounded) continue;
      if (first && reg != 0)
        move(0, reg);
      else if (!first)
        emit(one_in(2) ? 0xaf : 0x0f, 0, reg, 0, 0);
      first = false;
    }
    if (first) constant(0, 1);
    emit(0x95, 0, 0, 0, 0);
  }

  void main_function() {
    set(1, Kind::kContext);
    set(kFrame, Kind::kStackPointer);
    move(6, 1);
    kept_ = 1 << 6 | 1 << 7;
    clear_stack();
    emit(0x62, kFrame, 0, -4, 0);
    move(2, kFrame);
    emit(0x07, 2, 0, 0, -4);
    load_map(1, 0);
    emit(0x85, 0, 0, 0, abi::BPF_FUNC_map_lookup_elem);
    clobber_arguments();
    emit(0x55, 0, 0, 1, 0);
    emit(0x95, 0, 0, 0, 0);
    move(7, 0);
    set(0, Kind::kNone);
    set(7, Kind::kValue);
    emit(0x79, 8, 7, 0, 0);
    set(8, Kind::kScalar);
    if (one_in(2)) packet_pointers();
    block(4 + below(24), 0);
    finish();
  }

  void function(size_t index) {
    starts_.push_back(code().size());
    registers_ = arguments_[index];
    set(kFrame, Kind::kStackPointer);
    kept_ = 0;
    for (uint8_t reg = 1; reg <= 5; ++reg)
      if (registers_[reg] == Kind::kContext || registers_[reg] == Kind::kValue) kept_ |= 1 << reg;
    clear_stack();
    constant(0, 1);
    in_function_ = true;
    block(2 + below(10), 0);
    finish();
  }

  // data in one register, data_end in another, and a check of some length.
  void packet_pointers() {
    const uint8_t context = find(Kind::kContext);
    if (context == 11) return;
    const uint8_t data = target();
    emit(0x61, data, context, xdp_ ? 0 : 76, 0);
    set(data, Kind::kPacket);
    uint8_t end = target();
    if (end == data) return;
    emit(0x61, end, context, xdp_ ? 4 : 80, 0);
    set(end, Kind::kPacketEnd);
  }

  void block(size_t length, int depth) {
    for (size_t i = 0; i < length && code().size() < 400; ++i) step(depth);
  }

  void step(int depth) {
    switch (below(26)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return arithmetic();
      case 4:
        return load_scalar();
      case 5:
      case 6:
        return bound();
      case 7:
      case 8:
      case 9:
        return depth < 3 ? branch(depth) : arithmetic();
      case 10:
      case 11:
        return spill();
      case 12:
      case 13:
        return fill();
      case 14:
      case 15:
      case 16:
        return value_access();
      case 17:
        return stack_access();
      case 18:
      case 19:
        return packet_access();
      case 20:
        return depth < 2 ? loop(depth) : bound();
      case 21:
        return call();
      case 22:
        return helper();
      case 23:
        return atomic();
      case 24:
        return link();
      default:
        return rare();
    }
  }

  void arithmetic() {
    static constexpr uint8_t kOperations[] = {0x00, 0x10, 0x20, 0x30, 0x40, 0x50,
                                              0x60, 0x70, 0x90, 0xa0, 0xb0, 0xc0};
    const uint8_t dst = scalar();
    if (dst == 11 || kept_ >> dst & 1) return load_scalar();
    const uint8_t operation = kOperations[below(std::size(kOperations))];
    const uint8_t width = one_in(3) ? abi::BPF_ALU : abi::BPF_ALU64;
    const bool shift = operation == 0x60 || operation == 0x70 || operation == 0xc0;
    const bool is_signed = (operation == 0x30 || operation == 0x90) && one_in(3);
    const uint8_t src = scalar();
    if (one_in(12)) {
      emit(width | 0x80, dst, 0, 0, 0);  // negation
    } else if (one_in(12)) {
      emit(one_in(2) ? 0xd7 : 0xdc, dst, 0, 0, 16 << below(3));  // byte order
    } else if (one_in(12)) {
      static constexpr int kExtend[] = {8, 16, 32};
      emit(0xbf, dst, src, kExtend[below(3)], 0);
    } else if (one_in(2)) {
      emit(width | operation | 8, dst, src, is_signed ? 1 : 0, 0);
    } else {
      int32_t value = shift ? static_cast<int32_t>(below(width == abi::BPF_ALU ? 32 : 64)) : number();
      if ((operation == 0x30 || operation == 0x90) && value == 0) value = 3;
      emit(width | operation, dst, 0, is_signed ? 1 : 0, value);
    }
    set(dst, Kind::kScalar);
  }

  void load_scalar() {
    const uint8_t dst = target();
    const size_t size = below(4);
    const bool extended = size < 3 && one_in(4);
    if (const uint8_t value = find(Kind::kValue); value != 11) {
      const int at = static_cast<int>(below(kValueSize / kBytes[size])) * kBytes[size];
      emit(static_cast<uint8_t>(abi::BPF_LDX | kSizes[size] | (extended ? 0x80 : 0x60)), dst, value, at, 0);
    } else if (const uint8_t context = find(Kind::kContext); context != 11 && !xdp_) {
      emit(0x61, dst, context, one_in(2) ? 0 : 8, 0);
    } else {
      constant(dst, number());
    }
    set(dst, Kind::kScalar);
  }

  // Makes a number small: by a mask, or by leaving the program when it is not.
  void bound() {
    const uint8_t reg = find(Kind::kScalar);
    if (reg == 11 || kept_ >> reg & 1) return load_scalar();
    const auto limit = static_cast<int32_t>(one_in(3) ? below(kValueSize + 4) : (1u << below(6)) - 1);
    if (one_in(2)) {
      emit(one_in(3) ? 0x54 : 0x57, reg, 0, 0, limit);
    } else if (one_in(2)) {
      emit(one_in(4) ? 0xa6 : 0xa5, reg, 0, 2, limit);
      constant(0, 3);
      emit(0x95, 0, 0, 0, 0);
      set(0, Kind::kNone);
    } else {
      emit(one_in(4) ? 0xc6 : 0xc5, reg, 0, 1, limit);
      emit(0x05, 0, 0, 1, 0);
      emit(0x65, reg, 0, 2, -1);  // s> -1
      constant(0, 4);
      emit(0x95, 0, 0, 0, 0);
      set(0, Kind::kNone);
    }
    set(reg, Kind::kBounded);
  }

  uint8_t comparison() {
    static constexpr uint8_t kComparisons[] = {0x10, 0x20, 0x30, 0x40, 0x50, 0x60,
                                               0x70, 0xa0, 0xb0, 0xc0, 0xd0};
    return static_cast<uint8_t>(kComparisons[below(std::size(kComparisons))] |
                                (one_in(3) ? abi::BPF_JMP32 : abi::BPF_JMP));
  }

  // A conditional jump over a few steps; registers that differ behind it are not used any more, mostly.
  void branch(int depth) {
    const uint8_t reg = scalar();
    if (reg == 11) return load_scalar();
    const uint8_t other = scalar();
    const size_t at = code().size();
    if (one_in(3))
      emit(comparison() | 8, reg, other, 0, 0);
    else
      emit(comparison(), reg, 0, 0, number());
    const Registers before = registers_;
    block(1 + below(4), depth + 1);
    const bool has_else = one_in(3);
    const size_t jump = code().size();
    if (has_else) emit(0x05, 0, 0, 0, 0);
    code()[at].off = static_cast<int16_t>(code().size() - at - 1);
    const Registers taken = registers_;
    registers_ = before;
    if (has_else) {
      block(1 + below(3), depth + 1);
      code()[jump].off = static_cast<int16_t>(code().size() - jump - 1);
    }
    for (size_t i = 0; i < registers_.size(); ++i)
      if (registers_[i] != taken[i]) registers_[i] = join(registers_[i], taken[i]);
  }
  Kind join(Kind a, Kind b) {
    const auto number = [](Kind kind) { return kind == Kind::kScalar || kind == Kind::kBounded; };
    if (number(a) && number(b)) return one_in(20) ? Kind::kBounded : Kind::kScalar;
    return one_in(60) ? a : Kind::kNone;
  }

  int slot_offset(int bytes) {
    const int slot = -8 * static_cast<int>(1 + below(kSlots));
    return slot + static_cast<int>(below(static_cast<uint64_t>(8 / bytes))) * bytes;
  }
  void spill() {
    const size_t size = one_in(3) ? below(4) : 3;
    const int at = size == 3 ? slot_offset(8) : slot_offset(kBytes[size]);
    if (one_in(5))
      return emit(static_cast<uint8_t>(abi::BPF_ST | abi::BPF_MEM | kSizes[size]), kFrame, 0, at, number());
    uint8_t reg = scalar();
    if (one_in(5)) reg = find(Kind::kValue);
    if (one_in(12)) reg = find(Kind::kPacket);
    if (reg == 11) return load_scalar();
    const bool pointer = registers_[reg] != Kind::kScalar && registers_[reg] != Kind::kBounded;
    if (pointer) {
      const int slot = slot_offset(8);
      spilled_pointers_ = true;
      return emit(0x7b, kFrame, reg, slot, 0);
    }
    emit(static_cast<uint8_t>(abi::BPF_STX | abi::BPF_MEM | kSizes[size]), kFrame, reg, at, 0);
  }
  void fill() {
    const uint8_t dst = target();
    const size_t size = one_in(3) ? below(4) : 3;
    const uint8_t mode = size < 3 && one_in(4) ? 0x80 : 0x60;
    // A pointer may come back as a number here: its value must not decide what two kernels answer.
    if (spilled_pointers_) out_.deterministic = false;
    emit(static_cast<uint8_t>(abi::BPF_LDX | mode | kSizes[size]), dst, kFrame, slot_offset(kBytes[size]), 0);
    set(dst, Kind::kScalar);
  }

  void access(uint8_t pointer, int at, size_t size) {
    if (one_in(3)) {
      const uint8_t source = scalar();
      if (source != 11 && source != pointer)
        return emit(static_cast<uint8_t>(abi::BPF_STX | abi::BPF_MEM | kSizes[size]), pointer, source, at, 0);
      return emit(static_cast<uint8_t>(abi::BPF_ST | abi::BPF_MEM | kSizes[size]), pointer, 0, at, number());
    }
    const uint8_t dst = target();
    const uint8_t mode = size < 3 && one_in(5) ? 0x80 : 0x60;
    emit(static_cast<uint8_t>(abi::BPF_LDX | mode | kSizes[size]), dst, pointer, at, 0);
    set(dst, Kind::kScalar);
  }
  int access_offset() {
    switch (below(6)) {
      case 0:
        return -static_cast<int>(below(4));
      case 1:
        return static_cast<int>(below(kValueSize + 2));
      case 2:
        return kValueSize - 8;
      default:
        return static_cast<int>(below(8));
    }
  }

  void value_access() {
    const uint8_t value = find(Kind::kValue);
    const uint8_t index = one_in(8) ? find(Kind::kScalar) : find(Kind::kBounded);
    if (value == 11) return load_scalar();
    const uint8_t pointer = target();
    if (pointer == index || pointer == value) return bound();
    move(pointer, value);
    if (index != 11 && !one_in(5)) {
      emit(one_in(8) ? 0x1f : 0x0f, pointer, index, 0, 0);
      if (one_in(4)) emit(0x07, pointer, 0, 0, static_cast<int32_t>(below(24)) - 8);
    } else if (one_in(2)) {
      emit(0x07, pointer, 0, 0, static_cast<int32_t>(below(kValueSize)) - 4);
    }
    access(pointer, access_offset(), below(4));
    if (registers_[pointer] == Kind::kValue && !one_in(4)) set(pointer, Kind::kNone);
  }

  void stack_access() {
    const uint8_t index = find(Kind::kBounded);
    const uint8_t pointer = target();
    if (pointer == index) return;
    move(pointer, kFrame);
    emit(0x07, pointer, 0, 0, -8 * static_cast<int32_t>(1 + below(kSlots)));
    if (index != 11 && one_in(2)) emit(0x0f, pointer, index, 0, 0);
    if (spilled_pointers_) out_.deterministic = false;
    access(pointer, one_in(3) ? static_cast<int>(below(8)) : 0, below(4));
    if (registers_[pointer] == Kind::kStackPointer)
      set(pointer, one_in(4) ? Kind::kStackPointer : Kind::kNone);
  }

  void packet_access() {
    const uint8_t data = find(Kind::kPacket);
    const uint8_t end = find(Kind::kPacketEnd);
    if (data == 11 || end == 11) return one_in(2) ? packet_pointers() : arithmetic();
    const uint8_t pointer = target();
    if (pointer == data || pointer == end) return;
    const uint8_t index = find(Kind::kBounded);
    const bool variable = index != 11 && index != pointer && one_in(2);
    const uint8_t base = target();
    if (base == pointer || base == end || base == index) return;
    if (base != data) move(base, data);
    if (variable) emit(0x0f, base, index, 0, 0);
    const auto length = static_cast<int32_t>(1 + below(40));
    move(pointer, base);
    emit(0x07, pointer, 0, 0, length);
    static constexpr uint8_t kChecks[] = {0x2d, 0x3d};  // > and >=: behind them the packet is long enough
    if (one_in(3))
      emit(one_in(2) ? 0xad : 0xbd, end, pointer, 2, 0);
    else
      emit(kChecks[below(2)], pointer, end, 2, 0);
    constant(0, 2);
    emit(0x95, 0, 0, 0, 0);
    set(0, Kind::kNone);
    set(pointer, Kind::kNone);
    const size_t size = below(4);
    const int at = one_in(6) ? length : std::max(0, length - kBytes[size] - static_cast<int>(below(4)));
    access(base, at, size);
    if (base != data && registers_[base] == Kind::kPacket && !one_in(3)) set(base, Kind::kNone);
  }

  void loop(int depth) {
    uint8_t counter = static_cast<uint8_t>(one_in(2) ? 9 : below(10));
    if (kept_ >> counter & 1) return arithmetic();
    constant(counter, 0);
    const uint32_t kept = kept_;
    kept_ |= 1u << counter;
    const size_t top = code().size();
    const Registers before = registers_;
    block(1 + below(4), depth + 2);
    emit(0x07, counter, 0, 0, 1);
    const auto count = static_cast<int32_t>(1 + below(9));
    const uint8_t code_byte = one_in(3) ? 0xa6 : one_in(3) ? 0x55 : 0xa5;
    emit(code_byte, counter, 0, static_cast<int>(top) - static_cast<int>(code().size()) - 1, count);
    kept_ = kept;
    // What the body needs must hold at each turn.
    for (size_t i = 0; i < registers_.size(); ++i)
      if (registers_[i] != before[i] && i != counter) registers_[i] = join(registers_[i], before[i]);
    set(counter, Kind::kBounded);
  }

  void call() {
    if (in_function_ || calls_.size() >= 3) return arithmetic();
    Registers arguments = {};
    for (uint8_t reg = 1; reg <= 5; ++reg) {
      if (one_in(3)) continue;
      uint8_t source = one_in(2)   ? find(Kind::kBounded)
                       : one_in(3) ? find(Kind::kValue)
                                   : find(Kind::kScalar);
      if (reg == 1 && one_in(2)) source = 7;
      if (source == 11 || (source < reg && source >= 1)) continue;
      move(reg, source);
      arguments[reg] = registers_[source];
    }
    for (uint8_t reg = 1; reg <= 5; ++reg) arguments[reg] = registers_[reg];
    if (one_in(5)) {
      move(2, kFrame);
      emit(0x07, 2, 0, 0, -16);
      arguments[2] = Kind::kNone;  // the callee finds out by itself, seldom
      if (one_in(2)) arguments[2] = Kind::kStackPointer;
    }
    calls_.emplace_back(code().size(), calls_.size());
    arguments_.push_back(arguments);
    emit(0x85, 0, abi::BPF_PSEUDO_CALL, 0, 0);
    clobber_arguments();
    set(0, Kind::kScalar);
  }

  void helper() {
    if (spilled_pointers_) out_.deterministic = false;
    const int slot = -8 * static_cast<int>(3 + below(kSlots - 3));
    switch (below(4)) {
      case 0:  // lookup with a null check
        move(2, kFrame);
        emit(0x07, 2, 0, 0, slot);
        load_map(1, one_in(2) ? 1 : 0);
        emit(0x85, 0, 0, 0, abi::BPF_FUNC_map_lookup_elem);
        clobber_arguments();
        emit(0x55, 0, 0, 2, 0);
        constant(0, 5);
        emit(0x95, 0, 0, 0, 0);
        set(0, Kind::kNone);
        if (one_in(2)) {
          emit(0x79, 0, 0, static_cast<int>(below(3)) * 8, 0);
          set(0, Kind::kScalar);
        }
        return;
      case 1:  // update
        move(2, kFrame);
        emit(0x07, 2, 0, 0, slot);
        move(3, kFrame);
        emit(0x07, 3, 0, 0, -8 * static_cast<int>(2 + below(kSlots - 2)));
        constant(4, static_cast<int32_t>(below(3)));
        load_map(1, 1);
        emit(0x85, 0, 0, 0, abi::BPF_FUNC_map_update_elem);
        break;
      case 2: {  // memory of a variable size
        const uint8_t size = find(Kind::kBounded);
        if (size == 11 || xdp_) return arithmetic();
        if (size != 2) move(2, size);
        move(1, kFrame);
        emit(0x07, 1, 0, 0, slot);
        constant(3, 0);
        constant(4, 0);
        constant(5, 0);
        emit(0x57, 2, 0, 0, static_cast<int32_t>(below(4)) * 4 + (one_in(5) ? 4 : 0));
        emit(0x85, 0, 0, 0, abi::BPF_FUNC_csum_diff);
        break;
      }
      default: {  // memory that a helper fills
        const uint8_t size = find(Kind::kBounded);
        const uint8_t context = find(Kind::kContext);
        if (size == 11 || context == 11 || xdp_) return arithmetic();
        if (size != 4) move(4, size);
        if (context != 1) move(1, context);
        constant(2, 0);
        move(3, kFrame);
        emit(0x07, 3, 0, 0, slot);
        emit(0x57, 4, 0, 0, static_cast<int32_t>(below(32)));
        emit(0x47, 4, 0, 0, 1);
        emit(0x85, 0, 0, 0, abi::BPF_FUNC_skb_load_bytes);
        break;
      }
    }
    clobber_arguments();
    set(0, Kind::kScalar);
  }

  void atomic() {
    static constexpr int32_t kOperations[] = {0, 0x40, 0x50, 0xa0, 1, 0x41, 0x51, 0xa1, 0xe1};
    const uint8_t src = scalar();
    const uint8_t value = find(Kind::kValue);
    if (src == 11 || kept_ >> src & 1) return load_scalar();
    const bool wide = one_in(2);
    const uint8_t opcode = wide ? 0xdb : 0xc3;
    const int32_t operation = kOperations[below(std::size(kOperations))];
    if (value != 11 && one_in(2))
      emit(opcode, value, src, static_cast<int>(below(6)) * 8, operation);
    else
      emit(opcode, kFrame, src, slot_offset(wide ? 8 : 4), operation);
    if (spilled_pointers_) out_.deterministic = false;
    set(src, Kind::kScalar);
  }

  // A copy, perhaps with a difference, one of which is then compared.
  void link() {
    const uint8_t reg = find(Kind::kScalar);
    const uint8_t copy = target();
    if (reg == 11 || reg == copy || kept_ >> reg & 1) return load_scalar();
    if (one_in(3)) emit(0x57, reg, 0, 0, 0xffff);
    emit(one_in(4) ? 0xbc : 0xbf, copy, reg, 0, 0);
    if (one_in(2)) emit(one_in(4) ? 0x04 : 0x07, copy, 0, 0, static_cast<int32_t>(below(12)) - 2);
    emit(one_in(4) ? 0x26 : 0x25, one_in(2) ? copy : reg, 0, 0, static_cast<int32_t>(below(kValueSize)));
    const size_t at = code().size() - 1;
    code()[at].off = 1;
    emit(0x05, 0, 0, 2, 0);
    constant(0, 6);
    emit(0x95, 0, 0, 0, 0);
    set(0, Kind::kNone);
    set(reg, Kind::kBounded);
    set(copy, Kind::kBounded);
  }

  // Single instructions of any sort: most make the program wrong.
  void rare() {
    switch (below(8)) {
      case 0:
        return emit(0xe5, 0, 0, 0, 0);  // may_goto to the next instruction
      case 1:
        return arithmetic();
      case 2:
      case 3: {  // with any register: what comes out may be an address
        const uint8_t reg = target();
        out_.deterministic = false;
        emit(one_in(2) ? 0x0f : 0xbf, reg, static_cast<uint8_t>(below(11)), 0, 0);
        return set(reg, Kind::kNone);
      }
      case 4: {
        const uint8_t value = find(Kind::kValue);
        if (value == 11) return;
        out_.deterministic = false;
        return emit(0x1f, value, static_cast<uint8_t>(below(11)), 0, 0);
      }
      case 5: {
        const uint8_t pointer = target();
        move(pointer, kFrame);
        out_.deterministic = false;
        return emit(0x7b, pointer, pointer, -8 * static_cast<int>(below(70)), 0);
      }
      case 6:
        return bound();
      default:
        return constant(target(), number());
    }
  }

  std::mt19937_64 random_;
  Generated out_;
  Registers registers_ = {};
  uint32_t kept_ = 0;  // registers that steps do not overwrite
  bool xdp_ = false;
  bool in_function_ = false;
  bool spilled_pointers_ = false;
  std::vector<std::pair<size_t, size_t>> calls_;  // instruction, function
  std::vector<Registers> arguments_;
  std::vector<size_t> starts_;
};

}  // namespace

Generated generate(uint64_t seed) { return Generator(seed).program(); }

}  // namespace skep::testing
