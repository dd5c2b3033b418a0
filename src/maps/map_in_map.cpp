#include "maps/map_in_map.h"

#include <cstring>

#include "abi/bpf.h"
#include "base/rcu.h"
#include "maps/factories.h"
#include "maps/rules.h"

namespace skep::maps {
namespace {

// Linux: bpf_map_meta_alloc.
Result<Ref<InnerMeta>> meta_of(const MapSpec& spec) {
  if (!spec.inner_map) return fail(EBADF);
  const Map& inner = *spec.inner_map;
  if (inner.inner_meta() != nullptr) return fail(EINVAL);
  if (!inner.row().inner_allowed) return fail(kENotSupp);
  MapSpec shape = inner.spec();
  shape.name.clear();
  return make_ref<InnerMeta>(shape, inner.row());
}

MapSpec without_inner(MapSpec spec) {
  spec.inner_map = nullptr;
  return spec;
}

bool same_field(const btf::Field& a, const btf::Field& b) {
  return a.kind == b.kind && a.offset == b.offset && a.size == b.size && a.type_id == b.type_id &&
         a.node_offset == b.node_offset;
}

bool same_fields(const MapSpec& a, const MapSpec& b) {
  if (a.fields.fields.size() != b.fields.fields.size()) return false;
  bool refers_to_types = false;
  for (size_t i = 0; i < a.fields.fields.size(); ++i) {
    if (!same_field(a.fields.fields[i], b.fields.fields[i])) return false;
    refers_to_types |= a.fields.fields[i].type_id != 0;
  }
  return !refers_to_types || a.btf == b.btf;
}

int give_id(uint32_t id, std::span<std::byte> value) {
  if (id == 0) return -ENOENT;
  std::memcpy(value.data(), &id, sizeof id);
  return 0;
}

void put_after_readers(Map* map) {
  rcu_defer([map] { map->ref_put(); });
}

}  // namespace

bool InnerMeta::fits(const Map& map) const {
  const MapSpec &want = spec(), &have = map.spec();
  if (want.type != have.type || want.key_size != have.key_size || want.value_size != have.value_size ||
      want.flags != have.flags || !same_fields(want, have))
    return false;
  const bool any_entries = !row().inner_entries_fixed || (want.flags & abi::BPF_F_INNER_MAP);
  return any_entries || want.max_entries == have.max_entries;
}

// --- array_of_maps --------------------------------------------------------------------------------------

Result<Ref<Map>> create_array_of_maps(const MapSpec& spec, const MapTypeRow& row) {
  Ref<InnerMeta> meta = SKEP_TRY(meta_of(spec));
  return make_ref<ArrayOfMaps>(without_inner(spec), row, SKEP_TRY(object_slots(spec)), std::move(meta));
}

ArrayOfMaps::ArrayOfMaps(const MapSpec& spec, const MapTypeRow& row, Memory slots, Ref<InnerMeta> meta)
    : ObjectArrayMap(spec, row, std::move(slots)), meta_(std::move(meta)) {}

void* ArrayOfMaps::lookup(const void* key, uint32_t) noexcept {
  return static_cast<Map*>(object_at(index_of(key)));
}

int ArrayOfMaps::sys_lookup(std::span<const std::byte> key, std::span<std::byte> value, uint64_t) {
  return give_id(sys_object_id(key), value);
}

int ArrayOfMaps::sys_set_object(std::span<const std::byte> key, Ref<RefCounted> object, uint64_t flags) {
  if (const int error = sys_check_object(key, flags)) return error;
  const auto* map = dynamic_cast<const Map*>(object.get());
  if (map == nullptr || !meta_->fits(*map)) return -EINVAL;
  return ObjectArrayMap::sys_set_object(key, std::move(object), flags);
}

uint32_t ArrayOfMaps::sys_object_id(std::span<const std::byte> key) {
  RcuReadSection section;
  const auto* map = static_cast<const Map*>(object_at(index_of(key.data())));
  return map != nullptr ? map->id() : 0;
}

// --- hash_of_maps ---------------------------------------------------------------------------------------

// Linux: fd_htab_map_alloc_check.
Status check_hash_of_maps(const MapSpec& spec) {
  if (spec.value_size != sizeof(uint32_t)) return fail(EINVAL);
  return check_hash(spec);
}

Result<Ref<Map>> create_hash_of_maps(const MapSpec& wanted, const MapTypeRow& row) {
  Ref<InnerMeta> meta = SKEP_TRY(meta_of(wanted));
  const MapSpec spec = without_inner(wanted);
  MapSpec store = spec;
  store.value_size = sizeof(Map*);
  auto table = make_ref<HashMap>(store, row, SKEP_TRY(hash_buckets(store, row)), false);
  return make_ref<HashOfMaps>(spec, row, std::move(table), std::move(meta));
}

HashOfMaps::HashOfMaps(const MapSpec& spec, const MapTypeRow& row, Ref<HashMap> store, Ref<InnerMeta> meta)
    : Map(spec, row), store_(std::move(store)), meta_(std::move(meta)) {}

HashOfMaps::~HashOfMaps() {
  store_->for_each(
      [](const void*, void* value) {
        put_after_readers(*static_cast<Map**>(value));
        return uint64_t{0};
      },
      0);
}

// A reader may hold an element that is used for another key by now. Whatever map it reads there was in the
// table while it read, so the count on it is given back after this reader ends.
Map* HashOfMaps::inner_at(const void* key) const noexcept {
  const void* const value = store_->lookup(key, 0);
  return value ? reinterpret_cast<Map*>(load_word(static_cast<const uint64_t*>(value))) : nullptr;
}

void* HashOfMaps::lookup(const void* key, uint32_t) noexcept { return inner_at(key); }

int HashOfMaps::erase(const void* key) noexcept {
  std::lock_guard lock(writing_);
  RcuReadSection section;
  Map* const old = inner_at(key);
  if (old == nullptr) return -ENOENT;
  store_->erase(key);
  put_after_readers(old);
  return 0;
}

int HashOfMaps::sys_lookup(std::span<const std::byte> key, std::span<std::byte> value, uint64_t) {
  return give_id(sys_object_id(key), value);
}

int HashOfMaps::sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  return store_->sys_next_key(key, next);
}

int HashOfMaps::sys_set_object(std::span<const std::byte> key, Ref<RefCounted> object, uint64_t flags) {
  auto* const map = dynamic_cast<Map*>(object.get());
  if (map == nullptr || !meta_->fits(*map)) return -EINVAL;
  std::lock_guard lock(writing_);
  RcuReadSection section;
  Map* const old = inner_at(key.data());
  if (const int error = store_->update(key.data(), &map, flags, 0)) return error;
  object.release();
  if (old != nullptr) put_after_readers(old);
  return 0;
}

uint32_t HashOfMaps::sys_object_id(std::span<const std::byte> key) {
  RcuReadSection section;
  const Map* const map = inner_at(key.data());
  return map != nullptr ? map->id() : 0;
}

uint64_t HashOfMaps::memory_usage() const { return store_->memory_usage(); }

}  // namespace skep::maps
