#include "maps/lpm_trie.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "abi/bpf.h"
#include "base/rcu.h"
#include "maps/factories.h"
#include "maps/rules.h"
#include "maps/words.h"

namespace skep::maps {
namespace {

constexpr uint32_t kLengthSize = sizeof(uint32_t);  // the prefix length at the start of a key
constexpr uint32_t kMaxData = 256;
constexpr uint64_t kKernelNode = 24;  // sizeof(struct lpm_trie_node), in Linux's size limit and memory use

uint32_t bit_at(const std::byte* data, uint32_t index) {
  return std::to_integer<uint32_t>(data[index / 8]) >> (7 - index % 8) & 1;
}

}  // namespace

// Children of a taken-out node are left as they are, so that a reader on it goes on.
struct LpmTrieMap::Node {
  Link child[2] = {nullptr, nullptr};
  Node* next_free = nullptr;
  uint32_t bits = 0;  // length of the prefix
  std::atomic<bool> fork{false};
};

// Linux: trie_alloc.
Result<Ref<Map>> create_lpm_trie(const MapSpec& spec, const MapTypeRow& row) {
  constexpr uint32_t kAllowed = abi::BPF_F_NO_PREALLOC | abi::BPF_F_NUMA_NODE | kAccessFlags;
  if (spec.max_entries == 0 || !(spec.flags & abi::BPF_F_NO_PREALLOC) || (spec.flags & ~kAllowed) ||
      !program_access_ok(spec.flags) || spec.key_size <= kLengthSize ||
      spec.key_size > kLengthSize + kMaxData || spec.value_size == 0 ||
      spec.value_size > kMaxAllocation - kMaxData - kKernelNode)
    return fail(EINVAL);
  return make_ref<LpmTrieMap>(spec, row);
}

LpmTrieMap::LpmTrieMap(const MapSpec& spec, const MapTypeRow& row)
    : Map(spec, row), data_size_(spec.key_size - kLengthSize), max_bits_(data_size_ * 8) {}

LpmTrieMap::~LpmTrieMap() = default;

LpmTrieMap::Prefix LpmTrieMap::prefix_of(const void* key) {
  return {static_cast<const std::byte*>(key) + kLengthSize, index_of(key)};
}

std::byte* LpmTrieMap::data_of(const Node* node) const {
  return reinterpret_cast<std::byte*>(const_cast<Node*>(node) + 1);
}

std::byte* LpmTrieMap::value_of(const Node* node) const { return data_of(node) + round_up(data_size_, 8); }

uint32_t LpmTrieMap::shared_bits(const Node* node, const Prefix& prefix) const {
  const uint32_t most = std::min(node->bits, prefix.length);
  const std::byte* const data = data_of(node);
  for (uint32_t at = 0; at * 8 < most; ++at) {
    const auto difference = std::to_integer<uint8_t>(data[at] ^ prefix.data[at]);
    if (difference != 0) return std::min(most, at * 8 + static_cast<uint32_t>(std::countl_zero(difference)));
  }
  return most;
}

void* LpmTrieMap::lookup(const void* key, uint32_t) noexcept {
  const Prefix prefix = prefix_of(key);
  if (prefix.length > max_bits_) return nullptr;
  const Node* found = nullptr;
  for (const Node* node = root_.load(std::memory_order_acquire); node != nullptr;) {
    const uint32_t match = shared_bits(node, prefix);
    if (match < node->bits) break;
    if (!node->fork.load(std::memory_order_acquire)) found = node;
    if (match == max_bits_) break;
    node = node->child[bit_at(prefix.data, node->bits)].load(std::memory_order_acquire);
  }
  return found ? value_of(found) : nullptr;
}

LpmTrieMap::Spot LpmTrieMap::find(const Prefix& prefix) {
  Spot spot{.link = &root_};
  while ((spot.node = spot.link->load(std::memory_order_relaxed)) != nullptr) {
    spot.match = shared_bits(spot.node, prefix);
    if (spot.match < spot.node->bits || spot.node->bits == prefix.length) break;
    spot.above = spot.link;
    spot.parent = spot.node;
    spot.link = &spot.node->child[bit_at(prefix.data, spot.node->bits)];
  }
  return spot;
}

// A null value makes a fork.
LpmTrieMap::Node* LpmTrieMap::new_node(const Prefix& prefix, const void* value) {
  const uint64_t size = sizeof(Node) + round_up(data_size_, 8) + round_up(spec().value_size, 8);
  Node* node;
  if (free_ != nullptr) {
    void* const memory = std::exchange(free_, free_->next_free);
    node = new (memory) Node;
  } else {
    if (static_cast<uint64_t>(fresh_end_ - fresh_) < size) {
      const uint64_t wanted = uint64_t{4096} << std::min<size_t>(chunks_.size(), 8);
      auto chunk = Memory::anonymous(std::max(wanted, size));
      if (!chunk) return nullptr;
      fresh_ = chunk->data();
      fresh_end_ = fresh_ + chunk->size();
      chunks_.push_back(std::move(*chunk));
    }
    node = new (std::exchange(fresh_, fresh_ + size)) Node;
  }
  node->bits = prefix.length;
  std::memcpy(data_of(node), prefix.data, data_size_);
  if (value != nullptr)
    copy_in(value_of(node), value, spec().value_size);
  else
    node->fork.store(true, std::memory_order_relaxed);
  return node;
}

void LpmTrieMap::retire(Node* node) {
  rcu_defer([map = Ref<LpmTrieMap>::share(this), node] {
    std::lock_guard lock(map->mutex_);
    node->next_free = map->free_;
    map->free_ = node;
  });
}

// What an update that adds a prefix answers; it is counted then.
int LpmTrieMap::count_one(uint64_t flags) {
  if (flags == abi::BPF_EXIST) return -ENOENT;
  if (count_.load(std::memory_order_relaxed) == spec().max_entries) return -ENOSPC;
  count_.fetch_add(1, std::memory_order_relaxed);
  return 0;
}

int LpmTrieMap::update(const void* key, const void* value, uint64_t flags, uint32_t) noexcept {
  if (flags > abi::BPF_EXIST) return -EINVAL;
  const Prefix prefix = prefix_of(key);
  if (prefix.length > max_bits_) return -EINVAL;
  std::lock_guard lock(mutex_);
  const Spot spot = find(prefix);
  const bool same = spot.node != nullptr && spot.match == spot.node->bits && spot.match == prefix.length;
  const bool holds_value = same && !spot.node->fork.load(std::memory_order_relaxed);
  if (holds_value && flags == abi::BPF_NOEXIST) return -EEXIST;
  if (!holds_value)
    if (const int error = count_one(flags)) return error;
  Node* const node = new_node(prefix, value);
  const int error = node != nullptr ? link_in(spot, prefix, node) : -ENOMEM;
  if (error != 0 && !holds_value) count_.fetch_sub(1, std::memory_order_relaxed);
  return error;
}

int LpmTrieMap::link_in(const Spot& spot, const Prefix& prefix, Node* node) {
  Node* const old = spot.node;
  if (old != nullptr && spot.match == old->bits) {  // the same prefix: the new node takes its place
    for (int side : {0, 1})
      node->child[side].store(old->child[side].load(std::memory_order_relaxed), std::memory_order_relaxed);
    spot.link->store(node, std::memory_order_release);
    retire(old);
    return 0;
  }
  Node* top = node;
  if (old != nullptr && spot.match < prefix.length) {
    top = new_node({prefix.data, spot.match}, nullptr);
    if (top == nullptr) {
      node->next_free = std::exchange(free_, node);  // never linked
      return -ENOMEM;
    }
    top->child[bit_at(prefix.data, spot.match)].store(node, std::memory_order_relaxed);
  }
  if (old != nullptr) top->child[bit_at(data_of(old), spot.match)].store(old, std::memory_order_relaxed);
  spot.link->store(top, std::memory_order_release);
  return 0;
}

int LpmTrieMap::erase(const void* key) noexcept {
  const Prefix prefix = prefix_of(key);
  if (prefix.length > max_bits_) return -EINVAL;
  std::lock_guard lock(mutex_);
  const Spot spot = find(prefix);
  Node* const node = spot.node;
  if (node == nullptr || spot.match < node->bits || node->bits != prefix.length ||
      node->fork.load(std::memory_order_relaxed))
    return -ENOENT;
  count_.fetch_sub(1, std::memory_order_relaxed);
  Node* const left = node->child[0].load(std::memory_order_relaxed);
  Node* const right = node->child[1].load(std::memory_order_relaxed);
  if (left != nullptr && right != nullptr) {
    node->fork.store(true, std::memory_order_release);
    return 0;
  }
  Node* const parent = spot.parent;
  if (left == nullptr && right == nullptr && parent != nullptr &&
      parent->fork.load(std::memory_order_relaxed)) {
    // A fork needs two branches: the other one takes its place.
    const bool is_left = spot.link == &parent->child[0];
    spot.above->store(parent->child[is_left ? 1 : 0].load(std::memory_order_relaxed),
                      std::memory_order_release);
    retire(parent);
  } else {
    spot.link->store(left != nullptr ? left : right, std::memory_order_release);
  }
  retire(node);
  return 0;
}

// --- the order of keys: longer prefixes before the shorter ones that contain them, zeroes before ones -----

LpmTrieMap::Node* LpmTrieMap::first_below(Node* node) const {
  Node* first = node;
  while (node != nullptr) {
    Node* const left = node->child[0].load(std::memory_order_relaxed);
    first = node;
    node = left != nullptr ? left : node->child[1].load(std::memory_order_relaxed);
  }
  return first;
}

LpmTrieMap::Node* LpmTrieMap::following(std::vector<Node*>& path) const {
  while (path.size() > 1) {
    const Node* const node = path.back();
    path.pop_back();
    Node* const parent = path.back();
    if (parent->child[0].load(std::memory_order_relaxed) == node)
      if (Node* const other = parent->child[1].load(std::memory_order_relaxed)) return first_below(other);
    if (!parent->fork.load(std::memory_order_relaxed)) return parent;
  }
  return nullptr;
}

int LpmTrieMap::sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  std::lock_guard lock(mutex_);
  Node* const root = root_.load(std::memory_order_relaxed);
  if (root == nullptr) return -ENOENT;
  const Prefix prefix = key.empty() ? Prefix{nullptr, UINT32_MAX} : prefix_of(key.data());
  if (prefix.length > max_bits_) return give(first_below(root), next);
  std::vector<Node*> path;
  for (Node* node = root; node != nullptr;) {
    const uint32_t match = shared_bits(node, prefix);
    if (match < node->bits) break;
    path.push_back(node);
    if (node->bits == prefix.length) break;
    node = node->child[bit_at(prefix.data, node->bits)].load(std::memory_order_relaxed);
  }
  if (path.empty() || path.back()->bits != prefix.length || path.back()->fork.load(std::memory_order_relaxed))
    return give(first_below(root), next);
  const Node* const node = following(path);
  return node != nullptr ? give(node, next) : -ENOENT;
}

int LpmTrieMap::give(const Node* node, std::span<std::byte> next) const {
  std::memcpy(next.data(), &node->bits, kLengthSize);
  std::memcpy(next.data() + kLengthSize, data_of(node), data_size_);
  return 0;
}

uint64_t LpmTrieMap::memory_usage() const {
  return count_.load(std::memory_order_relaxed) * (kKernelNode + data_size_ + spec().value_size);
}

}  // namespace skep::maps
