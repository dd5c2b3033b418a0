// bloom_filter: a set that can say "not in it" for certain and "in it" with a small error.
//
// map_extra is the number of hash functions (5 without); the bits are as many as on Linux, so the rate of
// errors is too. Bits are only ever set, by any thread.
#include <algorithm>
#include <bit>
#include <cstring>

#include "abi/bpf.h"
#include "maps/factories.h"
#include "maps/map.h"
#include "maps/memory.h"
#include "maps/rules.h"
#include "maps/words.h"

namespace skep::maps {
namespace {

constexpr uint32_t kDefaultHashes = 5;
constexpr uint64_t kBloomOverhead = 312;

uint32_t hashes_of(const MapSpec& spec) {
  return spec.extra != 0 ? static_cast<uint32_t>(spec.extra) : kDefaultHashes;
}

// hashes / ln(2) bits an element, with 7/5 for 1/ln(2), as the documentation of the type says.
uint64_t bits_of(const MapSpec& spec) {
  const uint64_t wanted = uint64_t{spec.max_entries} * hashes_of(spec) / 5 * 7;
  return std::bit_ceil(std::clamp<uint64_t>(wanted, 64, uint64_t{1} << 32));
}

class BloomFilter final : public Map {
 public:
  BloomFilter(const MapSpec& spec, const MapTypeRow& row, Memory bits)
      : Map(spec, row), hashes_(hashes_of(spec)), mask_(bits_of(spec) - 1), bits_(std::move(bits)) {}

  int push(const void* value, uint64_t flags) noexcept override;
  int peek(void* value) noexcept override;

  // A lookup asks about the value that the caller gives.
  int sys_lookup(std::span<const std::byte>, std::span<std::byte> value, uint64_t) override {
    return peek(value.data());
  }
  int sys_update(std::span<const std::byte>, std::span<const std::byte> value, uint64_t flags) override {
    return push(value.data(), flags);
  }
  int sys_delete(std::span<const std::byte>) override { return -EOPNOTSUPP; }
  int sys_next_key(std::span<const std::byte>, std::span<std::byte>) override { return -EOPNOTSUPP; }
  uint64_t memory_usage() const override { return kBloomOverhead + (mask_ + 1) / 8; }

 private:
  uint64_t hash_of(const void* value) const;
  // The word and the bit in it of hash number `i`.
  std::pair<uint64_t*, uint64_t> place(uint64_t hash, uint32_t i) const;

  const uint32_t hashes_;
  const uint64_t mask_;
  Memory bits_;
};

uint64_t BloomFilter::hash_of(const void* value) const {
  const auto* bytes = static_cast<const std::byte*>(value);
  uint64_t state = 0x9e3779b97f4a7c15ull;
  for (size_t left = spec().value_size; left > 0;) {
    uint64_t word = 0;
    const size_t piece = std::min<size_t>(left, 8);
    std::memcpy(&word, bytes, piece);
    state = (state ^ word) * 0xd6e8feb86659fd93ull;
    state ^= state >> 32;
    bytes += piece;
    left -= piece;
  }
  return state;
}

// Hash number i is made of two halves of one hash (double hashing).
std::pair<uint64_t*, uint64_t> BloomFilter::place(uint64_t hash, uint32_t i) const {
  const uint64_t step = std::rotl(hash * 0x2545f4914f6cdd1dull, 31) | 1;
  const uint64_t bit = ((hash + i * step) * 0x9e3779b97f4a7c15ull >> 31) & mask_;
  return {reinterpret_cast<uint64_t*>(bits_.data()) + bit / 64, uint64_t{1} << (bit % 64)};
}

int BloomFilter::push(const void* value, uint64_t flags) noexcept {
  if (flags != abi::BPF_ANY) return -EINVAL;
  const uint64_t hash = hash_of(value);
  for (uint32_t i = 0; i < hashes_; ++i) {
    const auto [word, bit] = place(hash, i);
    std::atomic_ref(*word).fetch_or(bit, std::memory_order_relaxed);
  }
  return 0;
}

int BloomFilter::peek(void* value) noexcept {
  const uint64_t hash = hash_of(value);
  for (uint32_t i = 0; i < hashes_; ++i) {
    const auto [word, bit] = place(hash, i);
    if (!(load_word(word) & bit)) return -ENOENT;
  }
  return 0;
}

}  // namespace

Status check_bloom_filter(const MapSpec& spec) {
  return spec.value_size > kMaxAllocation ? fail(E2BIG) : Status{};
}

// Linux: bloom_map_alloc.
Result<Ref<Map>> create_bloom_filter(const MapSpec& spec, const MapTypeRow& row) {
  constexpr uint32_t kAllowed = abi::BPF_F_NUMA_NODE | abi::BPF_F_ZERO_SEED | kAccessFlags;
  constexpr uint64_t kHashesMask = 0xf;
  if (spec.key_size != 0 || spec.value_size == 0 || spec.max_entries == 0 || (spec.flags & ~kAllowed) ||
      !program_access_ok(spec.flags) || (spec.extra & ~kHashesMask))
    return fail(EINVAL);
  return make_ref<BloomFilter>(spec, row, SKEP_TRY(Memory::anonymous(bits_of(spec) / 8)));
}

}  // namespace skep::maps
