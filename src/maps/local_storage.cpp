// sk_storage, inode_storage, task_storage, cgrp_storage: values that belong to kernel objects. They can be
// created, so that programs with them can be verified; no object carries storage here.
#include "abi/bpf.h"
#include "abi/btf.h"
#include "maps/empty_map.h"
#include "maps/factories.h"
#include "maps/rules.h"

namespace skep::maps {
namespace {

constexpr uint32_t kMaxStorage = 65407;  // BPF_LOCAL_STORAGE_MAX_VALUE_SIZE of Linux 6.18 on x86-64

int update_storage(const Map&, const void*, const void*, uint64_t) { return -EOPNOTSUPP; }

constexpr EmptyAnswers kStorage = {.lookup = -EOPNOTSUPP,
                                   .erase = -EOPNOTSUPP,
                                   .next = -kENotSupp,
                                   .update = update_storage,
                                   .memory = [](const MapSpec&) { return uint64_t{480}; }};

}  // namespace

// Linux: bpf_local_storage_map_alloc_check.
Status check_local_storage(const MapSpec& spec) {
  constexpr uint32_t kAllowed = abi::BPF_F_NO_PREALLOC | abi::BPF_F_CLONE;
  if ((spec.flags & ~kAllowed) || !(spec.flags & abi::BPF_F_NO_PREALLOC) || spec.max_entries != 0 ||
      spec.key_size != sizeof(int) || spec.value_size == 0 || spec.btf_key_type_id == 0 ||
      spec.btf_value_type_id == 0)
    return fail(EINVAL);
  return spec.value_size > kMaxStorage ? fail(E2BIG) : Status{};
}

// Linux: bpf_local_storage_map_check_btf.
Status check_local_storage_btf(const MapSpec&, btf::Type key, btf::Type) {
  if (!key.is_int()) return fail(EINVAL);
  const uint32_t bits = key.int_data() & 0xff, offset = key.int_data() >> 16 & 0xff;
  return bits == 32 && offset == 0 ? Status{} : fail(EINVAL);
}

Result<Ref<Map>> create_local_storage(const MapSpec& spec, const MapTypeRow& row) {
  return make_ref<EmptyMap>(spec, row, kStorage);
}

}  // namespace skep::maps
