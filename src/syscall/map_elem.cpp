// MAP_LOOKUP_ELEM, MAP_UPDATE_ELEM, MAP_DELETE_ELEM, MAP_GET_NEXT_KEY, MAP_LOOKUP_AND_DELETE_ELEM,
// MAP_FREEZE.
#include "syscall/map_access.h"

#include "syscall/handlers.h"

namespace skep::syscall {

Status status_of(int error) {
  if (error < 0) return fail(-error);
  return {};
}

Result<std::vector<std::byte>> read_key(Caller& caller, const maps::Map& map, uint64_t address) {
  if (map.spec().key_size == 0 && address != 0) return fail(EINVAL);
  return read_bytes(caller, address, map.spec().key_size);
}

uint32_t value_bytes(const maps::Map& map) { return map.syscall_value_size(); }

namespace {

// The object behind an fd that is to become an element, with the errno of the map type for another kind of
// fd.
Result<Ref<RefCounted>> element_object(Caller& caller, maps::Map& map, int fd) {
  switch (map.row().holds) {
    case maps::Holds::kPrograms: {
      const Ref<objects::Program> program = SKEP_TRY(get_object<objects::Program>(caller, fd));
      SKEP_TRY(objects::claim_tail_calls(map, *program));
      return program->image();
    }
    case maps::Holds::kMaps:
      return SKEP_TRY(get_map(caller, fd)).map;
    case maps::Holds::kCgroups:
      return SKEP_TRY(caller.cgroup(fd));
    case maps::Holds::kPerfEvents: {
      auto event = get_object<objects::PerfEvent>(caller, fd);
      if (!event) return fail(EBADF);
      return *std::move(event);
    }
    case maps::Holds::kSockets: {
      const auto found = caller.object(fd);
      if (found) return fail(ENOTSOCK);
      if (found.error().code == EBADF) return fail(EBADF);
      return fail(EOPNOTSUPP);  // whatever it is, it cannot be kept here
    }
    case maps::Holds::kValues:
      break;
  }
  return fail(EINVAL);
}

}  // namespace

Status update_element(Caller& caller, maps::Map& map, std::span<const std::byte> key,
                      std::span<const std::byte> value, uint64_t flags) {
  if (!map.holds_objects()) return status_of(map.sys_update(key, value, flags));
  SKEP_TRY(status_of(map.sys_check_object(key, flags)));
  uint64_t fd = 0;
  std::memcpy(&fd, value.data(), std::min(sizeof(fd), value.size()));
  if (fd > INT32_MAX && value.size() == sizeof(fd)) return fail(EINVAL);
  auto object = SKEP_TRY(element_object(caller, map, static_cast<int>(fd)));
  return status_of(map.sys_set_object(key, std::move(object), flags));
}

Result<int64_t> map_lookup(Call& call) {
  const auto attr = call.as<abi::map_elem_attr>();
  if ((attr.flags & ~uint64_t{abi::BPF_F_LOCK}) != 0) return fail(EINVAL);
  const MapFd fd = SKEP_TRY(get_map(call.caller, static_cast<int>(attr.map_fd)));
  if (!fd.may_read()) return fail(EPERM);
  if ((attr.flags & abi::BPF_F_LOCK) != 0 && !fd.map->has_lock()) return fail(EINVAL);
  const auto key = SKEP_TRY(read_key(call.caller, *fd.map, attr.key));
  std::vector<std::byte> value(value_bytes(*fd.map));
  if (fd.map->row().value_in_lookup) SKEP_TRY(call.caller.read(attr.value, value));
  SKEP_TRY(status_of(fd.map->sys_lookup(key, value, attr.flags)));
  SKEP_TRY(call.caller.write(attr.value, value));
  return 0;
}

Result<int64_t> map_update(Call& call) {
  const auto attr = call.as<abi::map_elem_attr>();
  const MapFd fd = SKEP_TRY(get_map(call.caller, static_cast<int>(attr.map_fd)));
  const objects::WriteSection writing(*fd.map);
  if (!fd.may_write()) return fail(EPERM);
  if ((attr.flags & abi::BPF_F_LOCK) != 0 && !fd.map->has_lock()) return fail(EINVAL);
  const auto key = SKEP_TRY(read_key(call.caller, *fd.map, attr.key));
  const auto value = SKEP_TRY(read_bytes(call.caller, attr.value, value_bytes(*fd.map)));
  SKEP_TRY(update_element(call.caller, *fd.map, key, value, attr.flags));
  return 0;
}

Result<int64_t> map_delete(Call& call) {
  const auto attr = call.as<abi::map_elem_attr>();
  const MapFd fd = SKEP_TRY(get_map(call.caller, static_cast<int>(attr.map_fd)));
  const objects::WriteSection writing(*fd.map);
  if (!fd.may_write()) return fail(EPERM);
  const auto key = SKEP_TRY(read_key(call.caller, *fd.map, attr.key));
  SKEP_TRY(status_of(fd.map->sys_delete(key)));
  return 0;
}

Result<int64_t> map_next_key(Call& call) {
  const auto attr = call.as<abi::map_elem_attr>();
  const MapFd fd = SKEP_TRY(get_map(call.caller, static_cast<int>(attr.map_fd)));
  if (!fd.may_read()) return fail(EPERM);
  std::vector<std::byte> key;
  if (attr.key != 0) key = SKEP_TRY(read_key(call.caller, *fd.map, attr.key));
  std::vector<std::byte> next(fd.map->spec().key_size);
  SKEP_TRY(status_of(fd.map->sys_next_key(key, next)));
  SKEP_TRY(call.caller.write(attr.next_key, next));
  return 0;
}

Result<int64_t> map_lookup_and_delete(Call& call) {
  const auto attr = call.as<abi::map_elem_attr>();
  if ((attr.flags & ~uint64_t{abi::BPF_F_LOCK}) != 0) return fail(EINVAL);
  const MapFd fd = SKEP_TRY(get_map(call.caller, static_cast<int>(attr.map_fd)));
  const objects::WriteSection writing(*fd.map);
  if (!fd.may_read() || !fd.may_write()) return fail(EPERM);
  if ((attr.flags & abi::BPF_F_LOCK) != 0 && !fd.map->has_lock()) return fail(EINVAL);
  const auto key = SKEP_TRY(read_key(call.caller, *fd.map, attr.key));
  std::vector<std::byte> value(value_bytes(*fd.map));
  SKEP_TRY(status_of(fd.map->sys_lookup_and_delete(key, value, attr.flags)));
  SKEP_TRY(call.caller.write(attr.value, value));
  return 0;
}

Result<int64_t> map_freeze(Call& call) {
  const auto attr = call.as<abi::map_elem_attr>();
  const MapFd fd = SKEP_TRY(get_map(call.caller, static_cast<int>(attr.map_fd)));
  if (!fd.may_write()) return fail(EPERM);
  SKEP_TRY(objects::freeze(*fd.map));
  return 0;
}

}  // namespace skep::syscall
