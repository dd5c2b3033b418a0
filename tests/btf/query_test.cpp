// Reading an accepted BTF: names, sizes, tags, enumerators, sections, split BTF, the host's own.
#include <gtest/gtest.h>

#include "btf/btf.h"
#include "btf/builder.h"
#include "btf/vmlinux.h"

namespace skep::btf_test {
namespace {

struct Built : ::testing::Test {
  Builder b;
  uint32_t integer = b.integer("int", 4, 1);
  uint32_t constant = b.add(abi::BTF_KIND_CONST, "", integer);
  uint32_t pointer = b.pointer(constant);
  uint32_t array = b.array(b.array(pointer, integer, 3), integer, 2);
  uint32_t structure = b.structure("pair", 56, {{"first", integer, 0}, {"rest", array, 64}});
  uint32_t alias = b.add(abi::BTF_KIND_TYPEDEF, "pair_t", structure);
  uint32_t structure_pointer = b.pointer(structure);
  uint32_t choice =
      b.add(abi::BTF_KIND_ENUM, "choice", 4, 2, {b.name("YES"), 1, b.name("NO"), 0xffffffff}, true);
  uint32_t large = b.add(abi::BTF_KIND_ENUM64, "large", 8, 1, {b.name("HUGE"), 5, 1});
  uint32_t variable = b.add(abi::BTF_KIND_VAR, "counter", integer, 0, {1});
  uint32_t section = b.add(abi::BTF_KIND_DATASEC, ".data", 16, 1, {variable, 8, 4});
  uint32_t tag = b.add(abi::BTF_KIND_DECL_TAG, "note:first", structure, 0, {0});
  uint32_t whole_tag = b.add(abi::BTF_KIND_DECL_TAG, "note:whole", structure, 0, {0xffffffff});

  Ref<const btf::Btf> parse(const btf::ParseOptions& options = {}) {
    auto parsed = btf::Btf::parse(b.bytes(), options);
    return parsed ? *parsed : nullptr;
  }
};

TEST_F(Built, NamesAreFoundByKind) {
  const auto btf = parse();
  ASSERT_TRUE(btf);
  EXPECT_EQ(btf->find("pair", abi::BTF_KIND_STRUCT), structure);
  EXPECT_EQ(btf->find("pair", abi::BTF_KIND_UNION), 0u);
  EXPECT_EQ(btf->find("pair_t", abi::BTF_KIND_TYPEDEF), alias);
  EXPECT_EQ(btf->find("absent", abi::BTF_KIND_INT), 0u);
}

TEST_F(Built, SizesGoThroughModifiersAndArrays) {
  const auto btf = parse();
  ASSERT_TRUE(btf);
  EXPECT_EQ(btf->size_of(alias), 56u);
  EXPECT_EQ(btf->sized(alias)->type.id(), structure);
  EXPECT_EQ(btf->size_of(constant), 4u);
  EXPECT_EQ(btf->size_of(pointer), 8u);
  EXPECT_EQ(btf->size_of(array), 48u);
  EXPECT_EQ(btf->size_of(variable), 4u);
  EXPECT_EQ(btf->size_of(0), std::nullopt);
  EXPECT_EQ(btf->size_of(tag), std::nullopt);
  EXPECT_EQ(btf->size_of(9999), std::nullopt);
  // The same without the sizes that the check has worked out.
  const auto unchecked = parse({.from_kernel = true});
  ASSERT_TRUE(unchecked);
  EXPECT_EQ(unchecked->size_of(array), 48u);
}

TEST_F(Built, ValuesTagsAndVariables) {
  const auto btf = parse();
  ASSERT_TRUE(btf);
  EXPECT_EQ(btf->enumerator(btf->type(choice), "NO"), -1);
  EXPECT_EQ(btf->enumerator(btf->type(choice), "MAYBE"), std::nullopt);
  EXPECT_EQ(btf->enumerator(btf->type(large), "HUGE"), 0x100000005);
  EXPECT_EQ(btf->decl_tag_value(structure, 0, "note:"), "first");
  EXPECT_EQ(btf->decl_tag_value(structure, -1, "note:"), "whole");
  EXPECT_EQ(btf->decl_tag_value(structure, 1, "note:"), std::nullopt);
  EXPECT_EQ(btf->decl_tags(structure).size(), 2u);
  EXPECT_EQ(btf->variable_at(btf->type(section), 11)->type, variable);
  EXPECT_FALSE(btf->variable_at(btf->type(section), 12));
  EXPECT_FALSE(btf->variable_at(btf->type(section), 7));
}

TEST_F(Built, NamesAsCWritesThem) {
  const auto btf = parse();
  ASSERT_TRUE(btf);
  EXPECT_EQ(btf->pretty_name(integer), "int");
  EXPECT_EQ(btf->pretty_name(pointer), "const int *");
  EXPECT_EQ(btf->pretty_name(structure_pointer), "struct pair *");
  EXPECT_EQ(btf->pretty_name(alias), "pair_t");
  EXPECT_EQ(btf->pretty_name(0), "void");
}

TEST_F(Built, SplitBtfGoesOnFromItsBase) {
  const auto base = parse();
  ASSERT_TRUE(base);
  // Names of the split part begin behind the base's strings; its own first string is empty, too.
  Builder split;
  const uint32_t name_off = base->strings_end() + split.name("extra");
  split.add_raw(name_off, abi::BTF_KIND_TYPEDEF << 24, structure);
  const auto parsed = btf::Btf::parse(split.bytes(), {.base = base});
  ASSERT_TRUE(parsed);
  const btf::Btf& btf = **parsed;
  EXPECT_EQ(btf.first_id(), base->end_id());
  EXPECT_EQ(btf.find("extra", abi::BTF_KIND_TYPEDEF), base->end_id());
  EXPECT_EQ(btf.find("pair", abi::BTF_KIND_STRUCT), structure);
  EXPECT_EQ(btf.size_of(base->end_id()), 56u);
  EXPECT_EQ(btf.name_of(btf.type(structure)), "pair");
}

TEST(Vmlinux, IsReadAndSearched) {
  const auto loaded = btf::vmlinux();
  if (!loaded) GTEST_SKIP() << "no /sys/kernel/btf/vmlinux here";
  const btf::Btf& btf = **loaded;
  const uint32_t task = btf.find("task_struct", abi::BTF_KIND_STRUCT);
  ASSERT_NE(task, 0u);
  EXPECT_GT(btf.size_of(task), 1000u);
  bool has_pid = false;
  for (const auto& m : btf.type(task).members()) has_pid |= btf.name(m.name_off) == "pid";
  EXPECT_TRUE(has_pid);
  // Every id can be asked anything.
  for (uint32_t id = 0; id <= btf.end_id(); ++id) {
    btf.size_of(id);
    ASSERT_FALSE(btf.pretty_name(id).empty());
  }
}

TEST(Vmlinux, PassesTheFullCheckToo) {
  const auto loaded = btf::vmlinux();
  if (!loaded) GTEST_SKIP() << "no /sys/kernel/btf/vmlinux here";
  const auto checked = btf::Btf::parse((*loaded)->data());
  ASSERT_TRUE(checked) << checked.error().code;
  for (uint32_t id = 1; id < (*checked)->end_id(); ++id)
    ASSERT_EQ((*checked)->size_of(id), (*loaded)->size_of(id)) << id;
}

}  // namespace
}  // namespace skep::btf_test
