// TcpSock: a socket with the state of its TCP connection, as far as programs see it: the socket of sock_ops,
// and what bpf_tcp_sock shows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "net/sock.h"

namespace skep::net {

// The socket comes first: a pointer to one is a pointer to the other.
struct TcpSock {
  Sock sk;
  uint32_t snd_cwnd = 0;
  uint32_t srtt_us = 0;
  uint32_t rtt_min = 0;
  uint32_t snd_ssthresh = 0;
  uint32_t rcv_nxt = 0;
  uint32_t snd_nxt = 0;
  uint32_t snd_una = 0;
  uint32_t mss_cache = 0;
  uint8_t ecn_flags = 0;
  uint8_t icsk_retransmits = 0;
  uint8_t bpf_sock_ops_cb_flags = 0;  // abi::BPF_SOCK_OPS_*_CB_FLAG
  uint32_t rate_delivered = 0;
  uint32_t rate_interval_us = 0;
  uint32_t packets_out = 0;
  uint32_t retrans_out = 0;
  uint32_t total_retrans = 0;
  uint32_t segs_in = 0;
  uint32_t data_segs_in = 0;
  uint32_t segs_out = 0;
  uint32_t data_segs_out = 0;
  uint32_t lost_out = 0;
  uint32_t sacked_out = 0;
  uint32_t sk_txhash = 0;
  uint64_t bytes_received = 0;
  uint64_t bytes_acked = 0;
  uint32_t dsack_dups = 0;
  uint32_t delivered = 0;
  uint32_t delivered_ce = 0;
};
static_assert(std::is_standard_layout_v<TcpSock> && offsetof(TcpSock, sk) == 0);

}  // namespace skep::net
