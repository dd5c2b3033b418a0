// The contexts that programs see as their first argument, at Linux 6.18's offsets.
//
// These are what a program is compiled against and what the verifier checks accesses with; a run's real data
// lies elsewhere. What Linux declares as a pointer (8 bytes, 8 aligned) is a uint64_t here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace skep::abi {

struct __sk_buff {
  uint32_t len;
  uint32_t pkt_type;
  uint32_t mark;
  uint32_t queue_mapping;
  uint32_t protocol;
  uint32_t vlan_present;
  uint32_t vlan_tci;
  uint32_t vlan_proto;
  uint32_t priority;
  uint32_t ingress_ifindex;
  uint32_t ifindex;
  uint32_t tc_index;
  uint32_t cb[5];
  uint32_t hash;
  uint32_t tc_classid;
  uint32_t data;
  uint32_t data_end;
  uint32_t napi_id;
  uint32_t family;
  uint32_t remote_ip4;  // network order, as every address here
  uint32_t local_ip4;
  uint32_t remote_ip6[4];
  uint32_t local_ip6[4];
  uint32_t remote_port;  // network order
  uint32_t local_port;   // host order
  uint32_t data_meta;
  uint64_t flow_keys;  // bpf_flow_keys*
  uint64_t tstamp;
  uint32_t wire_len;
  uint32_t gso_segs;
  uint64_t sk;  // bpf_sock*
  uint32_t gso_size;
  uint8_t tstamp_type;
  uint8_t padding[3];
  uint64_t hwtstamp;
};
static_assert(sizeof(__sk_buff) == 192 && offsetof(__sk_buff, cb) == 48 && offsetof(__sk_buff, data) == 76);
static_assert(offsetof(__sk_buff, data_meta) == 140 && offsetof(__sk_buff, flow_keys) == 144);
static_assert(offsetof(__sk_buff, sk) == 168 && offsetof(__sk_buff, tstamp_type) == 180);
static_assert(offsetof(__sk_buff, hwtstamp) == 184);

struct xdp_md {
  uint32_t data;
  uint32_t data_end;
  uint32_t data_meta;
  uint32_t ingress_ifindex;
  uint32_t rx_queue_index;
  uint32_t egress_ifindex;
};
static_assert(sizeof(xdp_md) == 24);

struct bpf_sock {
  uint32_t bound_dev_if;
  uint32_t family;
  uint32_t type;
  uint32_t protocol;
  uint32_t mark;
  uint32_t priority;
  uint32_t src_ip4;
  uint32_t src_ip6[4];
  uint32_t src_port;  // host order
  uint16_t dst_port;  // network order
  uint16_t padding;
  uint32_t dst_ip4;
  uint32_t dst_ip6[4];
  uint32_t state;
  int32_t rx_queue_mapping;
};
static_assert(sizeof(bpf_sock) == 80 && offsetof(bpf_sock, dst_port) == 48 &&
              offsetof(bpf_sock, state) == 72);

struct bpf_tcp_sock {
  uint32_t snd_cwnd;
  uint32_t srtt_us;
  uint32_t rtt_min;
  uint32_t snd_ssthresh;
  uint32_t rcv_nxt;
  uint32_t snd_nxt;
  uint32_t snd_una;
  uint32_t mss_cache;
  uint32_t ecn_flags;
  uint32_t rate_delivered;
  uint32_t rate_interval_us;
  uint32_t packets_out;
  uint32_t retrans_out;
  uint32_t total_retrans;
  uint32_t segs_in;
  uint32_t data_segs_in;
  uint32_t segs_out;
  uint32_t data_segs_out;
  uint32_t lost_out;
  uint32_t sacked_out;
  uint64_t bytes_received;
  uint64_t bytes_acked;
  uint32_t dsack_dups;
  uint32_t delivered;
  uint32_t delivered_ce;
  uint32_t icsk_retransmits;
};
static_assert(sizeof(bpf_tcp_sock) == 112 && offsetof(bpf_tcp_sock, bytes_received) == 80);

struct bpf_sock_addr {
  uint32_t user_family;
  uint32_t user_ip4;
  uint32_t user_ip6[4];
  uint32_t user_port;
  uint32_t family;
  uint32_t type;
  uint32_t protocol;
  uint32_t msg_src_ip4;
  uint32_t msg_src_ip6[4];
  uint64_t sk;  // bpf_sock*
};
static_assert(sizeof(bpf_sock_addr) == 72 && offsetof(bpf_sock_addr, sk) == 64);

struct bpf_sock_ops {
  uint32_t op;
  union {
    uint32_t args[4];
    uint32_t reply;
    uint32_t replylong[4];
  };
  uint32_t family;
  uint32_t remote_ip4;
  uint32_t local_ip4;
  uint32_t remote_ip6[4];
  uint32_t local_ip6[4];
  uint32_t remote_port;
  uint32_t local_port;
  uint32_t is_fullsock;
  uint32_t snd_cwnd;
  uint32_t srtt_us;
  uint32_t bpf_sock_ops_cb_flags;
  uint32_t state;
  uint32_t rtt_min;
  uint32_t snd_ssthresh;
  uint32_t rcv_nxt;
  uint32_t snd_nxt;
  uint32_t snd_una;
  uint32_t mss_cache;
  uint32_t ecn_flags;
  uint32_t rate_delivered;
  uint32_t rate_interval_us;
  uint32_t packets_out;
  uint32_t retrans_out;
  uint32_t total_retrans;
  uint32_t segs_in;
  uint32_t data_segs_in;
  uint32_t segs_out;
  uint32_t data_segs_out;
  uint32_t lost_out;
  uint32_t sacked_out;
  uint32_t sk_txhash;
  uint64_t bytes_received;
  uint64_t bytes_acked;
  uint64_t sk;  // bpf_sock*
  uint64_t skb_data;
  uint64_t skb_data_end;
  uint32_t skb_len;
  uint32_t skb_tcp_flags;
  uint64_t skb_hwtstamp;
};
static_assert(sizeof(bpf_sock_ops) == 224 && offsetof(bpf_sock_ops, family) == 20);
static_assert(offsetof(bpf_sock_ops, sk) == 184 && offsetof(bpf_sock_ops, skb_hwtstamp) == 216);

struct bpf_sockopt {
  uint64_t sk;  // bpf_sock*
  uint64_t optval;
  uint64_t optval_end;
  int32_t level;
  int32_t optname;
  int32_t optlen;
  int32_t retval;
};
static_assert(sizeof(bpf_sockopt) == 40);

struct sk_msg_md {
  uint64_t data;
  uint64_t data_end;
  uint32_t family;
  uint32_t remote_ip4;
  uint32_t local_ip4;
  uint32_t remote_ip6[4];
  uint32_t local_ip6[4];
  uint32_t remote_port;
  uint32_t local_port;
  uint32_t size;
  uint64_t sk;  // bpf_sock*
};
static_assert(sizeof(sk_msg_md) == 80 && offsetof(sk_msg_md, sk) == 72);

struct sk_reuseport_md {
  uint64_t data;
  uint64_t data_end;
  uint32_t len;
  uint32_t eth_protocol;
  uint32_t ip_protocol;
  uint32_t bind_inany;
  uint32_t hash;
  uint32_t padding;
  uint64_t sk;            // bpf_sock*
  uint64_t migrating_sk;  // bpf_sock*
};
static_assert(sizeof(sk_reuseport_md) == 56 && offsetof(sk_reuseport_md, sk) == 40);

struct bpf_sk_lookup {
  union {
    uint64_t sk;      // bpf_sock*
    uint64_t cookie;  // of a test run
  };
  uint32_t family;
  uint32_t protocol;
  uint32_t remote_ip4;
  uint32_t remote_ip6[4];
  uint16_t remote_port;  // network order
  uint16_t padding;
  uint32_t local_ip4;
  uint32_t local_ip6[4];
  uint32_t local_port;
  uint32_t ingress_ifindex;
};
static_assert(sizeof(bpf_sk_lookup) == 72 && offsetof(bpf_sk_lookup, remote_port) == 36);

struct bpf_flow_keys {
  uint16_t nhoff;
  uint16_t thoff;
  uint16_t addr_proto;
  uint8_t is_frag;
  uint8_t is_first_frag;
  uint8_t is_encap;
  uint8_t ip_proto;
  uint16_t n_proto;
  uint16_t sport;
  uint16_t dport;
  union {
    struct {
      uint32_t ipv4_src;
      uint32_t ipv4_dst;
    } ipv4;
    struct {
      uint32_t ipv6_src[4];
      uint32_t ipv6_dst[4];
    } ipv6;
  };
  uint32_t flags;
  uint32_t flow_label;
};
static_assert(sizeof(bpf_flow_keys) == 56 && offsetof(bpf_flow_keys, flags) == 48);

struct bpf_sysctl {
  uint32_t write;
  uint32_t file_pos;
};
static_assert(sizeof(bpf_sysctl) == 8);

struct bpf_cgroup_dev_ctx {
  uint32_t access_type;  // |access:16|device type:16|
  uint32_t major;
  uint32_t minor;
};
static_assert(sizeof(bpf_cgroup_dev_ctx) == 12);

// x86-64, in the order in which the kernel pushes them.
struct pt_regs {
  uint64_t r15;
  uint64_t r14;
  uint64_t r13;
  uint64_t r12;
  uint64_t bp;
  uint64_t bx;
  uint64_t r11;
  uint64_t r10;
  uint64_t r9;
  uint64_t r8;
  uint64_t ax;
  uint64_t cx;
  uint64_t dx;
  uint64_t si;
  uint64_t di;
  uint64_t orig_ax;
  uint64_t ip;
  uint64_t cs;
  uint64_t flags;
  uint64_t sp;
  uint64_t ss;
};
static_assert(sizeof(pt_regs) == 168);

struct bpf_perf_event_data {
  pt_regs regs;
  uint64_t sample_period;
  uint64_t addr;
};
static_assert(sizeof(bpf_perf_event_data) == 184);

struct bpf_raw_tracepoint_args {
  uint64_t args[12];  // as many as the tracepoint has; Linux declares a flexible array
};

struct bpf_nf_ctx {
  uint64_t state;  // const nf_hook_state*
  uint64_t skb;    // sk_buff*
};
static_assert(sizeof(bpf_nf_ctx) == 16);

}  // namespace skep::abi
