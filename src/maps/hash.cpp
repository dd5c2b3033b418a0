#include "maps/hash.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "abi/bpf.h"
#include "maps/factories.h"
#include "maps/rules.h"
#include "maps/spin_lock.h"
#include "maps/words.h"

namespace skep::maps {
namespace {

// sizeof(struct htab_elem), struct bucket on Linux: in its size limits and in what it says of its memory.
constexpr uint64_t kKernelElement = 48, kKernelBucket = 16;

// Of try_put: no errno, which are negative.
constexpr int kFull = 1;

// Links are element addresses, or end markers: bit 0 set, the bucket's number above. A head of 0 is the
// marker of its own bucket, so that fresh pages are empty buckets.
constexpr bool is_marker(uintptr_t link) { return link == 0 || (link & 1) != 0; }
constexpr uintptr_t marker_of(uint32_t bucket) { return uintptr_t{bucket} << 1 | 1; }

uint64_t key_word(const std::byte* key, size_t left) {
  uint64_t word = 0;
  std::memcpy(&word, key, std::min<size_t>(left, 8));
  return word;
}

uint32_t random_seed() {
  uint32_t seed = 0;
  return getrandom(&seed, sizeof seed, 0) == sizeof seed ? seed : 0x9e3779b9u;
}

}  // namespace

// Linux: htab_map_alloc_check.
Status check_hash(const MapSpec& spec) {
  constexpr uint32_t kAllowed = abi::BPF_F_NO_PREALLOC | abi::BPF_F_NO_COMMON_LRU | abi::BPF_F_NUMA_NODE |
                                kAccessFlags | abi::BPF_F_ZERO_SEED;
  const bool lru = spec.type == abi::BPF_MAP_TYPE_LRU_HASH || spec.type == abi::BPF_MAP_TYPE_LRU_PERCPU_HASH;
  const bool per_cpu =
      spec.type == abi::BPF_MAP_TYPE_PERCPU_HASH || spec.type == abi::BPF_MAP_TYPE_LRU_PERCPU_HASH;
  const bool lists_per_cpu = spec.flags & abi::BPF_F_NO_COMMON_LRU;
  if ((spec.flags & ~kAllowed) || !program_access_ok(spec.flags)) return fail(EINVAL);
  if (!lru && lists_per_cpu) return fail(EINVAL);
  if (lru && (spec.flags & abi::BPF_F_NO_PREALLOC)) return fail(kENotSupp);
  if ((per_cpu || lists_per_cpu) && names_numa_node(spec)) return fail(EINVAL);
  if (spec.max_entries == 0 || spec.key_size == 0 || spec.value_size == 0) return fail(EINVAL);
  if (uint64_t{spec.key_size} + spec.value_size >= kMaxAllocation - kKernelElement) return fail(E2BIG);
  if (per_cpu && round_up(spec.value_size, 8) > kMaxPerCpuValue) return fail(E2BIG);
  return {};
}

struct HashMap::Bucket {
  std::atomic<uintptr_t> head;
  std::atomic<bool> locked;
  std::atomic<uint32_t> version;  // grows before and after each change of the chain
};

struct HashMap::Element {
  std::atomic<uintptr_t> next{0};
  Element* next_free = nullptr;
  std::atomic<uint32_t> hash{0};
  std::atomic<bool> linked{false};
  std::atomic<bool> used{false};  // since the eviction passed by; kept where maps evict
};

struct HashMap::NewValue {
  const std::byte* data;
  uint32_t cpu;
  bool all_cpus;
};

Result<Memory> hash_buckets(const MapSpec& spec, const MapTypeRow& row) {
  if (spec.max_entries > 1u << 31) return fail(E2BIG);
  const uint64_t bucket_count = std::bit_ceil(uint64_t{spec.max_entries});
  if (bucket_count > UINT32_MAX / kKernelBucket) return fail(E2BIG);
  const uint64_t values = row.per_cpu ? possible_cpus() : 1;
  const uint64_t element =
      kKernelElement + round_up(spec.key_size, 8) + values * round_up(spec.value_size, 8);
  if (!(spec.flags & abi::BPF_F_NO_PREALLOC) && !affordable(element * spec.max_entries)) return fail(ENOMEM);
  return Memory::anonymous(bucket_count * 16);
}

Result<Ref<Map>> create_hash(const MapSpec& spec, const MapTypeRow& row) {
  return make_ref<HashMap>(spec, row, SKEP_TRY(hash_buckets(spec, row)), false);
}

HashMap::HashMap(const MapSpec& spec, const MapTypeRow& row, Memory buckets, bool tracks_use)
    : Map(spec, row),
      key_stride_(static_cast<uint32_t>(round_up(spec.key_size, 8))),
      value_stride_(static_cast<uint32_t>(round_up(spec.value_size, 8))),
      cpus_(row.per_cpu ? possible_cpus() : 1),
      bucket_mask_(static_cast<uint32_t>(std::bit_ceil(uint64_t{spec.max_entries}) - 1)),
      seed_(spec.flags & abi::BPF_F_ZERO_SEED ? 0 : random_seed()),
      tracks_use_(tracks_use),
      layout_(spec),
      buckets_(std::move(buckets)) {
  static_assert(sizeof(Bucket) == 16);
}

HashMap::~HashMap() = default;

HashMap::Bucket& HashMap::bucket_of(uint32_t hash) const {
  return reinterpret_cast<Bucket*>(buckets_.data())[hash & bucket_mask_];
}

uint32_t HashMap::hash_of(const void* key) const {
  const auto* bytes = static_cast<const std::byte*>(key);
  uint64_t state = seed_ ^ 0x2545f4914f6cdd1dull;
  for (size_t left = spec().key_size;; left -= 8, bytes += 8) {
    state = (state ^ key_word(bytes, left)) * 0x9e3779b97f4a7c15ull;
    state ^= state >> 32;
    if (left <= 8) break;
  }
  state *= 0xd6e8feb86659fd93ull;
  return static_cast<uint32_t>(state >> 32);
}

std::byte* HashMap::key_of(const Element* element) const {
  return reinterpret_cast<std::byte*>(const_cast<Element*>(element) + 1);
}

std::byte* HashMap::value_of(const Element* element, uint32_t cpu) const {
  return key_of(element) + key_stride_ + uint64_t{cpu} * value_stride_;
}

uint64_t HashMap::element_size() const {
  return sizeof(Element) + key_stride_ + uint64_t{cpus_} * value_stride_;
}

bool HashMap::same_key(const Element* element, const void* key) const {
  const auto* bytes = static_cast<const std::byte*>(key);
  auto* words = reinterpret_cast<uint64_t*>(key_of(element));
  for (size_t left = spec().key_size;; left -= 8, bytes += 8, ++words) {
    if (std::atomic_ref(*words).load(std::memory_order_acquire) != key_word(bytes, left)) return false;
    if (left <= 8) return true;
  }
}

HashMap::Element* HashMap::find(const void* key, uint32_t hash) const {
  const uint32_t number = hash & bucket_mask_;
  const Bucket& bucket = bucket_of(hash);
  for (;;) {
    const uint32_t version = bucket.version.load(std::memory_order_acquire);
    uintptr_t link = bucket.head.load(std::memory_order_acquire);
    while (!is_marker(link)) {
      auto* element = reinterpret_cast<Element*>(link);
      if (element->hash.load(std::memory_order_acquire) == hash && same_key(element, key)) return element;
      link = element->next.load(std::memory_order_acquire);
    }
    // A miss counts only when the chain stood still: an element on the way may have been taken for another
    // key, even for the one that is sought.
    if ((link == 0 || link == marker_of(number)) && bucket.version.load(std::memory_order_acquire) == version)
      return nullptr;
  }
}

std::atomic<uintptr_t>* HashMap::find_link(Bucket& bucket, const void* key, uint32_t hash) const {
  std::atomic<uintptr_t>* at = &bucket.head;
  for (uintptr_t link; !is_marker(link = at->load(std::memory_order_relaxed));) {
    auto* element = reinterpret_cast<Element*>(link);
    if (element->hash.load(std::memory_order_relaxed) == hash && same_key(element, key)) return at;
    at = &element->next;
  }
  return nullptr;
}

// --- element memory -------------------------------------------------------------------------------------

bool HashMap::count_up() {
  uint32_t count = count_.load(std::memory_order_relaxed);
  do {
    if (count >= spec().max_entries) return false;
  } while (!count_.compare_exchange_weak(count, count + 1, std::memory_order_relaxed));
  return true;
}

HashMap::Element* HashMap::allocate() {
  SpinGuard guard(free_locked_);
  if (free_ != nullptr) return std::exchange(free_, free_->next_free);
  const uint64_t size = element_size();
  if (chunks_.empty() || chunks_.back().used == chunks_.back().capacity) {
    // Chunks grow with the map, so that small maps stay small and large ones have few.
    const uint64_t wanted =
        std::clamp<uint64_t>(uint64_t{4096} << std::min<size_t>(chunks_.size(), 8), 4096, 1 << 20);
    auto memory = Memory::anonymous(std::max(wanted, size));
    if (!memory) return nullptr;
    const auto capacity = static_cast<uint32_t>(memory->size() / size);
    chunks_.push_back({.memory = std::move(*memory), .capacity = capacity});
  }
  Chunk& chunk = chunks_.back();
  return new (chunk.memory.data() + chunk.used++ * size) Element;
}

void HashMap::release(Element* element) {
  SpinGuard guard(free_locked_);
  element->next_free = free_;
  free_ = element;
}

HashMap::Element* HashMap::next_unused(uint32_t most, uint32_t* seen) noexcept {
  const uint64_t size = element_size();
  SpinGuard guard(free_locked_);
  for (uint32_t steps = 0; steps < most && !chunks_.empty(); ++steps, ++*seen) {
    if (hand_ >= chunks_[hand_chunk_].used) {
      hand_chunk_ = (hand_chunk_ + 1) % chunks_.size();
      hand_ = 0;
    }
    auto* element = reinterpret_cast<Element*>(chunks_[hand_chunk_].memory.data() + hand_++ * size);
    if (!element->linked.load(std::memory_order_relaxed)) continue;
    if (!element->used.exchange(false, std::memory_order_relaxed)) return element;
  }
  return nullptr;
}

bool HashMap::evict(Element* element) noexcept {
  Bucket& bucket = bucket_of(element->hash.load(std::memory_order_acquire));
  SpinGuard guard(bucket.locked);
  // Others may have removed the element and used it again, even in another bucket: only the chain tells.
  std::atomic<uintptr_t>* at = &bucket.head;
  for (uintptr_t link; !is_marker(link = at->load(std::memory_order_relaxed));) {
    auto* found = reinterpret_cast<Element*>(link);
    if (found == element) {
      unlink(bucket, at, element);
      return true;
    }
    at = &found->next;
  }
  return false;
}

// --- program face ---------------------------------------------------------------------------------------

void* HashMap::lookup_percpu(const void* key, uint32_t cpu) noexcept {
  Element* element = find(key, hash_of(key));
  if (element == nullptr) return nullptr;
  if (tracks_use_ && !element->used.load(std::memory_order_relaxed))
    element->used.store(true, std::memory_order_relaxed);
  if (cpus_ == 1) return row().per_cpu && cpu != 0 ? nullptr : value_of(element, 0);
  return cpu < cpus_ ? value_of(element, cpu) : nullptr;
}

// With release, so that a reader who meets the new key on its way along a chain that the element has left
// also sees that chain's version grown.
void HashMap::write_key(Element* element, const void* key, uint32_t hash) const {
  element->hash.store(hash, std::memory_order_release);
  const auto* bytes = static_cast<const std::byte*>(key);
  auto* words = reinterpret_cast<uint64_t*>(key_of(element));
  for (size_t left = spec().key_size;; left -= 8, bytes += 8, ++words) {
    std::atomic_ref(*words).store(key_word(bytes, left), std::memory_order_release);
    if (left <= 8) return;
  }
}

void HashMap::write_value(Element* element, const NewValue& value, bool fresh) const {
  if (!row().per_cpu) {
    if (fresh) layout_.clear_fields(value_of(element, 0));
    return layout_.copy_in(value_of(element, 0), value.data);
  }
  for (uint32_t cpu = 0; cpu < cpus_; ++cpu) {
    std::byte* const at = value_of(element, cpu);
    if (fresh) clear_words(at, value_stride_);  // the element's last user left its values there
    if (value.all_cpus)
      layout_.copy_in_slot(at, value.data + uint64_t{cpu} * value_stride_);
    else if (cpu == value.cpu)
      layout_.copy_in(at, value.data);
  }
}

int HashMap::put(const void* key, const NewValue& value, uint64_t flags) noexcept {
  if ((flags & ~abi::BPF_F_LOCK) > abi::BPF_EXIST) return -EINVAL;
  if ((flags & abi::BPF_F_LOCK) && !layout_.has_lock()) return -EINVAL;
  const uint32_t hash = hash_of(key);
  for (;;) {
    const int error = try_put(key, hash, value, flags);
    if (error != kFull) return error;
    if (!tracks_use_) return -E2BIG;
    if (!make_room()) return -ENOMEM;
  }
}

int HashMap::try_put(const void* key, uint32_t hash, const NewValue& value, uint64_t flags) noexcept {
  Bucket& bucket = bucket_of(hash);
  SpinGuard guard(bucket.locked);

  std::atomic<uintptr_t>* old_link = find_link(bucket, key, hash);
  const uint64_t presence = flags & ~abi::BPF_F_LOCK;
  if (old_link != nullptr && presence == abi::BPF_NOEXIST) return -EEXIST;
  if (old_link == nullptr && presence == abi::BPF_EXIST) return -ENOENT;
  auto* old = old_link ? reinterpret_cast<Element*>(old_link->load(std::memory_order_relaxed)) : nullptr;
  if (old != nullptr && (row().per_cpu || (flags & abi::BPF_F_LOCK))) {
    old->used.store(true, std::memory_order_relaxed);
    if (flags & abi::BPF_F_LOCK)
      layout_.copy_in_locked(value_of(old, 0), value.data);
    else
      write_value(old, value, false);
    return 0;
  }
  if (old == nullptr && !count_up()) return kFull;
  Element* element = allocate();
  if (element == nullptr) {
    if (old == nullptr) count_.fetch_sub(1, std::memory_order_relaxed);
    return -ENOMEM;
  }
  bucket.version.fetch_add(1, std::memory_order_acq_rel);
  write_key(element, key, hash);
  write_value(element, value, true);
  // A new element counts as used when it is written again: what is only put in goes before what is wanted.
  element->used.store(old != nullptr, std::memory_order_relaxed);
  const uintptr_t head = bucket.head.load(std::memory_order_relaxed);
  element->next.store(head != 0 ? head : marker_of(hash & bucket_mask_), std::memory_order_release);
  bucket.head.store(reinterpret_cast<uintptr_t>(element), std::memory_order_release);
  element->linked.store(true, std::memory_order_relaxed);
  if (old != nullptr) {
    // The new element stands before the old one, so a reader finds one of them at any time.
    if (old_link == &bucket.head) old_link = &element->next;
    old_link->store(old->next.load(std::memory_order_relaxed), std::memory_order_release);
    bucket.version.fetch_add(1, std::memory_order_acq_rel);
    old->linked.store(false, std::memory_order_relaxed);
    release(old);
  }
  return 0;
}

int HashMap::update(const void* key, const void* value, uint64_t flags, uint32_t cpu) noexcept {
  return put(key, {static_cast<const std::byte*>(value), cpu, false}, flags);
}

int HashMap::remove(const void* key, std::byte* value_out, uint64_t flags) noexcept {
  const uint32_t hash = hash_of(key);
  Bucket& bucket = bucket_of(hash);
  SpinGuard guard(bucket.locked);
  std::atomic<uintptr_t>* link = find_link(bucket, key, hash);
  if (link == nullptr) return -ENOENT;
  auto* element = reinterpret_cast<Element*>(link->load(std::memory_order_relaxed));
  if (value_out != nullptr) copy_value_out(element, value_out, flags);
  unlink(bucket, link, element);
  return 0;
}

void HashMap::unlink(Bucket& bucket, std::atomic<uintptr_t>* link, Element* element) noexcept {
  bucket.version.fetch_add(1, std::memory_order_acq_rel);
  link->store(element->next.load(std::memory_order_relaxed), std::memory_order_release);
  bucket.version.fetch_add(1, std::memory_order_acq_rel);
  element->linked.store(false, std::memory_order_relaxed);
  release(element);
  count_.fetch_sub(1, std::memory_order_relaxed);
}

int HashMap::erase(const void* key) noexcept { return remove(key, nullptr, 0); }

int64_t HashMap::for_each(const std::function<uint64_t(const void*, void*)>& visit, uint32_t cpu) {
  int64_t visited = 0;
  // A callback that deletes and inserts may lead the walk in circles through elements used again.
  const int64_t most = 2 * int64_t{spec().max_entries};
  const uint32_t value_cpu = row().per_cpu ? cpu : 0;
  for (uint64_t number = 0; number <= bucket_mask_; ++number) {
    uintptr_t link = bucket_of(static_cast<uint32_t>(number)).head.load(std::memory_order_acquire);
    while (!is_marker(link) && visited < most) {
      auto* element = reinterpret_cast<Element*>(link);
      link = element->next.load(std::memory_order_acquire);  // the callback may delete the element
      ++visited;
      if (visit(key_of(element), value_of(element, value_cpu)) != 0) return visited;
    }
  }
  return visited;
}

// --- syscall face ---------------------------------------------------------------------------------------

void HashMap::copy_value_out(const Element* element, std::byte* out, uint64_t flags) const {
  if (!row().per_cpu) {
    if (flags & abi::BPF_F_LOCK) return layout_.copy_out_locked(out, value_of(element, 0));
    return layout_.copy_out(out, value_of(element, 0));
  }
  for (uint32_t cpu = 0; cpu < cpus_; ++cpu)
    layout_.copy_out_slot(out + uint64_t{cpu} * value_stride_, value_of(element, cpu));
}

int HashMap::sys_lookup(std::span<const std::byte> key, std::span<std::byte> value, uint64_t flags) {
  const Element* element = find(key.data(), hash_of(key.data()));
  if (element == nullptr) return -ENOENT;
  copy_value_out(element, value.data(), flags);
  return 0;
}

int HashMap::sys_update(std::span<const std::byte> key, std::span<const std::byte> value, uint64_t flags) {
  return put(key.data(), {value.data(), 0, true}, flags);
}

int HashMap::sys_lookup_and_delete(std::span<const std::byte> key, std::span<std::byte> value,
                                   uint64_t flags) {
  if (flags & ~uint64_t{abi::BPF_F_LOCK}) return -EINVAL;
  return remove(key.data(), value.data(), flags);
}

int HashMap::first_key_from(uint32_t bucket, std::span<std::byte> next) const {
  for (uint64_t number = bucket; number <= bucket_mask_; ++number) {
    const uintptr_t link = bucket_of(static_cast<uint32_t>(number)).head.load(std::memory_order_acquire);
    if (is_marker(link)) continue;
    copy_out(next.data(), key_of(reinterpret_cast<const Element*>(link)), spec().key_size);
    return 0;
  }
  return -ENOENT;
}

int HashMap::sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  if (key.empty()) return first_key_from(0, next);
  const uint32_t hash = hash_of(key.data());
  const Element* element = find(key.data(), hash);
  if (element == nullptr) return first_key_from(0, next);
  const uintptr_t link = element->next.load(std::memory_order_acquire);
  if (is_marker(link)) {
    const uint32_t number = hash & bucket_mask_;
    return number == bucket_mask_ ? -ENOENT : first_key_from(number + 1, next);
  }
  copy_out(next.data(), key_of(reinterpret_cast<const Element*>(link)), spec().key_size);
  return 0;
}

// Linux counts what it has preallocated, one spare element a CPU included; without preallocation the elements
// in use, each with the links of its allocator.
uint64_t HashMap::memory_usage() const {
  const bool prealloc = !(spec().flags & abi::BPF_F_NO_PREALLOC), per_cpu = row().per_cpu;
  const uint64_t fixed = kHashOverhead + (uint64_t{bucket_mask_} + 1) * kKernelBucket;
  const uint64_t link = prealloc ? 0 : sizeof(void*);
  uint64_t element = kKernelElement + key_stride_ + (per_cpu ? sizeof(void*) : value_stride_) + link;
  if (per_cpu) element += uint64_t{cpus_} * value_stride_ + (prealloc ? 0 : link + sizeof(void*));
  if (!prealloc) return fixed + count_.load(std::memory_order_relaxed) * element;
  const uint64_t spares = per_cpu || tracks_use_ ? 0 : possible_cpus();
  const uint64_t spare_elements = holds_objects() ? 0 : spares;
  return fixed + (spec().max_entries + spare_elements) * element + spares * sizeof(void*);
}

}  // namespace skep::maps
