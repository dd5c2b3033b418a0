// Small programs written by hand, and both engines' images of them.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "exec/executable.h"
#include "exec/jit/x86_64/compiler.h"
#include "isa/insn.h"

namespace skep::exec::jit {

// An instruction by its row: code and keyed fields come from there.
inline isa::Insn make(isa::Op op, int dst = 0, int src = 0, int off = 0, int32_t imm = 0) {
  const isa::InsnDesc& row = isa::row(op);
  isa::Insn insn{};
  insn.code = row.code;
  insn.dst = static_cast<uint8_t>(dst);
  insn.src = static_cast<uint8_t>(row.src_key != isa::kAny ? row.src_key : src);
  insn.off = static_cast<int16_t>(row.off_key != isa::kAny ? row.off_key : off);
  insn.imm = row.imm_key != isa::kAny ? row.imm_key : imm;
  return insn;
}

inline isa::Insn exit_insn() { return make(isa::Op::kExit); }
inline isa::Insn set(int dst, int32_t imm) { return make(isa::Op::kMov64Imm, dst, 0, 0, imm); }
inline isa::Insn copy(int dst, int src) { return make(isa::Op::kMov64Reg, dst, src); }
inline isa::Insn add(int dst, int src) { return make(isa::Op::kAdd64Reg, dst, src); }
inline isa::Insn load64(int dst, int src, int off) { return make(isa::Op::kLoad64, dst, src, off); }
inline isa::Insn store64(int dst, int off, int src) { return make(isa::Op::kStore64Reg, dst, src, off); }

class Program {
 public:
  Program() = default;
  Program(std::initializer_list<isa::Insn> insns) : insns_(insns) {}
  Program& operator+=(const isa::Insn& insn) { return insns_.push_back(insn), *this; }
  // The wide load of a constant.
  Program& load_imm64(int dst, uint64_t value) {
    insns_.push_back(make(isa::Op::kLoadImm64Const, dst, 0, 0, static_cast<int32_t>(value)));
    insns_.push_back({});
    insns_.back().imm = static_cast<int32_t>(value >> 32);
    return *this;
  }
  Program& call(const isa::Insn& insn, helpers::HelperFn helper) {
    helpers_.emplace_back(insns_.size(), helper);
    insns_.push_back(insn);
    return *this;
  }
  Program& call(helpers::HelperFn helper) { return call(make(isa::Op::kCallHelper, 0, 0, 0, 1), helper); }
  Program& load_map(int dst, const maps::Map& map) {
    map_handles_.push_back(insns_.size());
    return load_imm64(dst, map.handle());
  }
  isa::Insn& at(size_t index) { return insns_[index]; }
  size_t size() const { return insns_.size(); }

  Executable executable() const {
    auto made = make_plain_executable(insns_);
    EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().message);
    if (!made) return {};
    for (const auto& [index, helper] : helpers_) made->facts[index].helper = helper;
    for (const size_t index : map_handles_) made->facts[index].is_map_handle = true;
    return *std::move(made);
  }
  Ref<Image> image(Engine engine) const {
    auto made = make_image(executable(), engine);
    EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().message);
    return made ? *std::move(made) : nullptr;
  }
  Ref<Image> jit() const { return image(Engine::kJit); }
  Ref<Image> jit(const x86_64::Target& target) const {
    auto made = x86_64::compile(executable(), target);
    EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().message);
    return made ? *std::move(made) : nullptr;
  }

 private:
  std::vector<isa::Insn> insns_;
  std::vector<std::pair<size_t, helpers::HelperFn>> helpers_;
  std::vector<size_t> map_handles_;
};

// Runs with everything else of the context at its default.
inline uint64_t run(const Ref<Image>& image, void* ctx = nullptr) {
  helpers::RunContext context;
  return image->run(ctx, context);
}

}  // namespace skep::exec::jit
