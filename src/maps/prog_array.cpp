#include "maps/prog_array.h"

#include <cstring>

#include "abi/bpf.h"
#include "base/rcu.h"
#include "maps/factories.h"
#include "maps/rules.h"

namespace skep::maps {
namespace {

// What a slot counts a reference on.
RefCounted* holder_of(TailTarget* target) { return target->owner != nullptr ? target->owner : target; }

}  // namespace

Result<Ref<Map>> create_prog_array(const MapSpec& spec, const MapTypeRow& row) {
  Memory memory = SKEP_TRY(Memory::anonymous(uint64_t{spec.max_entries} * sizeof(std::atomic<TailTarget*>)));
  return make_ref<ProgArrayMap>(spec, row, std::move(memory));
}

ProgArrayMap::ProgArrayMap(const MapSpec& spec, const MapTypeRow& row, Memory memory)
    : Map(spec, row),
      memory_(std::move(memory)),
      slots_{spec.max_entries, reinterpret_cast<std::atomic<TailTarget*>*>(memory_.data())} {}

ProgArrayMap::~ProgArrayMap() { user_references_gone(); }

bool ProgArrayMap::exchange(uint32_t index, TailTarget* target) {
  TailTarget* old = slots_.slots[index].exchange(target, std::memory_order_acq_rel);
  if (old == nullptr) return false;
  rcu_defer([held = holder_of(old)] { held->ref_put(); });
  return true;
}

int ProgArrayMap::erase(const void* key) noexcept {
  const uint32_t index = index_of(key);
  if (index >= slots_.count) return -E2BIG;
  return exchange(index, nullptr) ? 0 : -ENOENT;
}

int ProgArrayMap::sys_lookup(std::span<const std::byte> key, std::span<std::byte> value, uint64_t) {
  const uint32_t id = sys_object_id(key);
  if (id == 0) return -ENOENT;
  std::memcpy(value.data(), &id, sizeof id);
  return 0;
}

int ProgArrayMap::sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  return next_index(slots_.count, key, next);
}

int ProgArrayMap::sys_check_object(std::span<const std::byte> key, uint64_t flags) {
  if (flags != abi::BPF_ANY) return -EINVAL;
  return index_of(key.data()) < slots_.count ? 0 : -E2BIG;
}

int ProgArrayMap::sys_set_object(std::span<const std::byte> key, Ref<RefCounted> object, uint64_t flags) {
  if (const int error = sys_check_object(key, flags)) return error;
  auto* target = dynamic_cast<TailTarget*>(object.get());
  if (target == nullptr) return -EINVAL;
  holder_of(target)->ref_get();
  exchange(index_of(key.data()), target);
  return 0;
}

uint32_t ProgArrayMap::sys_object_id(std::span<const std::byte> key) {
  const uint32_t index = index_of(key.data());
  if (index >= slots_.count) return 0;
  RcuReadSection section;
  const TailTarget* target = slots_.slots[index].load(std::memory_order_acquire);
  return target != nullptr ? target->program_id : 0;
}

void ProgArrayMap::user_references_gone() {
  for (uint32_t index = 0; index < slots_.count; ++index)
    if (slots_.slots[index].load(std::memory_order_relaxed) != nullptr) exchange(index, nullptr);
}

uint64_t ProgArrayMap::memory_usage() const {
  return kArrayOverhead + uint64_t{slots_.count} * sizeof(void*);
}

bool ProgArrayMap::admit(const TailOwner& owner) {
  std::lock_guard lock(owner_mutex_);
  if (!owner_) owner_ = owner;
  return *owner_ == owner;
}

std::optional<TailOwner> ProgArrayMap::owner() const {
  std::lock_guard lock(owner_mutex_);
  return owner_;
}

}  // namespace skep::maps
