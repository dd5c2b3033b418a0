// struct_ops: tables of programs that stand in for the kernel's own functions. This kernel has no such table,
// so no value type is one.
#include "abi/bpf.h"
#include "maps/factories.h"

namespace skep::maps {

// Linux: bpf_struct_ops_map_alloc_check.
Status check_struct_ops(const MapSpec& spec) {
  constexpr uint32_t kAllowed = abi::BPF_F_LINK | abi::BPF_F_VTYPE_BTF_OBJ_FD;
  const bool fits = spec.key_size == 4 && spec.max_entries == 1 && !(spec.flags & ~kAllowed) &&
                    spec.btf_vmlinux_value_type_id != 0;
  return fits ? Status{} : fail(EINVAL);
}

// A value type of a module's BTF: there are no modules.
Result<Ref<Map>> create_struct_ops(const MapSpec& spec, const MapTypeRow&) {
  return fail(spec.flags & abi::BPF_F_VTYPE_BTF_OBJ_FD ? EINVAL : kENotSupp);
}

}  // namespace skep::maps
