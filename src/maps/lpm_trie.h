// LpmTrieMap: values under prefixes; a lookup finds the longest prefix of the key.
//
// A binary tree of prefixes without chains of single branches: a node that holds no value (a *fork*) has two
// children, and a child's prefix always extends its parent's.
// Readers take no lock but need an RCU read section; writers take one lock. A node's prefix never changes
// after it is linked; a node that leaves the tree is used again only after a grace period.
#pragma once

#include <mutex>
#include <vector>

#include "maps/map.h"
#include "maps/memory.h"

namespace skep::maps {

class LpmTrieMap final : public Map {
 public:
  LpmTrieMap(const MapSpec& spec, const MapTypeRow& row);
  ~LpmTrieMap() override;

  void* lookup(const void* key, uint32_t cpu) noexcept override;
  int update(const void* key, const void* value, uint64_t flags, uint32_t cpu) noexcept override;
  int erase(const void* key) noexcept override;
  int sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  uint64_t memory_usage() const override;

 private:
  struct Node;
  using Link = std::atomic<Node*>;
  struct Prefix {
    const std::byte* data;
    uint32_t length;  // bits
  };
  // The place in the tree where a prefix is or would be.
  struct Spot {
    Link* link;             // points to `node`
    Node* node = nullptr;   // null: the link is empty
    uint32_t match = 0;     // bits of the prefix that `node` shares
    Link* above = nullptr;  // points to `parent`
    Node* parent = nullptr;
  };

  static Prefix prefix_of(const void* key);
  std::byte* data_of(const Node* node) const;
  std::byte* value_of(const Node* node) const;
  uint32_t shared_bits(const Node* node, const Prefix& prefix) const;
  Spot find(const Prefix& prefix);
  Node* new_node(const Prefix& prefix, const void* value);
  int link_in(const Spot& spot, const Prefix& prefix, Node* node);
  int count_one(uint64_t flags);
  void retire(Node* node);
  Node* first_below(Node* node) const;
  // The node after the one at the end of `path`, in the order of sys_next_key.
  Node* following(std::vector<Node*>& path) const;
  int give(const Node* node, std::span<std::byte> next) const;

  const uint32_t data_size_;  // bytes of a key after its length
  const uint32_t max_bits_;
  Link root_{nullptr};
  mutable std::mutex mutex_;  // writers, and all below
  std::atomic<uint32_t> count_{0};
  std::vector<Memory> chunks_;
  Node* free_ = nullptr;
  std::byte* fresh_ = nullptr;
  std::byte* fresh_end_ = nullptr;
};

}  // namespace skep::maps
