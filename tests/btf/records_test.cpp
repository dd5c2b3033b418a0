// Special fields: what BTF_LOAD and MAP_CREATE say of them, compared with the live kernel.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <array>
#include <random>

#include "abi/bpf.h"
#include "btf/btf.h"
#include "btf/builder.h"
#include "btf/oracle.h"
#include "btf/record.h"

namespace skep::btf_test {
namespace {

struct Special {
  const char* name;
  uint32_t size;
};
constexpr std::array<Special, 10> kSpecials{{{"bpf_spin_lock", 4},
                                             {"bpf_res_spin_lock", 4},
                                             {"bpf_timer", 16},
                                             {"bpf_wq", 16},
                                             {"bpf_task_work", 8},
                                             {"bpf_list_head", 16},
                                             {"bpf_list_node", 24},
                                             {"bpf_rb_root", 16},
                                             {"bpf_rb_node", 32},
                                             {"bpf_refcount", 4}}};
constexpr std::array<abi::bpf_map_type, 6> kMapTypes{
    abi::BPF_MAP_TYPE_HASH,         abi::BPF_MAP_TYPE_ARRAY,       abi::BPF_MAP_TYPE_LRU_HASH,
    abi::BPF_MAP_TYPE_PERCPU_ARRAY, abi::BPF_MAP_TYPE_PERCPU_HASH, abi::BPF_MAP_TYPE_LRU_PERCPU_HASH};

int ask_ours_map(std::span<const std::byte> bytes, const MapQuestion& q) {
  const auto parsed = btf::Btf::parse(bytes);
  if (!parsed) return -parsed.error().code;
  // Arrays have a check of their own, which wants a described key unless the value is a datasec: none is
  // here.
  const bool is_array = q.map_type == abi::BPF_MAP_TYPE_ARRAY || q.map_type == abi::BPF_MAP_TYPE_PERCPU_ARRAY;
  const auto result =
      btf::check_map_types(**parsed, q.key_type_id, q.value_type_id, q.key_size, q.value_size,
                           static_cast<abi::bpf_map_type>(q.map_type), q.map_flags, !is_array);
  if (!result) return result.error().code;
  return is_array && result->key.is_void() ? EINVAL : 0;
}

// A value with random special members, arrays of them and nested structs of them.
struct Question {
  std::vector<std::byte> bytes;
  MapQuestion map;
};
Question random_question(uint32_t seed) {
  std::mt19937 random(seed);
  auto below = [&](uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n - 1)(random); };
  Builder b;
  const uint32_t integer = b.integer("int", 4, 1);
  std::vector<std::pair<uint32_t, uint32_t>> parts{{integer, 4}};  // type, size
  auto plain = [&](const Special& s, uint32_t size) {
    parts.emplace_back(b.structure(s.name, size, {{"a", integer, 0}}), size);
  };
  for (const Special& s : kSpecials)
    if (below(6) == 0) plain(s, below(12) ? s.size : s.size + 4);
  const uint32_t object = b.structure("object", 64, {{"x", integer, 0}});
  if (below(3) == 0) {
    static constexpr std::array<const char*, 5> kTags{"kptr_untrusted", "kptr", "percpu_kptr", "uptr",
                                                      "other"};
    uint32_t target =
        b.add(abi::BTF_KIND_TYPE_TAG, kTags[below(10) ? below(3) : below(5)], below(12) ? object : integer);
    uint32_t pointer = b.pointer(target);
    if (below(4) == 0) pointer = b.add(abi::BTF_KIND_VOLATILE, "", pointer);
    parts.emplace_back(pointer, 8);
  }
  auto any = [&] { return parts[below(static_cast<uint32_t>(parts.size()))]; };
  if (below(3) == 0) {
    const auto [type, size] = any();
    const uint32_t count = below(3) ? below(3) : below(16);
    parts.emplace_back(b.array(type, integer, count), size * count);
  }
  if (below(3) == 0) {
    const auto [type, size] = any();
    const auto [type2, size2] = any();
    const uint32_t second = (size + 7) / 8 * 8;
    parts.emplace_back(b.structure("nested", second + size2, {{"p", type, 0}, {"q", type2, second * 8}},
                                   below(8) ? abi::BTF_KIND_STRUCT : abi::BTF_KIND_UNION),
                       second + size2);
  }
  uint32_t offset = 0;
  const uint32_t members = 1 + below(4);
  const uint32_t value = b.add(below(20) ? abi::BTF_KIND_STRUCT : abi::BTF_KIND_UNION, "value", 200, members);
  for (uint32_t i = 0; i < members; ++i) {
    const auto [type, size] = any();
    b.word(b.name(fmt::format("m{}", i)));
    b.word(type);
    b.word(offset * 8);
    if (below(10)) offset += size;
    if (below(8)) offset = (offset + 7) / 8 * 8;
  }
  const uint32_t key_size = below(20) ? 4 : 8;
  return {b.bytes(),
          {kMapTypes[below(kMapTypes.size())], key_size, below(20) ? 200u : 196u,
           below(20) ? 0u : uint32_t{abi::BPF_F_RDONLY_PROG}, below(20) ? integer : 0,
           below(20) ? value : integer}};
}

TEST(Records, RandomValuesGetTheKernelsVerdictInMapCreate) {
  if (!oracle_available()) GTEST_SKIP() << "bpf(2) is not permitted here: no kernel to compare with";
  constexpr uint32_t kRounds = 6000;
  uint32_t accepted = 0, different = 0;
  std::array<uint32_t, 200> seen{};
  for (uint32_t seed = 1; seed <= kRounds && different < 5; ++seed) {
    Question q = random_question(seed);
    // Preallocated per-CPU and hash maps refuse nothing else here; what is asked of is only the types.
    if (q.map.map_flags == 0 && q.map.map_type == abi::BPF_MAP_TYPE_HASH) q.map.map_flags = seed % 2;
    const int kernel = ask_kernel_map(q.bytes, q.map);
    const int ours = ask_ours_map(q.bytes, q.map);
    accepted += kernel == 0;
    ++seen[static_cast<size_t>(std::abs(kernel))];
    if (kernel == ours) continue;
    ++different;
    ADD_FAILURE() << "seed " << seed << " map type " << q.map.map_type << ": kernel " << kernel << ", ours "
                  << ours << "\n"
                  << ask_ours(q.bytes).log;
  }
  EXPECT_GT(accepted, kRounds / 20);
  for (const int error : {EINVAL, EOPNOTSUPP, E2BIG, EEXIST})
    EXPECT_GT(seen[error], 0u) << "never asked: " << error;
}

struct Graph {
  const char* name;
  const char* tag;  // of the head
  bool has_lock;
  bool node_is_rb;
  bool node_also_root;  // the object holds a list of its own kind
};
class GraphRoots : public ::testing::TestWithParam<Graph> {};

TEST_P(GraphRoots, AreAcceptedAsByTheKernel) {
  if (!oracle_available()) GTEST_SKIP() << "bpf(2) is not permitted here: no kernel to compare with";
  const Graph& g = GetParam();
  Builder b;
  const uint32_t integer = b.integer("int", 4, 1);
  const uint32_t lock = b.structure("bpf_spin_lock", 4, {{"val", integer, 0}});
  const uint32_t node = g.node_is_rb ? b.structure("bpf_rb_node", 32, {{"a", integer, 0}})
                                     : b.structure("bpf_list_node", 24, {{"a", integer, 0}});
  const uint32_t head = b.structure("bpf_list_head", 16, {{"a", integer, 0}});
  const uint32_t object =
      g.node_also_root
          ? b.structure("object", 64, {{"node", node, 0}, {"inner", head, 32 * 8}, {"l", lock, 48 * 8}})
          : b.structure("object", 64, {{"node", node, 0}, {"data", integer, 32 * 8}});
  if (g.node_also_root) b.add(abi::BTF_KIND_DECL_TAG, "contains:object:node", object, 0, {1});
  const uint32_t value = g.has_lock
                             ? b.structure("value", 24, {{"head", head, 0}, {"lock", lock, 16 * 8}})
                             : b.structure("value", 24, {{"head", head, 0}, {"none", integer, 16 * 8}});
  if (g.tag) b.add(abi::BTF_KIND_DECL_TAG, g.tag, value, 0, {0});
  const MapQuestion map{abi::BPF_MAP_TYPE_ARRAY, 4, 24, 0, integer, value};
  EXPECT_EQ(ask_ours_map(b.bytes(), map), ask_kernel_map(b.bytes(), map));
}

INSTANTIATE_TEST_SUITE_P(
    All, GraphRoots,
    ::testing::Values(Graph{"good", "contains:object:node", true, false, false},
                      Graph{"no_lock", "contains:object:node", false, false, false},
                      Graph{"no_tag", nullptr, true, false, false},
                      Graph{"no_colon", "contains:object", true, false, false},
                      Graph{"no_member", "contains:object:", true, false, false},
                      Graph{"unknown_type", "contains:thing:node", true, false, false},
                      Graph{"unknown_member", "contains:object:nope", true, false, false},
                      Graph{"not_a_node", "contains:object:data", true, false, false},
                      Graph{"wrong_node", "contains:object:node", true, true, false},
                      Graph{"owner_of_itself", "contains:object:node", true, false, true}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(Records, SayWhereFieldsAre) {
  Builder b;
  const uint32_t integer = b.integer("int", 4, 1);
  const uint32_t lock = b.structure("bpf_spin_lock", 4, {{"val", integer, 0}});
  const uint32_t timer = b.structure("bpf_timer", 16, {{"a", integer, 0}});
  const uint32_t value =
      b.structure("value", 40, {{"x", integer, 0}, {"lock", lock, 32}, {"timer", timer, 64}});
  const auto btf = btf::Btf::parse(b.bytes());
  ASSERT_TRUE(btf);
  const auto record = btf::parse_record(**btf, (*btf)->type(value), btf::kMapFields, 40);
  ASSERT_TRUE(record);
  ASSERT_EQ(record->fields.size(), 2u);
  EXPECT_EQ(record->at(4)->kind, btf::kSpinLock);
  EXPECT_EQ(record->first(btf::kTimer)->offset, 8u);
  EXPECT_EQ(record->overlapping(23, 4)->kind, btf::kTimer);
  EXPECT_EQ(record->overlapping(0, 4), nullptr);
  EXPECT_EQ(record->overlapping(24, 16), nullptr);
  EXPECT_TRUE(record->has(btf::kSpinLock));
  EXPECT_FALSE(record->has(btf::kKptr));
}

}  // namespace
}  // namespace skep::btf_test
