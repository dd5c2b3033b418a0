// Our numbers against the live kernel's: enumerators, sizes and offsets from its BTF, attribute rules by
// asking.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "abi/bpf.h"
#include "abi/bpf_attr.h"
#include "abi/btf.h"
#include "abi/ctx.h"
#include "abi/helper_ids.h"
#include "abi/info.h"
#include "abi/insn.h"
#include "abi/perf.h"
#include "abi/values.h"
#include "btf/btf.h"
#include "btf/vmlinux.h"
#include "support/live_kernel.h"

namespace skep::abi {
namespace {

// Numbers of later kernels may differ in what counts (__MAX_*, sizes): only the version that abi/ states is
// compared.
class LiveBtf : public ::testing::Test {
 protected:
  void SetUp() override {
    auto loaded = btf::vmlinux();
    if (!loaded) GTEST_SKIP() << "no /sys/kernel/btf/vmlinux here";
    btf_ = *loaded;
    const uint32_t commands = btf_->find("bpf_cmd", BTF_KIND_ENUM);
    if (btf_->enumerator(btf_->type(commands), "__MAX_BPF_CMD") != __MAX_BPF_CMD)
      GTEST_SKIP() << "the kernel here is not of the version that abi/ describes";
  }
  Ref<const btf::Btf> btf_;
};

TEST_F(LiveBtf, EnumeratorsHaveTheKernelsValues) {
  std::unordered_map<std::string_view, int64_t> kernel;
  for (uint32_t id = 1; id < btf_->end_id(); ++id) {
    const btf::Type type = btf_->type(id);
    if (type.is(BTF_KIND_ENUM))
      for (const auto& e : type.enumerators())
        kernel.emplace(btf_->name(e.name_off),
                       type.kind_flag() ? int64_t{e.val} : int64_t{static_cast<uint32_t>(e.val)});
    if (type.is(BTF_KIND_ENUM64))
      for (const auto& e : type.enumerators64())
        kernel.emplace(btf_->name(e.name_off), static_cast<int64_t>(uint64_t{e.val_hi32} << 32 | e.val_lo32));
  }
  size_t compared = 0;
  auto compare = [&](std::string_view name, int64_t ours) {
    const auto found = kernel.find(name);
    ASSERT_NE(found, kernel.end()) << name;
    EXPECT_EQ(found->second, ours) << name;
    ++compared;
  };
#define ENUMERATOR(name) compare(#name, static_cast<int64_t>(abi::name));
#include "abi/enumerators.inc"
#undef ENUMERATOR
  EXPECT_GT(compared, 700u);
}

struct Placed {
  bool found = false;
  uint32_t offset = 0;
  uint32_t size = 0;
};

// "a.b.c" below a struct, through members without a name.
Placed place(const btf::Btf& btf, uint32_t id, std::string_view path, uint32_t base = 0) {
  const std::string_view head = path.substr(0, path.find('.'));
  const btf::Type type = btf.skip_modifiers(id);
  if (!type.is_struct_or_union()) return {};
  for (const btf_member& m : type.members()) {
    const uint32_t offset = base + type.member_bit_offset(m) / 8;
    const std::string_view name = btf.name(m.name_off);
    if (name.empty()) {
      if (const Placed inner = place(btf, m.type, path, offset); inner.found) return inner;
    } else if (name == head) {
      if (head.size() != path.size()) return place(btf, m.type, path.substr(head.size() + 1), offset);
      return {true, offset, btf.size_of(m.type).value_or(0)};
    }
  }
  return {};
}

TEST_F(LiveBtf, FieldsLieWhereTheKernelHasThem) {
  size_t compared = 0;
  auto compare = [&](std::string_view owner, std::string_view path, size_t offset, size_t size) {
    uint32_t id = btf_->find(owner, BTF_KIND_STRUCT);
    if (id == 0) id = btf_->find(owner, BTF_KIND_UNION);
    const Placed kernel = place(*btf_, id, path);
    ASSERT_TRUE(kernel.found) << owner << "." << path;
    EXPECT_EQ(kernel.offset, offset) << owner << "." << path;
    EXPECT_EQ(kernel.size, size) << owner << "." << path;
    ++compared;
  };
#define FIELD(ours, kernel, field) compare(#kernel, #field, offsetof(ours, field), sizeof(ours{}.field));
#define ATTR(ours, path, field) compare("bpf_attr", path, offsetof(ours, field), sizeof(ours{}.field));
#include "abi/fields.inc"
#undef FIELD
#undef ATTR
  EXPECT_GT(compared, 400u);
}

TEST_F(LiveBtf, StructuresHaveTheKernelsSizes) {
  auto compare = [&](std::string_view name, size_t size) {
    uint32_t id = btf_->find(name, BTF_KIND_STRUCT);
    if (id == 0) id = btf_->find(name, BTF_KIND_UNION);
    ASSERT_NE(id, 0u) << name;
    EXPECT_EQ(btf_->size_of(id), size) << name;
  };
  compare("bpf_attr", kBpfAttrSize);
#define SIZE(name) compare(#name, sizeof(abi::name))
  SIZE(bpf_prog_info), SIZE(bpf_map_info), SIZE(bpf_btf_info), SIZE(bpf_link_info), SIZE(bpf_iter_link_info);
  SIZE(bpf_func_info), SIZE(bpf_line_info), SIZE(bpf_core_relo), SIZE(bpf_insn), SIZE(sock_filter);
  SIZE(__sk_buff), SIZE(xdp_md), SIZE(bpf_sock), SIZE(bpf_tcp_sock), SIZE(bpf_sock_tuple),
      SIZE(bpf_sock_addr);
  SIZE(bpf_sock_ops), SIZE(bpf_sockopt), SIZE(sk_msg_md), SIZE(sk_reuseport_md), SIZE(bpf_sk_lookup);
  SIZE(bpf_flow_keys), SIZE(bpf_sysctl), SIZE(bpf_cgroup_dev_ctx), SIZE(bpf_perf_event_data),
      SIZE(bpf_nf_ctx);
  SIZE(bpf_cgroup_storage_key), SIZE(bpf_fib_lookup), SIZE(bpf_redir_neigh), SIZE(bpf_devmap_val);
  SIZE(bpf_cpumap_val), SIZE(bpf_pidns_info), SIZE(bpf_perf_event_value), SIZE(btf_ptr), SIZE(pt_regs);
  SIZE(bpf_spin_lock), SIZE(bpf_res_spin_lock), SIZE(bpf_timer), SIZE(bpf_wq), SIZE(bpf_task_work);
  SIZE(bpf_dynptr), SIZE(bpf_iter_num), SIZE(bpf_list_head), SIZE(bpf_list_node), SIZE(bpf_rb_root);
  SIZE(bpf_rb_node), SIZE(bpf_refcount), SIZE(bpf_tunnel_key), SIZE(bpf_xfrm_state), SIZE(bpf_stack_build_id);
  SIZE(btf_header), SIZE(btf_type), SIZE(btf_enum), SIZE(btf_enum64), SIZE(btf_array), SIZE(btf_member);
  SIZE(btf_param), SIZE(btf_var), SIZE(btf_var_secinfo), SIZE(btf_decl_tag), SIZE(perf_event_attr);
  SIZE(perf_event_header);
#undef SIZE
}

// Where a command's last field ends: a set byte behind it is EINVAL, and the command's own complaint before
// it. Commands whose own complaint about nonsense is EINVAL too cannot be told apart this way and are not
// listed.
struct EndRow {
  const char* name;
  bpf_cmd command;
  uint32_t end;
  uint32_t fd_at;  // where -1 is put, so that a good attribute is answered by
  int bad_fd = EBADF;
};
const EndRow kEnds[] = {
    {"lookup", BPF_MAP_LOOKUP_ELEM, kMapLookupElemEnd, 0},
    {"update", BPF_MAP_UPDATE_ELEM, kMapUpdateElemEnd, 0},
    {"delete", BPF_MAP_DELETE_ELEM, kMapDeleteElemEnd, 0},
    {"next key", BPF_MAP_GET_NEXT_KEY, kMapGetNextKeyEnd, 0},
    {"lookup and delete", BPF_MAP_LOOKUP_AND_DELETE_ELEM, kMapLookupAndDeleteElemEnd, 0},
    {"freeze", BPF_MAP_FREEZE, kMapFreezeEnd, 0},
    {"lookup batch", BPF_MAP_LOOKUP_BATCH, kMapBatchEnd, offsetof(map_batch_attr, map_fd)},
    {"update batch", BPF_MAP_UPDATE_BATCH, kMapBatchEnd, offsetof(map_batch_attr, map_fd)},
    {"delete batch", BPF_MAP_DELETE_BATCH, kMapBatchEnd, offsetof(map_batch_attr, map_fd)},
    {"lookup and delete batch", BPF_MAP_LOOKUP_AND_DELETE_BATCH, kMapBatchEnd,
     offsetof(map_batch_attr, map_fd)},
    {"test run", BPF_PROG_TEST_RUN, kTestRunEnd, 0},
    {"info", BPF_OBJ_GET_INFO_BY_FD, kInfoEnd, 0, EBADFD},
    {"raw tracepoint", BPF_RAW_TRACEPOINT_OPEN, kRawTracepointOpenEnd,
     offsetof(raw_tracepoint_open_attr, prog_fd)},
    {"link create", BPF_LINK_CREATE, kLinkCreateEnd, 0},
    {"link update", BPF_LINK_UPDATE, kLinkUpdateEnd, 0},
    {"link detach", BPF_LINK_DETACH, kLinkDetachEnd, 0},
    {"iterator", BPF_ITER_CREATE, kIterCreateEnd, 0},
    {"bind map", BPF_PROG_BIND_MAP, kProgBindMapEnd, 0},
    {"token", BPF_TOKEN_CREATE, kTokenCreateEnd, offsetof(token_create_attr, bpffs_fd)},
    {"stream", BPF_PROG_STREAM_READ_BY_FD, kProgStreamReadEnd, offsetof(prog_stream_read_attr, prog_fd)},
};

class LiveAttribute : public ::testing::Test {
 protected:
  void SetUp() override { SKEP_REQUIRE_LIVE_KERNEL(); }
};

TEST_F(LiveAttribute, LastFieldsEndWhereTheKernelsDo) {
  for (const EndRow& row : kEnds) {
    auto ask = [&](uint32_t set_byte) {
      std::vector<uint8_t> attr(kBpfAttrSize);
      if (set_byte < attr.size()) attr[set_byte] = 1;
      const int32_t bad_fd = -1;
      std::memcpy(attr.data() + row.fd_at, &bad_fd, sizeof bad_fd);
      return live::bpf(row.command, attr.data(), static_cast<uint32_t>(attr.size()));
    };
    const long plain = ask(UINT32_MAX);
    EXPECT_EQ(plain, -row.bad_fd) << row.name;
    EXPECT_EQ(ask(row.end), -EINVAL) << row.name << ": a byte behind the last field";
    EXPECT_EQ(ask(kBpfAttrSize - 1), -EINVAL) << row.name;
  }
}

TEST_F(LiveAttribute, LongerThanTheUnionMustBeZeroThere) {
  std::vector<uint8_t> attr(kBpfAttrSize + 8);
  auto create = [&] {
    map_create_attr map{};
    map.map_type = BPF_MAP_TYPE_ARRAY;
    map.key_size = map.value_size = 4;
    map.max_entries = 1;
    std::memcpy(attr.data(), &map, kMapCreateEnd);
    const long result = live::bpf(BPF_MAP_CREATE, attr.data(), static_cast<uint32_t>(attr.size()));
    if (result >= 0) ::close(static_cast<int>(result));
    return result >= 0 ? 0 : result;
  };
  EXPECT_EQ(create(), 0);
  attr[kBpfAttrSize] = 1;
  EXPECT_EQ(create(), -E2BIG);
  attr[kBpfAttrSize] = 0;
  attr[kBpfAttrSize - 1] = 1;
  EXPECT_EQ(create(), -EINVAL);
  attr[kBpfAttrSize - 1] = 0;
  attr[kMapCreateEnd] = 1;
  EXPECT_EQ(create(), -EINVAL);
}

}  // namespace
}  // namespace skep::abi
