// abi::bpf_map_info.
#include <sha2.h>

#include <array>

#include "syscall/info.h"

namespace skep::syscall {
namespace {

constexpr uint32_t kDigestSize = 32;

// SHA-256 over the elements of an array as they lie in memory, each rounded up to eight bytes.
std::array<uint8_t, kDigestSize> content_digest(maps::Map& map) {
  std::vector<std::byte> value((map.spec().value_size + 7) & ~7u);
  SHA2_CTX state;
  SHA256Init(&state);
  for (uint32_t index = 0; index < map.spec().max_entries; ++index) {
    map.sys_lookup(std::as_bytes(std::span(&index, 1)), std::span(value).first(map.spec().value_size), 0);
    SHA256Update(&state, reinterpret_cast<const uint8_t*>(value.data()), value.size());
  }
  std::array<uint8_t, kDigestSize> digest;
  SHA256Final(digest.data(), &state);
  return digest;
}

Status give_digest(const InfoBuffer& buffer, maps::Map& map, const abi::bpf_map_info& info) {
  if (info.hash == 0) return info.hash_size == 0 ? Status{} : Status(fail(EINVAL));
  if (map.spec().type != abi::BPF_MAP_TYPE_ARRAY || info.hash_size != kDigestSize) return fail(EINVAL);
  if (!map.frozen()) return fail(EPERM);
  const auto digest = content_digest(map);
  return buffer.call.caller.write(info.hash, std::as_bytes(std::span(digest)));
}

}  // namespace

Status fill_info(const InfoBuffer& buffer, maps::Map& map) {
  abi::bpf_map_info info = {};
  const auto bytes = std::as_writable_bytes(std::span(&info, 1));
  const uint32_t known =
      SKEP_TRY(buffer.read(bytes, offsetof(abi::bpf_map_info, hash_size) + sizeof(info.hash_size)));
  const maps::MapSpec& spec = map.spec();
  info.type = spec.type;
  info.id = map.id();
  info.key_size = spec.key_size;
  info.value_size = spec.value_size;
  info.max_entries = spec.max_entries;
  info.map_flags = spec.flags;
  info.map_extra = spec.extra;
  std::memset(info.name, 0, sizeof(info.name));
  std::memcpy(info.name, spec.name.data(), spec.name.size());
  if (const auto& btf = objects::state_of(map).btf) {
    info.btf_id = btf->id();
    info.btf_key_type_id = spec.btf_key_type_id;
    info.btf_value_type_id = spec.btf_value_type_id;
  }
  info.btf_vmlinux_value_type_id = spec.btf_vmlinux_value_type_id;
  SKEP_TRY(give_digest(buffer, map, info));
  return buffer.write(bytes, known);
}

}  // namespace skep::syscall
