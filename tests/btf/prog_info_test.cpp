// func_info, line_info and function signatures: verdict and log line as the live kernel's PROG_LOAD gives
// them.
#include <gtest/gtest.h>

#include <sys/syscall.h>
#include <unistd.h>

#include <functional>

#include "abi/bpf_attr.h"
#include "abi/helper_ids.h"
#include "btf/btf.h"
#include "btf/builder.h"
#include "btf/oracle.h"
#include "btf/prog_info.h"
#include "support/live_kernel.h"

namespace skep::btf_test {
namespace {

using Insns = std::vector<abi::bpf_insn>;

abi::bpf_insn insn(int code, uint8_t dst, uint8_t src, int16_t off, int32_t imm) {
  return {static_cast<uint8_t>(code), dst, src, off, imm};
}
abi::bpf_insn move(uint8_t dst, int32_t imm) {
  return insn(abi::BPF_ALU64 | abi::BPF_MOV | abi::BPF_K, dst, 0, 0, imm);
}
abi::bpf_insn leave() { return insn(abi::BPF_JMP | abi::BPF_EXIT, 0, 0, 0, 0); }

// main: r1 = 0; call sub; exit.  sub: r0 = imm64; exit.  Subprograms start at 0 and 3; slot 4 is a second
// slot.
Insns two_functions() {
  return {move(1, 0),
          insn(abi::BPF_JMP | abi::BPF_CALL, 0, abi::BPF_PSEUDO_CALL, 0, 1),
          leave(),
          insn(abi::BPF_LD | abi::BPF_IMM | abi::BPF_DW, 0, 0, 0, 0),
          insn(0, 0, 0, 0, 0),
          leave()};
}
constexpr uint32_t kStarts[] = {0, 3};

struct Types {
  Builder builder;
  uint32_t integer, main_func, sub_func, a_struct, text;
};
Types types(uint32_t sub_linkage = abi::BTF_FUNC_STATIC) {
  Types t;
  Builder& b = t.builder;
  t.integer = b.integer("int", 4, 1);
  const uint32_t proto = b.add(abi::BTF_KIND_FUNC_PROTO, "", t.integer, 1, {b.name("x"), t.integer});
  t.main_func = b.add(abi::BTF_KIND_FUNC, "main", proto, abi::BTF_FUNC_GLOBAL);
  t.sub_func = b.add(abi::BTF_KIND_FUNC, "sub", proto, sub_linkage);
  t.a_struct = b.structure("thing", 4, {{"x", t.integer, 0}});
  t.text = b.name("  return 0;");
  return t;
}

struct Load {
  std::span<const abi::bpf_insn> insns;
  std::span<const std::byte> btf;
  std::span<const uint32_t> func_info;
  uint32_t func_record = 8;
  std::span<const uint32_t> line_info;
  uint32_t line_record = 16;
  uint32_t type = abi::BPF_PROG_TYPE_SOCKET_FILTER;
};
uint64_t address(const void* p) { return reinterpret_cast<uintptr_t>(p); }

Verdict ask_kernel_load(const Load& load) {
  const auto btf = live::load_btf(load.btf);
  if (!btf.fd) return {-btf.error, btf.log};
  std::vector<char> log(1 << 20);
  abi::prog_load_attr attr{};
  attr.prog_type = load.type;
  attr.insns = address(load.insns.data());
  attr.insn_cnt = static_cast<uint32_t>(load.insns.size());
  attr.license = address("GPL");
  attr.log_buf = address(log.data());
  attr.log_size = static_cast<uint32_t>(log.size());
  attr.log_level = 1;
  attr.prog_btf_fd = static_cast<uint32_t>(btf.fd.get());
  attr.func_info = address(load.func_info.data());
  attr.func_info_rec_size = load.func_record;
  attr.func_info_cnt =
      load.func_record ? static_cast<uint32_t>(load.func_info.size_bytes() / load.func_record) : 1;
  attr.line_info = address(load.line_info.data());
  attr.line_info_rec_size = load.line_record;
  if (!load.line_info.empty())
    attr.line_info_cnt = static_cast<uint32_t>(load.line_info.size_bytes() / load.line_record);
  const UniqueFd fd(static_cast<int>(live::bpf(abi::BPF_PROG_LOAD, &attr, sizeof attr)));
  return {fd ? 0 : errno, std::string(log.data())};
}

Verdict ours_of(const btf::Btf& btf, const Load& load) {
  btf::StringLog log;
  auto verdict = [&](const auto& result) { return Verdict{result ? 0 : result.error().code, log.text()}; };
  const btf::InfoRecords funcs{
      load.func_record,
      load.func_record ? static_cast<uint32_t>(load.func_info.size_bytes() / load.func_record) : 1,
      std::as_bytes(load.func_info)};
  const auto early = btf::check_func_info_early(btf, funcs, &log);
  if (!early) return verdict(early);
  const auto late = btf::check_func_info(*early, kStarts, &log);
  if (!late) return verdict(late);
  if (load.line_info.empty()) return {};
  const btf::InfoRecords lines{load.line_record,
                               static_cast<uint32_t>(load.line_info.size_bytes() / load.line_record),
                               std::as_bytes(load.line_info)};
  return verdict(btf::check_line_info(btf, lines, load.insns, kStarts, &log));
}

struct InfoCase {
  const char* name;
  std::vector<uint32_t> (*func_info)(const Types&);
  std::vector<uint32_t> (*line_info)(const Types&);
  uint32_t func_record = 8;
  uint32_t line_record = 16;
};
using Words = std::vector<uint32_t>;
Words good_funcs(const Types& t) { return {0, t.main_func, 3, t.sub_func}; }
Words no_lines(const Types&) { return {}; }
constexpr uint32_t kLine = 7 << 10 | 3;

const InfoCase kInfoCases[] = {
    {"good", good_funcs,
     [](const Types& t) { return Words{0, t.text, t.text, kLine, 3, t.text, t.text, kLine}; }},
    {"funcs_only", good_funcs, no_lines},
    {"record_too_small", good_funcs, no_lines, 4},
    {"record_unaligned", [](const Types&) { return Words(5); }, no_lines, 10},
    {"record_too_large", [](const Types&) { return Words(64); }, no_lines, 256},
    {"longer_record", [](const Types& t) { return Words{0, t.main_func, 0, 3, t.sub_func, 0}; }, no_lines,
     12},
    {"longer_record_says_more", [](const Types& t) { return Words{0, t.main_func, 1, 3, t.sub_func, 0}; },
     no_lines, 12},
    {"first_not_at_0", [](const Types& t) { return Words{1, t.main_func, 3, t.sub_func}; }, no_lines},
    {"not_rising", [](const Types& t) { return Words{0, t.main_func, 0, t.sub_func}; }, no_lines},
    {"not_a_func", [](const Types& t) { return Words{0, t.main_func, 3, t.a_struct}; }, no_lines},
    {"no_such_type", [](const Types&) { return Words{0, 77, 3, 78}; }, no_lines},
    {"type_beyond_int", [](const Types&) { return Words{0, 0xffffffff, 3, 78}; }, no_lines},
    {"one_missing", [](const Types& t) { return Words{0, t.main_func}; }, no_lines},
    {"one_too_many", [](const Types& t) { return Words{0, t.main_func, 3, t.sub_func, 5, t.sub_func}; },
     no_lines},
    {"far_away", [](const Types& t) { return Words{0, t.main_func, 300, t.sub_func}; }, no_lines},
    {"elsewhere", [](const Types& t) { return Words{0, t.main_func, 2, t.sub_func}; }, no_lines},
    {"line_record_too_small", good_funcs, [](const Types& t) { return Words{0, t.text, t.text}; }, 8, 12},
    {"line_record_unaligned", good_funcs, [](const Types&) { return Words(9); }, 8, 18},
    {"line_record_longer", good_funcs,
     [](const Types& t) { return Words{0, t.text, t.text, kLine, 0, 3, t.text, t.text, kLine, 0}; }, 8, 20},
    {"line_record_says_more", good_funcs,
     [](const Types& t) { return Words{0, t.text, t.text, kLine, 0, 3, t.text, t.text, kLine, 9}; }, 8, 20},
    {"lines_not_rising", good_funcs,
     [](const Types& t) { return Words{0, t.text, t.text, kLine, 0, t.text, t.text, kLine}; }},
    {"line_behind_the_end", good_funcs,
     [](const Types& t) { return Words{0, t.text, t.text, kLine, 6, t.text, t.text, kLine}; }},
    {"line_at_second_slot", good_funcs,
     [](const Types& t) {
       return Words{0, t.text, t.text, kLine, 3, t.text, t.text, kLine, 4, t.text, t.text, 0};
     }},
    {"bad_line_text", good_funcs, [](const Types& t) { return Words{0, t.text, 0xffff, kLine}; }},
    {"bad_file_name", good_funcs, [](const Types& t) { return Words{0, 0xffff, t.text, kLine}; }},
    {"sub_without_line", good_funcs,
     [](const Types& t) { return Words{0, t.text, t.text, kLine, 5, t.text, t.text, kLine}; }},
    {"sub_without_any_line", good_funcs, [](const Types& t) { return Words{0, t.text, t.text, kLine}; }},
    {"main_without_line", good_funcs, [](const Types& t) { return Words{3, t.text, t.text, kLine}; }},
};

class ProgInfo : public ::testing::TestWithParam<InfoCase> {};

TEST_P(ProgInfo, GetsTheKernelsVerdictAndLog) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const InfoCase& c = GetParam();
  const Types t = types();
  const auto bytes = t.builder.bytes();
  const auto insns = two_functions();
  const Words funcs = c.func_info(t), lines = c.line_info(t);
  const Load load{insns, bytes, funcs, c.func_record, lines, c.line_record};
  const Verdict kernel = ask_kernel_load(load);
  const auto btf = btf::Btf::parse(bytes);
  ASSERT_TRUE(btf);
  const Verdict ours = ours_of(**btf, load);
  EXPECT_EQ(ours.error, kernel.error) << kernel.log;
  if (kernel.error == 0) return;  // a log of an accepted program is the verifier's
  // The kernel ends a refused load's log with its statistics, where it has any.
  EXPECT_EQ(ours.log, kernel.log.substr(0, kernel.log.find("processed "))) << kernel.log;
}
INSTANTIATE_TEST_SUITE_P(All, ProgInfo, ::testing::ValuesIn(kInfoCases),
                         [](const auto& info) { return std::string(info.param.name); });

// --- signatures
// -----------------------------------------------------------------------------------------------

struct SignatureCase {
  const char* name;
  // Adds what it needs and returns {type of the argument, type returned}.
  std::pair<uint32_t, uint32_t> (*make)(Builder&, uint32_t integer);
  std::vector<const char*> tags;
  uint32_t arguments = 1;
  uint32_t type = abi::BPF_PROG_TYPE_SCHED_CLS;
};
using Pair = std::pair<uint32_t, uint32_t>;
uint32_t forward(Builder& b) { return b.add(abi::BTF_KIND_FWD, "opaque", 0); }
uint32_t named_pointer(Builder& b, uint32_t integer, const char* name) {
  return b.pointer(b.structure(name, 8, {{"x", integer, 0}}));
}
const auto kInt = [](Builder&, uint32_t integer) { return Pair{integer, integer}; };
const auto kIntPointer = [](Builder& b, uint32_t integer) { return Pair{b.pointer(integer), integer}; };
const auto kVoidPointer = [](Builder& b, uint32_t integer) { return Pair{b.pointer(0), integer}; };
const auto kContextPointer = [](Builder& b, uint32_t i) { return Pair{named_pointer(b, i, "__sk_buff"), i}; };
const auto kOtherPointer = [](Builder& b, uint32_t i) { return Pair{named_pointer(b, i, "other"), i}; };

const SignatureCase kSignatures[] = {
    {"scalar", kInt, {}},
    {"scalar_with_pointer_tag", kInt, {"arg:nonnull"}},
    {"unknown_tag", kIntPointer, {"arg:sparkling"}},
    {"other_decl_tag", kIntPointer, {"sparkling"}},
    {"memory", kIntPointer, {}},
    {"memory_nonnull", kIntPointer, {"arg:nonnull"}},
    {"memory_nullable", kIntPointer, {"arg:nullable"}},
    {"void_pointer", kVoidPointer, {}},
    {"void_pointer_context", kVoidPointer, {"arg:ctx"}},
    {"context", kContextPointer, {}},
    {"context_tagged", kContextPointer, {"arg:ctx"}},
    {"context_nonnull", kContextPointer, {"arg:nonnull"}},
    {"kernel_side_of_the_context",
     [](Builder& b, uint32_t i) { return Pair{named_pointer(b, i, "sk_buff"), i}; },
     {}},
    {"other_struct", kOtherPointer, {}},
    {"other_struct_as_context", kOtherPointer, {"arg:ctx"}},
    {"int_as_context", kIntPointer, {"arg:ctx"}},
    {"tracepoint_context_is_anything", kOtherPointer, {"arg:ctx"}, 1, abi::BPF_PROG_TYPE_TRACEPOINT},
    {"raw_tracepoint_void", kVoidPointer, {"arg:ctx"}, 1, abi::BPF_PROG_TYPE_RAW_TRACEPOINT},
    {"raw_tracepoint_int", kIntPointer, {"arg:ctx"}, 1, abi::BPF_PROG_TYPE_RAW_TRACEPOINT},
    {"raw_tracepoint_word",
     [](Builder& b, uint32_t i) { return Pair{b.pointer(b.integer("u64", 8)), i}; },
     {"arg:ctx"},
     1,
     abi::BPF_PROG_TYPE_RAW_TRACEPOINT},
    {"forward", [](Builder& b, uint32_t i) { return Pair{b.pointer(forward(b)), i}; }, {}},
    {"struct_by_value",
     [](Builder& b, uint32_t i) { return Pair{b.structure("value", 8, {{"x", i, 0}}), i}; },
     {}},
    {"float", [](Builder& b, uint32_t i) { return Pair{b.add(abi::BTF_KIND_FLOAT, "float", 4), i}; }, {}},
    {"enum", [](Builder& b, uint32_t i) { return Pair{b.add(abi::BTF_KIND_ENUM, "e", 4), i}; }, {}},
    {"typedef_of_int",
     [](Builder& b, uint32_t i) { return Pair{b.add(abi::BTF_KIND_TYPEDEF, "t", i), i}; },
     {}},
    {"array_pointer", [](Builder& b, uint32_t i) { return Pair{b.pointer(b.array(i, i, 5)), i}; }, {}},
    {"dynptr", [](Builder& b, uint32_t i) { return Pair{named_pointer(b, i, "bpf_dynptr"), i}; }, {}},
    {"dynptr_nonnull",
     [](Builder& b, uint32_t i) { return Pair{named_pointer(b, i, "bpf_dynptr"), i}; },
     {"arg:nonnull"}},
    {"trusted_nonnull", kOtherPointer, {"arg:trusted", "arg:nonnull"}},
    {"untrusted_with_more", kOtherPointer, {"arg:untrusted", "arg:nonnull"}},
    {"untrusted_int", kIntPointer, {"arg:untrusted"}},
    {"arena_with_more", kIntPointer, {"arg:arena", "arg:nonnull"}},
    {"returns_void", [](Builder&, uint32_t i) { return Pair{i, 0u}; }, {}},
    {"returns_pointer", [](Builder& b, uint32_t i) { return Pair{i, b.pointer(i)}; }, {}},
    {"returns_enum", [](Builder& b, uint32_t i) { return Pair{i, b.add(abi::BTF_KIND_ENUM, "e", 4)}; }, {}},
    {"six_arguments", kInt, {}, 6},
};

// What the kernel says of a context passed for such an argument; empty: it takes it. That tells which kind it
// has read.
std::string_view refusal_of_context(btf::Argument::Kind kind) {
  switch (kind) {
    case btf::Argument::kScalar:
      return "R1 is not a scalar";
    case btf::Argument::kMemory:
      return "R1 type=ctx expected=";
    case btf::Argument::kDynptr:
      return "arg#0 expected pointer to stack or const struct bpf_dynptr";
    default:
      return "";
  }
}
std::string_view refusal_in(std::string_view log) {
  for (const auto kind : {btf::Argument::kScalar, btf::Argument::kMemory, btf::Argument::kDynptr})
    if (log.contains(refusal_of_context(kind))) return refusal_of_context(kind);
  return "";
}

class Signature : public ::testing::TestWithParam<std::tuple<SignatureCase, uint32_t>> {};

TEST_P(Signature, IsReadAsByTheKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const auto& [c, linkage] = GetParam();
  Types t = types();
  Builder& b = t.builder;
  const auto [argument, returned] = c.make(b, t.integer);
  const uint32_t x = b.name("x");
  const uint32_t proto = b.add(abi::BTF_KIND_FUNC_PROTO, "", returned, c.arguments, {});
  for (uint32_t i = 0; i < c.arguments; ++i) b.word(x), b.word(argument);
  const uint32_t func = b.add(abi::BTF_KIND_FUNC, "checked", proto, linkage);
  for (const char* tag : c.tags) b.add(abi::BTF_KIND_DECL_TAG, tag, func, 0, {0});
  const auto bytes = b.bytes();

  const auto btf = btf::Btf::parse(bytes);
  ASSERT_TRUE(btf);
  btf::StringLog log;
  const char* context = c.type == abi::BPF_PROG_TYPE_SCHED_CLS        ? "__sk_buff"
                        : c.type == abi::BPF_PROG_TYPE_RAW_TRACEPOINT ? "bpf_raw_tracepoint_args"
                                                                      : "";
  const auto ours = btf::classify_function(**btf, (*btf)->type(func), static_cast<abi::bpf_prog_type>(c.type),
                                           context, &log);

  // A global function is verified by itself, whether it is called or not: the body asks nothing of its
  // argument.
  const Insns insns{move(0, 0), insn(abi::BPF_JMP | abi::BPF_CALL, 0, abi::BPF_PSEUDO_CALL, 0, 1), leave(),
                    move(0, 0), leave()};
  const Words funcs{0, t.main_func, 3, func};
  // The caller passes its context in r1, good for a context and a scalar; what it is refused with is not
  // compared.
  const Verdict kernel = ask_kernel_load({insns, bytes, funcs, 8, {}, 16, c.type});
  if (linkage == abi::BTF_FUNC_GLOBAL) {
    if (!ours)
      EXPECT_TRUE(kernel.error == ours.error().code && kernel.log.contains(log.text()))
          << "ours: " << ours.error().code << " " << log.text() << "kernel: " << kernel.error << " "
          << kernel.log;
    else
      EXPECT_EQ(refusal_of_context(ours->arguments.at(0).kind), refusal_in(kernel.log)) << kernel.log;
  } else {
    // The arguments of a static function are whatever the caller passes.
    EXPECT_EQ(kernel.error, 0) << kernel.log;
  }
}
INSTANTIATE_TEST_SUITE_P(All, Signature,
                         ::testing::Combine(::testing::ValuesIn(kSignatures),
                                            ::testing::Values(uint32_t{abi::BTF_FUNC_STATIC},
                                                              uint32_t{abi::BTF_FUNC_GLOBAL})),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) +
                                  (std::get<1>(info.param) == abi::BTF_FUNC_GLOBAL ? "_global" : "_static");
                         });

}  // namespace
}  // namespace skep::btf_test
