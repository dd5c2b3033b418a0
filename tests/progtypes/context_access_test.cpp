// Every access of 1, 2, 4, 8 bytes at every offset of every context, against the live kernel: verdict, errno,
// and for accepted ones the number of instructions they become.
#include <gtest/gtest.h>

#include <string>

#include "progtypes/prog_type.h"
#include "progtypes/programs.h"

namespace skep::testing {
namespace {

using progtypes::ContextAccess;
using progtypes::ProgTypeRow;

// kLoadOver: the context's register is overwritten.
enum class Form { kLoad, kLoadOver, kStoreRegister, kStoreImmediate };

struct Verdict {
  int error = 0;      // positive errno
  size_t length = 0;  // instructions that the access became
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

isa::Insn access_insn(Form form, uint32_t offset, uint32_t size) {
  const int off = static_cast<int>(offset);
  if (form == Form::kLoad) return load(size, 0, 1, off);
  if (form == Form::kLoadOver) return load(size, 1, 1, off);
  if (form == Form::kStoreRegister) return store(size, 1, 2, off);
  return store_imm(size, 1, off, 7);
}

// The program around the access: r2 is a number, r0 what the type may return.
Verdict ask_kernel(const Kind& kind, Form form, uint32_t offset, uint32_t size) {
  const isa::Insn program[] = {move(2, 7), access_insn(form, offset, size), move(0, 1), exit_insn()};
  live::Loaded loaded = live::load(program, options_of(kind));
  if (!loaded) return {.error = loaded.error};
  return {.length = live::xlated(loaded.fd.get()).value().size() - 3};
}

// What the rewriter does with a row: the lowered instructions, then shift and mask for a narrow load.
Verdict ask_table(const Kind& kind, Form form, uint32_t offset, uint32_t size) {
  const ProgTypeRow& type = *progtypes::find_prog_type(kind.type);
  const bool write = form == Form::kStoreRegister || form == Form::kStoreImmediate;
  Result<ContextAccess> answer =
      progtypes::check_context_access(type, kind.attach, offset, size, write, kNewestProfile);
  if (!answer) return {.error = answer.error().code};
  if (answer->field == nullptr) return {.length = 1};
  const uint32_t full = answer->full_size != 0 ? answer->full_size : size;
  const uint32_t start = offset & ~(full - 1);
  const isa::Insn original = access_insn(form, start, full);
  std::vector<isa::Insn> lowered;
  const progtypes::FieldUse use{original, start,     full,
                                write,    kind.type, progtypes::effective_attach_type(type, kind.attach)};
  answer->field->lower(*answer->field, use, lowered);
  EXPECT_LE(lowered.size(), progtypes::kMaxLowered);
  size_t length = lowered.size();
  if (!write && size < full && size < answer->field->target_size) length += offset % full != 0 ? 2 : 1;
  return {.length = length};
}

std::string describe(const Kind& kind, Form form, uint32_t offset, uint32_t size) {
  constexpr const char* kNames[] = {"load", "load over", "store", "store imm"};
  return std::string(kNames[static_cast<int>(form)]) + " type " + std::to_string(kind.type) + " attach " +
         std::to_string(kind.attach) + " offset " + std::to_string(offset) + " size " + std::to_string(size);
}

TEST(ContextAccess, AgreesWithTheKernelAtEveryOffset) {
  SKEP_REQUIRE_LIVE_KERNEL();
  int asked = 0, accepted = 0;
  for (const Kind& kind : built_kinds()) {
    const uint32_t size_of_context = progtypes::find_prog_type(kind.type)->context->size;
    const uint32_t end = std::min<uint32_t>(size_of_context, 232) + 8;
    for (uint32_t offset = 0; offset < end; ++offset)
      for (uint32_t size : {1u, 2u, 4u, 8u})
        for (Form form : {Form::kLoad, Form::kLoadOver, Form::kStoreRegister, Form::kStoreImmediate}) {
          const Verdict kernel = ask_kernel(kind, form, offset, size);
          const Verdict table = ask_table(kind, form, offset, size);
          EXPECT_EQ(table.error, kernel.error) << describe(kind, form, offset, size);
          EXPECT_EQ(table.length, kernel.length) << describe(kind, form, offset, size);
          ++asked;
          if (kernel.error == 0) ++accepted;
        }
  }
  RecordProperty("asked", asked);
  RecordProperty("accepted", accepted);
  std::printf("%d accesses asked, %d accepted\n", asked, accepted);
}

TEST(ContextAccess, AgreesAtTheEndOfATraceRecord) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const Kind kind{abi::BPF_PROG_TYPE_TRACEPOINT, 0};
  for (uint32_t offset = 8176; offset < 8200; ++offset)
    for (uint32_t size : {1u, 2u, 4u, 8u})
      EXPECT_EQ(ask_table(kind, Form::kLoad, offset, size), ask_kernel(kind, Form::kLoad, offset, size))
          << describe(kind, Form::kLoad, offset, size);
}

TEST(ContextAccess, AgreesAtTheEndOfASyscallContext) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const Kind kind{abi::BPF_PROG_TYPE_SYSCALL, 0};
  for (uint32_t offset = 32752; offset < 32768; ++offset)  // an instruction reaches no further
    for (uint32_t size : {1u, 2u, 4u, 8u})
      EXPECT_EQ(ask_table(kind, Form::kLoad, offset, size), ask_kernel(kind, Form::kLoad, offset, size))
          << describe(kind, Form::kLoad, offset, size);
}

// A program that reads tstamp_type anywhere sees tstamp as it is.
TEST(ContextAccess, TimeStampBesideItsType) {
  SKEP_REQUIRE_LIVE_KERNEL();
  constexpr Kind kKind{abi::BPF_PROG_TYPE_SCHED_CLS, 0};
  constexpr uint32_t kTstamp = 152, kTstampType = 180;
  const ProgTypeRow& type = *progtypes::find_prog_type(kKind.type);
  for (Form form : {Form::kLoad, Form::kStoreRegister, Form::kStoreImmediate}) {
    const isa::Insn access = access_insn(form, kTstamp, 8);
    const isa::Insn program[] = {move(2, 7), load(1, 3, 1, kTstampType), access, move(0, 1), exit_insn()};
    const live::Loaded loaded = live::load(program, options_of(kKind));
    ASSERT_TRUE(loaded);
    const bool write = form != Form::kLoad;
    std::vector<isa::Insn> lowered;
    for (bool of_type : {true, false}) {
      const uint32_t offset = of_type ? kTstampType : kTstamp, size = of_type ? 1 : 8;
      const bool stores = write && !of_type;
      const ContextAccess answer =
          progtypes::check_context_access(type, 0, offset, size, stores, kNewestProfile).value();
      const isa::Insn original = of_type ? program[1] : access;
      answer.field->lower(*answer.field, {original, offset, size, stores, kKind.type, 0, true}, lowered);
    }
    EXPECT_EQ(lowered.size(), live::xlated(loaded.fd.get()).value().size() - 3) << static_cast<int>(form);
  }
}

// A TCP socket that a program gets at: skb->sk, bpf_sk_fullsock, bpf_tcp_sock.
Verdict ask_kernel_tcp(uint32_t offset, uint32_t size) {
  const auto to_context = insn(abi::BPF_ALU64 | abi::BPF_MOV | abi::BPF_X, 1, 0, 0, 0);
  const auto leave_if_null = [](int reg) {
    return insn(abi::BPF_JMP | abi::BPF_JNE | abi::BPF_K, reg, 0, 2, 0);
  };
  const std::vector<isa::Insn> program = {load(8, 1, 1, 168), leave_if_null(1),
                                          move(0, 1),         exit_insn(),
                                          call(95),           leave_if_null(0),
                                          move(0, 1),         exit_insn(),
                                          to_context,         call(96),
                                          leave_if_null(0),   move(0, 1),
                                          exit_insn(),        load(size, 0, 0, static_cast<int>(offset)),
                                          move(0, 1),         exit_insn()};
  live::Loaded loaded = live::load(program, options_of({abi::BPF_PROG_TYPE_CGROUP_SKB, 0}));
  return {.error = loaded.error};
}

TEST(ContextAccess, AgreesOnTcpSockets) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (uint32_t offset = 0; offset < 120; ++offset)
    for (uint32_t size : {1u, 2u, 4u, 8u}) {
      const auto ours = progtypes::check_tcp_socket_access(offset, size, kNewestProfile);
      const Verdict kernel = ask_kernel_tcp(offset, size);
      EXPECT_EQ(ours.has_value(), kernel.error == 0) << offset << " size " << size;
    }
}

}  // namespace
}  // namespace skep::testing
