// Wrong BTF by design: shapes that random input seldom has, each with the live kernel's errno and log.
#include <gtest/gtest.h>

#include <functional>

#include "btf/btf.h"
#include "btf/builder.h"
#include "btf/oracle.h"

namespace skep::btf_test {
namespace {

// One of everything, well formed.
Builder one_of_each() {
  Builder b;
  const uint32_t integer = b.integer("int", 4, 1);
  const uint32_t character = b.integer("char", 1, 1);
  const uint32_t constant = b.add(abi::BTF_KIND_CONST, "", character);
  const uint32_t text = b.pointer(constant);
  const uint32_t list = b.array(integer, integer, 3);
  const uint32_t pair = b.structure("pair", 24, {{"text", text, 0}, {"list", list, 64}});
  b.structure("either", 8, {{"number", integer, 0}, {"text", text, 0}}, abi::BTF_KIND_UNION);
  const uint32_t bits = b.add(abi::BTF_KIND_STRUCT, "bits", 4, 2, {}, true);
  for (const uint32_t word : {b.name("low"), integer, 3u << 24, b.name("high"), integer, 5u << 24 | 3})
    b.word(word);
  b.add(abi::BTF_KIND_ENUM, "choice", 4, 2, {b.name("YES"), 1, b.name("NO"), 0});
  b.add(abi::BTF_KIND_ENUM64, "large", 8, 1, {b.name("HUGE"), 0, 1}, true);
  b.add(abi::BTF_KIND_FWD, "later", 0);
  const uint32_t alias = b.add(abi::BTF_KIND_TYPEDEF, "pair_t", pair);
  b.add(abi::BTF_KIND_VOLATILE, "", alias);
  b.add(abi::BTF_KIND_RESTRICT, "", text);
  b.add(abi::BTF_KIND_FLOAT, "double", 8);
  const uint32_t tag = b.add(abi::BTF_KIND_TYPE_TAG, "user", pair);
  b.pointer(tag);
  const uint32_t proto = b.add(abi::BTF_KIND_FUNC_PROTO, "", integer, 2, {b.name("a"), text, 0, 0});
  const uint32_t plain = b.add(abi::BTF_KIND_FUNC_PROTO, "", 0, 1, {b.name("a"), integer});
  b.pointer(proto);
  const uint32_t func = b.add(abi::BTF_KIND_FUNC, "act", plain, abi::BTF_FUNC_GLOBAL);
  const uint32_t variable = b.add(abi::BTF_KIND_VAR, "counter", integer, 0, {abi::BTF_VAR_GLOBAL_ALLOCATED});
  const uint32_t other = b.add(abi::BTF_KIND_VAR, "other", bits, 0, {abi::BTF_VAR_STATIC});
  b.add(abi::BTF_KIND_DATASEC, ".data", 8, 2, {variable, 0, 4, other, 4, 4});
  b.add(abi::BTF_KIND_DECL_TAG, "arg:nonnull", func, 0, {0});
  return b;
}

struct Shape {
  const char* name;
  int error;
  void (*make)(Builder&);
};
constexpr uint32_t kIdOfInt = 1;
// `count` types of `kind`, each referring to the next one made; the last to int.
void chain_up(Builder& b, uint32_t kind, uint32_t count) {
  const uint32_t first = 2;
  for (uint32_t i = 0; i < count; ++i)
    b.add(kind, kind == abi::BTF_KIND_TYPEDEF ? "t" : "", i + 1 == count ? kIdOfInt : first + i + 1);
}
void structs_up(Builder& b, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) b.structure("s", 4, {{"x", i + 1 == count ? kIdOfInt : i + 3, 0}});
}
void arrays_down(Builder& b, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) b.array(i == 0 ? kIdOfInt : i + 1, kIdOfInt, 1);
}

const Shape kShapes[] = {
    {"modifiers_32", 0, [](Builder& b) { chain_up(b, abi::BTF_KIND_CONST, 32); }},
    {"modifiers_33", E2BIG, [](Builder& b) { chain_up(b, abi::BTF_KIND_CONST, 33); }},
    {"modifiers_1000_bottom_up", 0,
     [](Builder& b) {
       for (uint32_t i = 1; i <= 1000; ++i) b.add(abi::BTF_KIND_CONST, "", i);
     }},
    {"typedef_of_itself", EEXIST, [](Builder& b) { b.add(abi::BTF_KIND_TYPEDEF, "t", 2); }},
    {"typedef_loop", EEXIST,
     [](Builder& b) {
       b.add(abi::BTF_KIND_TYPEDEF, "t", 3);
       b.add(abi::BTF_KIND_TYPEDEF, "u", 2);
     }},
    {"pointer_to_itself", EEXIST, [](Builder& b) { b.pointer(2); }},
    {"pointer_through_const_to_itself", EEXIST,
     [](Builder& b) {
       b.pointer(3);
       b.add(abi::BTF_KIND_CONST, "", 2);
     }},
    {"struct_holds_itself", EEXIST, [](Builder& b) { b.structure("s", 4, {{"s", 2, 0}}); }},
    {"struct_points_to_itself", 0,
     [](Builder& b) {
       b.structure("s", 8, {{"next", 3, 0}});
       b.pointer(2);
     }},
    {"structs_hold_each_other", EEXIST,
     [](Builder& b) {
       b.structure("s", 4, {{"t", 3, 0}});
       b.structure("t", 4, {{"s", 2, 0}});
     }},
    {"array_of_itself", EEXIST, [](Builder& b) { b.array(2, 1, 1); }},
    {"array_in_its_struct", EEXIST,
     [](Builder& b) {
       b.structure("s", 4, {{"a", 3, 0}});
       b.array(2, 1, 1);
     }},
    {"structs_32_deep", 0, [](Builder& b) { structs_up(b, 32); }},
    {"structs_33_deep", E2BIG, [](Builder& b) { structs_up(b, 33); }},
    {"arrays_1000_deep_bottom_up", 0, [](Builder& b) { arrays_down(b, 1000); }},
    {"pointers_1000_deep_bottom_up", 0,
     [](Builder& b) {
       for (uint32_t i = 1; i <= 1000; ++i) b.pointer(i);
     }},
    {"tag_behind_const", EINVAL,
     [](Builder& b) {
       b.add(abi::BTF_KIND_CONST, "", 3);
       b.add(abi::BTF_KIND_TYPE_TAG, "user", 1);
     }},
    {"array_size_overflows", EINVAL, [](Builder& b) { b.array(1, 1, 0x40000000); }},
    {"array_size_fits", 0, [](Builder& b) { b.array(1, 1, 0x3fffffff); }},
    {"array_indexed_by_pointer", EINVAL,
     [](Builder& b) {
       b.pointer(1);
       b.array(1, 2, 4);
     }},
    {"func_as_member", EINVAL,
     [](Builder& b) {
       b.add(abi::BTF_KIND_FUNC_PROTO, "", 0);
       b.add(abi::BTF_KIND_FUNC, "f", 2);
       b.structure("s", 8, {{"f", 3, 0}});
     }},
    {"forward_as_member", EINVAL,
     [](Builder& b) {
       b.add(abi::BTF_KIND_FWD, "f", 0);
       b.structure("s", 8, {{"f", 2, 0}});
     }},
    {"void_variable", EINVAL,
     [](Builder& b) {
       b.add(abi::BTF_KIND_CONST, "", 0);
       b.add(abi::BTF_KIND_VAR, "v", 2, 0, {0});
     }},
    {"pointer_to_variable", EINVAL,
     [](Builder& b) {
       b.add(abi::BTF_KIND_VAR, "v", 1, 0, {0});
       b.pointer(2);
     }},
    {"section_of_types", EINVAL, [](Builder& b) { b.add(abi::BTF_KIND_DATASEC, ".d", 4, 1, {1, 0, 4}); }},
    {"func_of_a_struct", EINVAL,
     [](Builder& b) {
       b.structure("s", 4, {{"x", 1, 0}});
       b.add(abi::BTF_KIND_FUNC, "f", 2);
     }},
    {"unnamed_argument", EINVAL,
     [](Builder& b) {
       b.add(abi::BTF_KIND_FUNC_PROTO, "", 0, 1, {0, 1});
       b.add(abi::BTF_KIND_FUNC, "f", 2);
     }},
    {"void_argument_inside", EINVAL,
     [](Builder& b) { b.add(abi::BTF_KIND_FUNC_PROTO, "", 0, 2, {b.name("a"), 0, b.name("b"), 1}); }},
    {"named_varargs", EINVAL,
     [](Builder& b) { b.add(abi::BTF_KIND_FUNC_PROTO, "", 0, 1, {b.name("a"), 0}); }},
    {"returns_forward", EINVAL,
     [](Builder& b) {
       b.add(abi::BTF_KIND_FWD, "f", 0);
       b.add(abi::BTF_KIND_FUNC_PROTO, "", 2);
     }},
    {"tag_of_argument_too_far", EINVAL,
     [](Builder& b) {
       b.add(abi::BTF_KIND_FUNC_PROTO, "", 0, 1, {b.name("a"), 1});
       b.add(abi::BTF_KIND_FUNC, "f", 2);
       b.add(abi::BTF_KIND_DECL_TAG, "x", 3, 0, {1});
     }},
    {"tag_of_a_member_of_typedef", EINVAL,
     [](Builder& b) {
       b.add(abi::BTF_KIND_TYPEDEF, "t", 1);
       b.add(abi::BTF_KIND_DECL_TAG, "x", 2, 0, {0});
     }},
    {"tag_of_an_int", EINVAL, [](Builder& b) { b.add(abi::BTF_KIND_DECL_TAG, "x", 1, 0, {0xffffffff}); }},
    {"tag_of_component_minus_2", EINVAL,
     [](Builder& b) { b.add(abi::BTF_KIND_DECL_TAG, "x", 1, 0, {0xfffffffe}); }},
    {"bitfield_of_16_bytes", EINVAL,
     [](Builder& b) {
       b.integer("wide", 16);
       b.structure("s", 17, {{"x", 2, 1}});
     }},
    {"misaligned_float", EINVAL,
     [](Builder& b) {
       b.add(abi::BTF_KIND_FLOAT, "f", 4);
       b.structure("s", 8, {{"x", 2, 16}});
     }},
    {"misaligned_pointer", EINVAL,
     [](Builder& b) {
       b.pointer(1);
       b.structure("s", 16, {{"x", 2, 4}});
     }},
    {"pointer_beyond_the_end", EINVAL,
     [](Builder& b) {
       b.pointer(1);
       b.structure("s", 8, {{"x", 2, 8}});
     }},
    {"longest_name", 0, [](Builder& b) { b.add(abi::BTF_KIND_TYPEDEF, std::string(511, 'n'), 1); }},
    {"name_of_512", 0, [](Builder& b) { b.add(abi::BTF_KIND_TYPEDEF, std::string(512, 'n'), 1); }},
    {"name_of_513", EINVAL, [](Builder& b) { b.add(abi::BTF_KIND_TYPEDEF, std::string(513, 'n'), 1); }},
};

class Malformed : public ::testing::TestWithParam<Shape> {};

TEST_P(Malformed, GetsTheErrnoAndTheKernelsLog) {
  Builder b;
  b.integer("int", 4, 1);
  GetParam().make(b);
  const Verdict ours = ask_ours(b.bytes());
  EXPECT_EQ(ours.error, GetParam().error) << ours.log;
  if (!oracle_available()) GTEST_SKIP() << "bpf(2) is not permitted here: the errno alone was checked";
  EXPECT_EQ(ours, ask_kernel(b.bytes())) << ours.log << "\nkernel: " << ask_kernel(b.bytes()).log;
}
INSTANTIATE_TEST_SUITE_P(All, Malformed, ::testing::ValuesIn(kShapes),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Damaged, EachTruncationIsJudgedAsByTheKernel) {
  if (!oracle_available()) GTEST_SKIP() << "bpf(2) is not permitted here: no kernel to compare with";
  const auto whole = one_of_each().bytes();
  ASSERT_EQ(ask_kernel(whole).error, 0) << ask_kernel(whole).log;
  for (size_t size = 1; size <= whole.size(); ++size) {
    const std::span<const std::byte> part(whole.data(), size);
    ASSERT_EQ(ask_ours(part), ask_kernel(part)) << "cut to " << size;
  }
}

TEST(Damaged, EachChangedByteIsJudgedAsByTheKernel) {
  if (!oracle_available()) GTEST_SKIP() << "bpf(2) is not permitted here: no kernel to compare with";
  const auto whole = one_of_each().bytes();
  for (size_t at = 0; at < whole.size(); ++at)
    for (const uint8_t change : {0x01, 0x02, 0x08, 0x10, 0x40, 0x80, 0xff}) {
      auto damaged = whole;
      damaged[at] ^= static_cast<std::byte>(change);
      const Verdict ours = ask_ours(damaged), kernel = ask_kernel(damaged);
      ASSERT_EQ(ours, kernel) << "byte " << at << " ^ " << int{change} << "\nours " << ours.error << "\n"
                              << ours.log << "\nkernel " << kernel.error << "\n"
                              << kernel.log;
    }
}

TEST(Damaged, TooLargeIsRefusedUnread) {
  const std::vector<std::byte> large(abi::BTF_MAX_SIZE + 1);
  EXPECT_EQ(ask_ours(large).error, E2BIG);
  if (!oracle_available()) GTEST_SKIP() << "bpf(2) is not permitted here: no kernel to compare with";
  EXPECT_EQ(ask_kernel(large).error, E2BIG);
}

}  // namespace
}  // namespace skep::btf_test
