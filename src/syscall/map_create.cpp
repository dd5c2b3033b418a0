// MAP_CREATE, in the order of checks of Linux's map_create().
#include "syscall/handlers.h"

namespace skep::syscall {
namespace {

constexpr uint32_t kNumaNodes = 1;

bool takes_map_extra(uint32_t type) {
  return type == abi::BPF_MAP_TYPE_BLOOM_FILTER || type == abi::BPF_MAP_TYPE_ARENA;
}

Status check_attr(const abi::map_create_attr& attr) {
  if (attr.btf_vmlinux_value_type_id != 0) {
    if (attr.map_type != abi::BPF_MAP_TYPE_STRUCT_OPS || attr.btf_key_type_id != 0 ||
        attr.btf_value_type_id != 0)
      return fail(EINVAL);
  } else if (attr.btf_key_type_id != 0 && attr.btf_value_type_id == 0) {
    return fail(EINVAL);
  }
  if (!takes_map_extra(attr.map_type) && attr.map_extra != 0) return fail(EINVAL);
  SKEP_TRY(mode_of_flags(attr.map_flags));
  if ((attr.map_flags & abi::BPF_F_NUMA_NODE) != 0 && attr.numa_node >= kNumaNodes) return fail(EINVAL);
  return {};
}

maps::MapSpec spec_of(const abi::map_create_attr& attr) {
  maps::MapSpec spec;
  spec.type = attr.map_type;
  spec.key_size = attr.key_size;
  spec.value_size = attr.value_size;
  spec.max_entries = attr.max_entries;
  spec.flags = attr.map_flags & ~uint32_t{abi::BPF_F_TOKEN_FD};
  spec.extra = attr.map_extra;
  spec.ifindex = attr.map_ifindex;
  spec.numa_node = attr.numa_node;
  spec.btf_key_type_id = attr.btf_key_type_id;
  spec.btf_value_type_id = attr.btf_value_type_id;
  spec.btf_vmlinux_value_type_id = attr.btf_vmlinux_value_type_id;
  return spec;
}

bool may_create(const Credentials& credentials, maps::MapNeeds needs) {
  switch (needs) {
    case maps::MapNeeds::kNothing:
      return true;
    case maps::MapNeeds::kBpf:
      return credentials.bpf || credentials.sys_admin;
    case maps::MapNeeds::kNetAdmin:
      return credentials.net_admin || credentials.sys_admin;
  }
  return false;
}

}  // namespace

Result<int64_t> map_create(Call& call) {
  const auto attr = call.as<abi::map_create_attr>();
  SKEP_TRY(check_attr(attr));
  maps::MapSpec spec = spec_of(attr);
  SKEP_TRY(maps::check_create(spec, call.kernel.options().profile));
  if ((attr.map_flags & abi::BPF_F_TOKEN_FD) != 0) return refuse_token(call.caller, attr.map_token_fd);
  const Credentials credentials = call.caller.credentials();
  if (call.kernel.unprivileged_bpf_disabled != 0 && !credentials.bpf) return fail(EPERM);
  const maps::MapTypeRow& row = *maps::find_type(spec.type);
  if (!may_create(credentials, row.needs)) return fail(EPERM);
  if (row.holds == maps::Holds::kMaps)
    spec.inner_map = SKEP_TRY(get_map(call.caller, static_cast<int>(attr.inner_map_fd))).map;

  spec.flags &= ~uint32_t{abi::BPF_F_RDONLY | abi::BPF_F_WRONLY};  // of the fd, not of the map

  const auto name = object_name(attr.map_name);
  if (!name) {  // Linux allocates first: a size that cannot be had comes before a bad name
    SKEP_TRY(maps::create_checked(spec));
    return std::unexpected(name.error());
  }
  spec.name = *name;
  Ref<objects::BtfObject> btf;
  if (spec.btf_value_type_id != 0) {
    btf = SKEP_TRY(get_object<objects::BtfObject>(call.caller, static_cast<int>(attr.btf_fd)));
    if (btf->kernel()) return fail(EACCES);
    spec.btf = btf->btf();
  }
  Ref<maps::Map> map = SKEP_TRY(maps::create_checked(spec));
  call.kernel.publish(*map);
  objects::state_of(*map).btf = std::move(btf);
  return install(call, std::move(map), SKEP_TRY(mode_of_flags(attr.map_flags)));
}

}  // namespace skep::syscall
