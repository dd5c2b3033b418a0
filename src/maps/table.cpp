// The table of map types and MAP_CREATE's checks that stand above the types.
#include <array>

#include "abi/bpf.h"
#include "abi/btf.h"
#include "abi/helper_ids.h"
#include "btf/record.h"
#include "maps/factories.h"
#include "maps/map.h"
#include "maps/rules.h"

namespace skep::maps {
namespace {

constexpr HelperSet kGeneral = {abi::BPF_FUNC_map_lookup_elem, abi::BPF_FUNC_map_update_elem,
                                abi::BPF_FUNC_map_delete_elem, abi::BPF_FUNC_for_each_map_elem};
constexpr HelperSet kGeneralPerCpu = {abi::BPF_FUNC_map_lookup_elem, abi::BPF_FUNC_map_update_elem,
                                      abi::BPF_FUNC_map_delete_elem, abi::BPF_FUNC_for_each_map_elem,
                                      abi::BPF_FUNC_map_lookup_percpu_elem};

// clang-format off
constexpr MapTypeRow kRows[] = {
#include "maps/map_types.def"
};
// clang-format on

consteval bool rows_stand_at_their_number() {
  for (uint32_t i = 0; i < std::size(kRows); ++i)
    if (kRows[i].type != i + 1) return false;
  return true;
}
static_assert(rows_stand_at_their_number());
static_assert(std::size(kRows) == abi::__MAX_BPF_MAP_TYPE - 1);

// The special fields that the value's BTF names, once the map's rules about its BTF hold.
Result<btf::Record> check_btf(const MapSpec& spec, const MapTypeRow& row) {
  if (!spec.btf) return btf::Record{};
  auto types = SKEP_TRY(btf::check_map_types(
      *spec.btf, spec.btf_key_type_id, spec.btf_value_type_id, spec.key_size, spec.value_size,
      static_cast<abi::bpf_map_type>(spec.type), spec.flags, row.check_btf == nullptr));
  if (row.check_btf != nullptr) SKEP_TRY(row.check_btf(spec, types.key, types.value));
  // Clients write a mapped value as they like, a lock and a pointer in it too.
  if (!types.record.empty() && (spec.flags & abi::BPF_F_MMAPABLE)) return fail(EOPNOTSUPP);
  return std::move(types.record);
}

}  // namespace

std::span<const MapTypeRow> table() { return kRows; }

const MapTypeRow* find_type(uint32_t type, KernelProfile profile) {
  if (type == 0 || type > std::size(kRows)) return nullptr;
  const MapTypeRow& row = kRows[type - 1];
  return profile.has(row.since) ? &row : nullptr;
}

Status check_nothing(const MapSpec&) { return {}; }

Status check_no_btf(const MapSpec&, btf::Type, btf::Type) { return fail(kENotSupp); }
Status check_key_struct_btf(const MapSpec&, btf::Type key, btf::Type) {
  return key.is(abi::BTF_KIND_STRUCT) ? Status{} : fail(EINVAL);
}
Status check_keyless_btf(const MapSpec&, btf::Type key, btf::Type) {
  return key.is_void() ? Status{} : fail(EINVAL);
}

Status check_create(const MapSpec& spec, KernelProfile profile) {
  if (spec.btf_vmlinux_value_type_id != 0) {
    if (spec.type != abi::BPF_MAP_TYPE_STRUCT_OPS || spec.btf_key_type_id || spec.btf_value_type_id)
      return fail(EINVAL);
  } else if (spec.btf_key_type_id && !spec.btf_value_type_id) {
    return fail(EINVAL);
  }
  if (spec.extra != 0 && spec.type != abi::BPF_MAP_TYPE_BLOOM_FILTER && spec.type != abi::BPF_MAP_TYPE_ARENA)
    return fail(EINVAL);
  if ((spec.flags & abi::BPF_F_RDONLY) && (spec.flags & abi::BPF_F_WRONLY)) return fail(EINVAL);
  // This kernel has one memory node.
  if (names_numa_node(spec) && spec.numa_node != 0) return fail(EINVAL);
  const MapTypeRow* row = find_type(spec.type, profile);
  if (row == nullptr || row->create == nullptr) return fail(EINVAL);
  SKEP_TRY(row->check(spec));
  // Maps of offloading network devices: no device here offloads.
  if (spec.ifindex != 0) return fail(EINVAL);
  return {};
}

// Linux allocates before it looks at the BTF, so what the allocation answers comes first.
Result<Ref<Map>> create_checked(const MapSpec& wanted) {
  const MapTypeRow& row = kRows[wanted.type - 1];
  auto fields = check_btf(wanted, row);
  MapSpec spec = wanted;
  if (fields) spec.fields = std::move(*fields);
  Ref<Map> map = SKEP_TRY(row.create(spec, row));
  if (map->spec().flags != spec.flags) fields = check_btf(map->spec(), row);  // the type has set some
  if (!fields) return std::unexpected(std::move(fields).error());
  return map;
}

Result<Ref<Map>> create(const MapSpec& spec, KernelProfile profile) {
  SKEP_TRY(check_create(spec, profile));
  return create_checked(spec);
}

}  // namespace skep::maps
