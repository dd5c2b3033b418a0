// MAP_LOOKUP_BATCH, MAP_LOOKUP_AND_DELETE_BATCH, MAP_UPDATE_BATCH, MAP_DELETE_BATCH.
//
// The position between two lookups is opaque to clients: for arrays the last key, for hashes four bytes,
// which here count the elements already delivered.
#include <optional>

#include "syscall/handlers.h"
#include "syscall/map_access.h"

namespace skep::syscall {
namespace {

constexpr size_t kCountOffset = offsetof(abi::map_batch_attr, count);

struct Batch {
  Call& call;
  abi::map_batch_attr attr;
  Ref<maps::Map> map;
  uint32_t key_size, value_size;

  uint64_t key_at(uint32_t i) const { return attr.keys + uint64_t{i} * key_size; }
  uint64_t value_at(uint32_t i) const { return attr.values + uint64_t{i} * value_size; }
};

bool is_hash(const maps::Map& map) { return map.row().batch == maps::Batch::kByBucket; }
bool deletes_in_batches(const maps::Map& map) {
  return is_hash(map) || map.row().batch == maps::Batch::kByKeyDelete;
}
bool has_batches(const maps::Map& map) { return map.row().batch != maps::Batch::kNone; }

Result<Batch> begin(Call& call, const MapFd& fd, bool reads, bool writes, bool supported) {
  const auto attr = call.as<abi::map_batch_attr>();
  if ((reads && !fd.may_read()) || (writes && !fd.may_write())) return fail(EPERM);
  if (!supported) return fail(maps::kENotSupp);
  if ((attr.elem_flags & ~uint64_t{abi::BPF_F_LOCK}) != 0) return fail(EINVAL);
  if ((attr.elem_flags & abi::BPF_F_LOCK) != 0 && !fd.map->has_lock()) return fail(EINVAL);
  if (is_hash(*fd.map) && reads && attr.flags != 0) return fail(EINVAL);
  return Batch{call, attr, fd.map, fd.map->spec().key_size, value_bytes(*fd.map)};
}

Result<MapFd> batch_map(Call& call) {
  return get_map(call.caller, static_cast<int>(call.as<abi::map_batch_attr>().map_fd));
}

// Writes how many elements were done, whatever ended the batch; a fault of the caller's memory counts
// nothing.
Result<int64_t> finish(Call& call, uint32_t done, const Status& ended) {
  if (!ended && ended.error().code == EFAULT) return std::unexpected(ended.error());
  SKEP_TRY(call.put(kCountOffset, done));
  if (!ended) return std::unexpected(ended.error());
  return 0;
}

Status give(const Batch& batch, uint32_t i, std::span<const std::byte> key,
            std::span<const std::byte> value) {
  SKEP_TRY(batch.call.caller.write(batch.key_at(i), key));
  return batch.call.caller.write(batch.value_at(i), value);
}

// Linux's generic_map_lookup_batch: by key.
Result<int64_t> lookup_array(Batch& batch) {
  std::vector<std::byte> key, next(batch.key_size), value(batch.value_size);
  if (batch.attr.in_batch != 0)
    key = SKEP_TRY(read_bytes(batch.call.caller, batch.attr.in_batch, batch.key_size));
  uint32_t done = 0;
  Status ended;
  while (done < batch.attr.count) {
    ended = status_of(batch.map->sys_next_key(key, next));
    if (!ended) break;
    ended = status_of(batch.map->sys_lookup(next, value, 0));
    if (ended) ended = give(batch, done, next, value);
    if (!ended) break;
    key = next;
    ++done;
  }
  if (!ended && ended.error().code == EFAULT) return std::unexpected(ended.error());
  SKEP_TRY(batch.call.put(kCountOffset, done));
  if (done != 0) SKEP_TRY(batch.call.caller.write(batch.attr.out_batch, key));
  if (!ended) return std::unexpected(ended.error());
  return 0;
}

// Moves to the element after `position` others. ENOENT: there are fewer.
Status skip_elements(maps::Map& map, uint32_t position, std::vector<std::byte>& key) {
  std::vector<std::byte> next(map.spec().key_size);
  for (uint32_t i = 0; i < position; ++i) {
    SKEP_TRY(status_of(map.sys_next_key(key, next)));
    key = next;
  }
  return {};
}

Result<int64_t> lookup_hash(Batch& batch, bool deletes) {
  uint32_t position = 0;
  if (batch.attr.in_batch != 0)
    SKEP_TRY(batch.call.caller.read(batch.attr.in_batch, std::as_writable_bytes(std::span(&position, 1))));
  std::vector<std::byte> key, next(batch.key_size), value(batch.value_size);
  if (!deletes) SKEP_TRY(skip_elements(*batch.map, position, key));
  uint32_t done = 0;
  Status ended = status_of(batch.map->sys_next_key(key, next));
  while (ended && done < batch.attr.count) {
    std::vector<std::byte> current = next;
    if (batch.map->sys_lookup(current, value, 0) == 0) {
      if (Status given = give(batch, done, current, value); !given) return std::unexpected(given.error());
      ++done;
    }
    // The next key is found before the current one is deleted: iteration starts anew at a missing key.
    ended = status_of(batch.map->sys_next_key(current, next));
    if (deletes) batch.map->sys_delete(current);
  }
  const uint32_t reached = deletes ? 0 : position + done;
  SKEP_TRY(batch.call.caller.write(batch.attr.out_batch, std::as_bytes(std::span(&reached, 1))));
  return finish(batch.call, done, ended);
}

Result<int64_t> lookup(Call& call, bool deletes) {
  const MapFd fd = SKEP_TRY(batch_map(call));
  std::optional<objects::WriteSection> writing;
  if (deletes) writing.emplace(*fd.map);
  const bool supported = is_hash(*fd.map) || (!deletes && has_batches(*fd.map));
  Batch batch = SKEP_TRY(begin(call, fd, true, deletes, supported));
  if (batch.attr.count == 0) return 0;
  SKEP_TRY(call.put(kCountOffset, uint32_t{0}));
  return is_hash(*fd.map) ? lookup_hash(batch, deletes) : lookup_array(batch);
}

}  // namespace

Result<int64_t> map_lookup_batch(Call& call) { return lookup(call, false); }
Result<int64_t> map_lookup_and_delete_batch(Call& call) { return lookup(call, true); }

Result<int64_t> map_update_batch(Call& call) {
  const MapFd fd = SKEP_TRY(batch_map(call));
  const objects::WriteSection writing(*fd.map);
  const Batch batch = SKEP_TRY(begin(call, fd, false, true, has_batches(*fd.map)));
  if (batch.attr.count == 0) return 0;
  std::vector<std::byte> key(batch.key_size), value(batch.value_size);
  uint32_t done = 0;
  Status ended;
  for (; done < batch.attr.count; ++done) {
    ended = call.caller.read(batch.key_at(done), key);
    if (ended) ended = call.caller.read(batch.value_at(done), value);
    if (ended) ended = update_element(call.caller, *batch.map, key, value, batch.attr.elem_flags);
    if (!ended) break;
  }
  SKEP_TRY(call.put(kCountOffset, done));
  if (!ended) return std::unexpected(ended.error());
  return 0;
}

Result<int64_t> map_delete_batch(Call& call) {
  const MapFd fd = SKEP_TRY(batch_map(call));
  const objects::WriteSection writing(*fd.map);
  const Batch batch = SKEP_TRY(begin(call, fd, false, true, deletes_in_batches(*fd.map)));
  if (batch.attr.count == 0) return 0;
  std::vector<std::byte> key(batch.key_size);
  uint32_t done = 0;
  Status ended;
  for (; done < batch.attr.count; ++done) {
    ended = call.caller.read(batch.key_at(done), key);
    if (ended) ended = status_of(batch.map->sys_delete(key));
    if (!ended) break;
  }
  SKEP_TRY(call.put(kCountOffset, done));
  if (!ended) return std::unexpected(ended.error());
  return 0;
}

}  // namespace skep::syscall
