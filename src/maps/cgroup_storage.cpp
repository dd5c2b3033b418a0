// cgroup_storage and percpu_cgroup_storage: values that come into being when a program that uses them is
// attached to a cgroup. They can be created; attaching makes no storage here.
#include "abi/bpf.h"
#include "abi/btf.h"
#include "maps/empty_map.h"
#include "maps/factories.h"
#include "maps/rules.h"

namespace skep::maps {
namespace {

constexpr uint32_t kMaxStorage = 65407;  // as for the other local storages of Linux 6.18 on x86-64
// struct bpf_cgroup_storage_key: the cgroup's id, and the attach type.
constexpr uint32_t kSharedKey = 8, kKey = 16;

int update_storage(const Map&, const void*, const void*, uint64_t flags) {
  return flags & ~uint64_t{abi::BPF_EXIST} ? -EINVAL : -ENOENT;
}

constexpr EmptyAnswers kStorage = {.update = update_storage,
                                   .memory = [](const MapSpec&) { return uint64_t{328}; }};

bool is_int_of(const btf::Btf& btf, uint32_t id, uint32_t bits) {
  const btf::Type type = btf.type(id);
  return type && type.is_int() && (type.int_data() & 0xff) == bits && (type.int_data() >> 16 & 0xff) == 0;
}

}  // namespace

// Linux: cgroup_storage_map_alloc.
Result<Ref<Map>> create_cgroup_storage(const MapSpec& spec, const MapTypeRow& row) {
  constexpr uint32_t kAllowed = abi::BPF_F_NUMA_NODE | kAccessFlags;
  const uint32_t most = row.per_cpu ? std::min<uint32_t>(kMaxStorage, kMaxPerCpuValue) : kMaxStorage;
  if ((spec.key_size != kSharedKey && spec.key_size != kKey) || spec.value_size == 0) return fail(EINVAL);
  if (spec.value_size > most) return fail(E2BIG);
  if ((spec.flags & ~kAllowed) || !program_access_ok(spec.flags) || spec.max_entries != 0)
    return fail(EINVAL);
  return make_ref<EmptyMap>(spec, row, kStorage);
}

// Linux: cgroup_storage_check_btf.
Status check_cgroup_storage_btf(const MapSpec& spec, btf::Type key, btf::Type) {
  if (spec.key_size == kSharedKey) {
    const bool fits = key.is_int() && (key.int_data() & 0xff) == 64 && (key.int_data() >> 16 & 0xff) == 0;
    return fits ? Status{} : fail(EINVAL);
  }
  if (!key.is(abi::BTF_KIND_STRUCT) || key.vlen() != 2) return fail(EINVAL);
  const auto members = key.members();
  const bool fits = key.member_bit_offset(members[0]) == 0 && is_int_of(*spec.btf, members[0].type, 64) &&
                    key.member_bit_offset(members[1]) == 64 && is_int_of(*spec.btf, members[1].type, 32);
  return fits ? Status{} : fail(EINVAL);
}

}  // namespace skep::maps
