// The same map on both sides: the live kernel's behind bpf(2), and ours behind the syscall face of Map with
// the argument checks that bpf(2) makes above every type. Operations answer 0 or a negative errno.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/unique_fd.h"
#include "maps/map.h"

namespace skep::maps {

using Bytes = std::vector<std::byte>;

class LiveSide {
 public:
  // `inner_fd` is what spec.inner_map stands for on the other side.
  explicit LiveSide(const MapSpec& spec, int btf_fd = 0, int inner_fd = 0);
  int error() const { return error_; }  // of the creation: 0 or a negative errno
  int fd() const { return fd_.get(); }
  int lookup(const Bytes& key, Bytes& value, uint64_t flags = 0);
  int update(const Bytes& key, const Bytes& value, uint64_t flags = 0);
  int erase(const Bytes& key);
  int lookup_and_delete(const Bytes& key, Bytes& value, uint64_t flags = 0);
  int next(const Bytes& key, Bytes& next);  // empty key: the first
  int freeze();
  uint64_t memlock() const;  // of fdinfo
  uint32_t id() const;

 private:
  UniqueFd fd_;
  int error_ = 0;
};

class OurSide {
 public:
  explicit OurSide(const MapSpec& spec);
  int error() const { return error_; }
  Map& map() { return *map_; }
  int lookup(const Bytes& key, Bytes& value, uint64_t flags = 0);
  int update(const Bytes& key, const Bytes& value, uint64_t flags = 0);
  int erase(const Bytes& key);
  int lookup_and_delete(const Bytes& key, Bytes& value, uint64_t flags = 0);
  int next(const Bytes& key, Bytes& next);
  int freeze();

 private:
  Ref<Map> map_;
  int error_ = 0;
};

// BTF with the one type [1] int on both sides, for maps that must have it.
struct IntBtf {
  IntBtf();
  Ref<const btf::Btf> ours;
  UniqueFd live;
};

// A good map of that type: what most tests begin with. Storage types name type 1 of `btf`; map-in-map has the
// inner map of the caller.
MapSpec good_spec(uint32_t type, const IntBtf& btf, Ref<Map> inner);

// Every key of a map, through next(), as a sorted list.
template <class Side>
std::vector<Bytes> all_keys(Side& side, size_t key_size);

}  // namespace skep::maps
