// Structures that programs pass to helpers or keep in map values and on their stack, at Linux 6.18's sizes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/bpf.h"

namespace skep::abi {

// Opaque objects inside map values or on the stack; their content is the implementation's own.
struct bpf_spin_lock {
  uint32_t val;
};
struct bpf_res_spin_lock {
  uint32_t val;
};
struct bpf_refcount {
  uint32_t opaque;
};
struct bpf_timer {
  uint64_t opaque[2];
};
struct bpf_wq {
  uint64_t opaque[2];
};
struct bpf_task_work {
  uint64_t opaque;
};
struct bpf_dynptr {
  uint64_t opaque[2];
};
struct bpf_iter_num {
  uint64_t opaque;
};
struct bpf_list_head {
  uint64_t opaque[2];
};
struct bpf_list_node {
  uint64_t opaque[3];
};
struct bpf_rb_root {
  uint64_t opaque[2];
};
struct bpf_rb_node {
  uint64_t opaque[4];
};
static_assert(sizeof(bpf_spin_lock) == 4 && sizeof(bpf_res_spin_lock) == 4 && sizeof(bpf_refcount) == 4);
static_assert(sizeof(bpf_timer) == 16 && sizeof(bpf_wq) == 16 && sizeof(bpf_task_work) == 8);
static_assert(sizeof(bpf_dynptr) == 16 && sizeof(bpf_iter_num) == 8);
static_assert(sizeof(bpf_list_head) == 16 && sizeof(bpf_list_node) == 24);
static_assert(sizeof(bpf_rb_root) == 16 && sizeof(bpf_rb_node) == 32);

struct bpf_cgroup_storage_key {
  uint64_t cgroup_inode_id;
  uint32_t attach_type;
};
static_assert(sizeof(bpf_cgroup_storage_key) == 16);

// The key of an LPM trie begins with this; `prefixlen` counts bits of the bytes behind it.
struct bpf_lpm_trie_key_hdr {
  uint32_t prefixlen;
};
static_assert(sizeof(bpf_lpm_trie_key_hdr) == 4);

struct bpf_devmap_val {
  uint32_t ifindex;
  union {
    int32_t fd;   // in
    uint32_t id;  // out
  } bpf_prog;
};
static_assert(sizeof(bpf_devmap_val) == 8);

struct bpf_cpumap_val {
  uint32_t qsize;
  union {
    int32_t fd;   // in
    uint32_t id;  // out
  } bpf_prog;
};
static_assert(sizeof(bpf_cpumap_val) == 8);

struct bpf_sock_tuple {
  union {
    struct {
      uint32_t saddr;
      uint32_t daddr;
      uint16_t sport;
      uint16_t dport;
    } ipv4;
    struct {
      uint32_t saddr[4];
      uint32_t daddr[4];
      uint16_t sport;
      uint16_t dport;
    } ipv6;
  };
};
static_assert(sizeof(bpf_sock_tuple) == 36 && sizeof(bpf_sock_tuple::ipv4) == 12);

struct bpf_fib_lookup {
  uint8_t family;
  uint8_t l4_protocol;
  uint16_t sport;
  uint16_t dport;
  union {
    uint16_t tot_len;     // in
    uint16_t mtu_result;  // out
  };
  uint32_t ifindex;
  union {
    uint8_t tos;         // in, IPv4
    uint32_t flowinfo;   // in, IPv6
    uint32_t rt_metric;  // out
  };
  union {
    uint32_t ipv4_src;
    uint32_t ipv6_src[4];
  };
  union {
    uint32_t ipv4_dst;
    uint32_t ipv6_dst[4];
  };
  union {
    struct {
      uint16_t h_vlan_proto;
      uint16_t h_vlan_TCI;
    } vlan;         // out
    uint32_t tbid;  // in
  };
  union {
    uint32_t mark;  // in
    struct {
      uint8_t smac[6];
      uint8_t dmac[6];
    } mac;  // out
  };
};
static_assert(sizeof(bpf_fib_lookup) == 64 && offsetof(bpf_fib_lookup, mac) == 52);

struct bpf_redir_neigh {
  uint32_t nh_family;
  union {
    uint32_t ipv4_nh;
    uint32_t ipv6_nh[4];
  };
};
static_assert(sizeof(bpf_redir_neigh) == 20);

struct bpf_tunnel_key {
  uint32_t tunnel_id;
  union {
    uint32_t remote_ipv4;
    uint32_t remote_ipv6[4];
  };
  uint8_t tunnel_tos;
  uint8_t tunnel_ttl;
  union {
    uint16_t tunnel_ext;
    uint16_t tunnel_flags;
  };
  uint32_t tunnel_label;
  union {
    uint32_t local_ipv4;
    uint32_t local_ipv6[4];
  };
};
static_assert(sizeof(bpf_tunnel_key) == 44);

struct bpf_xfrm_state {
  uint32_t reqid;
  uint32_t spi;
  uint16_t family;
  uint16_t ext;
  union {
    uint32_t remote_ipv4;
    uint32_t remote_ipv6[4];
  };
};
static_assert(sizeof(bpf_xfrm_state) == 28);

struct bpf_stack_build_id {
  int32_t status;
  uint8_t build_id[BPF_BUILD_ID_SIZE];
  union {
    uint64_t offset;
    uint64_t ip;
  };
};
static_assert(sizeof(bpf_stack_build_id) == 32);

struct bpf_perf_event_value {
  uint64_t counter;
  uint64_t enabled;
  uint64_t running;
};
static_assert(sizeof(bpf_perf_event_value) == 24);

struct bpf_pidns_info {
  uint32_t pid;
  uint32_t tgid;
};
static_assert(sizeof(bpf_pidns_info) == 8);

struct btf_ptr {
  uint64_t ptr;
  uint32_t type_id;
  uint32_t flags;
};
static_assert(sizeof(btf_ptr) == 16);

}  // namespace skep::abi
