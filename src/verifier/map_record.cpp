#include "verifier/map_record.h"

#include "btf/record.h"
#include "maps/map.h"

namespace skep::verifier {
namespace {

const char* field_name(btf::FieldKind kind) {
  switch (kind) {
    case btf::kSpinLock:
      return "bpf_spin_lock";
    case btf::kResSpinLock:
      return "bpf_res_spin_lock";
    case btf::kTimer:
      return "bpf_timer";
    case btf::kWorkqueue:
      return "bpf_wq";
    case btf::kTaskWork:
      return "bpf_task_work";
    case btf::kListHead:
      return "bpf_list_head";
    case btf::kListNode:
      return "bpf_list_node";
    case btf::kRbRoot:
      return "bpf_rb_root";
    case btf::kRbNode:
      return "bpf_rb_node";
    case btf::kRefcount:
      return "bpf_refcount";
    case btf::kUptr:
      return "uptr";
    default:
      return "kptr";
  }
}

}  // namespace

Check special_fields_untouched(Context& c, const maps::Map& map, int64_t from, int64_t to) {
  const maps::MapSpec& spec = map.spec();
  if (!spec.btf || !spec.btf_value_type_id) return {};
  const btf::Type value = spec.btf->skip_modifiers(spec.btf_value_type_id);
  if (!value.is_struct_or_union() && !value.is(abi::BTF_KIND_DATASEC)) return {};
  auto record = btf::parse_record(*spec.btf, value, btf::kMapFields, spec.value_size);
  if (!record) return {};  // Linux too takes a value whose fields it cannot read for one without
  for (const btf::Field& field : record->fields) {
    if (from >= int64_t{field.offset} + field.size || to <= int64_t{field.offset}) continue;
    return c.reject(EACCES, "{} cannot be accessed directly by load/store", field_name(field.kind));
  }
  return {};
}

}  // namespace skep::verifier
