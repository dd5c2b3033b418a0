// *_GET_NEXT_ID and *_GET_FD_BY_ID.
#include <climits>

#include "syscall/handlers.h"

namespace skep::syscall {
namespace {

template <class T>
Result<int64_t> next_id(Call& call, const objects::IdTable<T>& table) {
  const auto attr = call.as<abi::get_id_attr>();
  if (attr.start_id >= INT_MAX) return fail(EINVAL);
  const auto next = table.next_after(attr.start_id);
  if (!next) return fail(ENOENT);
  SKEP_TRY(call.put(offsetof(abi::get_id_attr, next_id), *next));
  return 0;
}

template <class T>
Result<Ref<T>> by_id(const objects::IdTable<T>& table, uint32_t id) {
  Ref<T> found = table.find(id);
  if (!found) return fail(ENOENT);
  return found;
}

}  // namespace

Result<int64_t> prog_get_next_id(Call& call) { return next_id(call, call.kernel.programs()); }
Result<int64_t> map_get_next_id(Call& call) { return next_id(call, call.kernel.maps()); }
Result<int64_t> btf_get_next_id(Call& call) { return next_id(call, call.kernel.btfs()); }
Result<int64_t> link_get_next_id(Call& call) { return next_id(call, call.kernel.links()); }

Result<int64_t> prog_get_fd_by_id(Call& call) {
  return install(call, SKEP_TRY(by_id(call.kernel.programs(), call.as<abi::get_id_attr>().prog_id)));
}

Result<int64_t> map_get_fd_by_id(Call& call) {
  const auto attr = call.as<abi::get_id_attr>();
  if ((attr.open_flags & ~uint32_t{abi::BPF_F_RDONLY | abi::BPF_F_WRONLY}) != 0) return fail(EINVAL);
  if (!call.caller.credentials().sys_admin) return fail(EPERM);
  const FdMode mode = SKEP_TRY(mode_of_flags(attr.open_flags));
  return install(call, SKEP_TRY(by_id(call.kernel.maps(), attr.map_id)), mode);
}

Result<int64_t> btf_get_fd_by_id(Call& call) {
  const auto attr = call.as<abi::get_id_attr>();
  if ((attr.open_flags & ~uint32_t{abi::BPF_F_TOKEN_FD}) != 0) return fail(EINVAL);
  if (attr.open_flags != 0) return refuse_token(call.caller, attr.fd_by_id_token_fd);
  return install(call, SKEP_TRY(by_id(call.kernel.btfs(), attr.btf_id)));
}

Result<int64_t> link_get_fd_by_id(Call& call) {
  return install(call, SKEP_TRY(by_id(call.kernel.links(), call.as<abi::get_id_attr>().link_id)));
}

}  // namespace skep::syscall
