// The ids of helper functions (211 of them since Linux 6.1; the set is closed) and the flags they take.
#pragma once

#include <cstdint>

namespace skep::abi {

enum bpf_func_id : uint32_t {
  BPF_FUNC_unspec = 0,
  BPF_FUNC_map_lookup_elem = 1,
  BPF_FUNC_map_update_elem = 2,
  BPF_FUNC_map_delete_elem = 3,
  BPF_FUNC_probe_read = 4,
  BPF_FUNC_ktime_get_ns = 5,
  BPF_FUNC_trace_printk = 6,
  BPF_FUNC_get_prandom_u32 = 7,
  BPF_FUNC_get_smp_processor_id = 8,
  BPF_FUNC_skb_store_bytes = 9,
  BPF_FUNC_l3_csum_replace = 10,
  BPF_FUNC_l4_csum_replace = 11,
  BPF_FUNC_tail_call = 12,
  BPF_FUNC_clone_redirect = 13,
  BPF_FUNC_get_current_pid_tgid = 14,
  BPF_FUNC_get_current_uid_gid = 15,
  BPF_FUNC_get_current_comm = 16,
  BPF_FUNC_get_cgroup_classid = 17,
  BPF_FUNC_skb_vlan_push = 18,
  BPF_FUNC_skb_vlan_pop = 19,
  BPF_FUNC_skb_get_tunnel_key = 20,
  BPF_FUNC_skb_set_tunnel_key = 21,
  BPF_FUNC_perf_event_read = 22,
  BPF_FUNC_redirect = 23,
  BPF_FUNC_get_route_realm = 24,
  BPF_FUNC_perf_event_output = 25,
  BPF_FUNC_skb_load_bytes = 26,
  BPF_FUNC_get_stackid = 27,
  BPF_FUNC_csum_diff = 28,
  BPF_FUNC_skb_get_tunnel_opt = 29,
  BPF_FUNC_skb_set_tunnel_opt = 30,
  BPF_FUNC_skb_change_proto = 31,
  BPF_FUNC_skb_change_type = 32,
  BPF_FUNC_skb_under_cgroup = 33,
  BPF_FUNC_get_hash_recalc = 34,
  BPF_FUNC_get_current_task = 35,
  BPF_FUNC_probe_write_user = 36,
  BPF_FUNC_current_task_under_cgroup = 37,
  BPF_FUNC_skb_change_tail = 38,
  BPF_FUNC_skb_pull_data = 39,
  BPF_FUNC_csum_update = 40,
  BPF_FUNC_set_hash_invalid = 41,
  BPF_FUNC_get_numa_node_id = 42,
  BPF_FUNC_skb_change_head = 43,
  BPF_FUNC_xdp_adjust_head = 44,
  BPF_FUNC_probe_read_str = 45,
  BPF_FUNC_get_socket_cookie = 46,
  BPF_FUNC_get_socket_uid = 47,
  BPF_FUNC_set_hash = 48,
  BPF_FUNC_setsockopt = 49,
  BPF_FUNC_skb_adjust_room = 50,
  BPF_FUNC_redirect_map = 51,
  BPF_FUNC_sk_redirect_map = 52,
  BPF_FUNC_sock_map_update = 53,
  BPF_FUNC_xdp_adjust_meta = 54,
  BPF_FUNC_perf_event_read_value = 55,
  BPF_FUNC_perf_prog_read_value = 56,
  BPF_FUNC_getsockopt = 57,
  BPF_FUNC_override_return = 58,
  BPF_FUNC_sock_ops_cb_flags_set = 59,
  BPF_FUNC_msg_redirect_map = 60,
  BPF_FUNC_msg_apply_bytes = 61,
  BPF_FUNC_msg_cork_bytes = 62,
  BPF_FUNC_msg_pull_data = 63,
  BPF_FUNC_bind = 64,
  BPF_FUNC_xdp_adjust_tail = 65,
  BPF_FUNC_skb_get_xfrm_state = 66,
  BPF_FUNC_get_stack = 67,
  BPF_FUNC_skb_load_bytes_relative = 68,
  BPF_FUNC_fib_lookup = 69,
  BPF_FUNC_sock_hash_update = 70,
  BPF_FUNC_msg_redirect_hash = 71,
  BPF_FUNC_sk_redirect_hash = 72,
  BPF_FUNC_lwt_push_encap = 73,
  BPF_FUNC_lwt_seg6_store_bytes = 74,
  BPF_FUNC_lwt_seg6_adjust_srh = 75,
  BPF_FUNC_lwt_seg6_action = 76,
  BPF_FUNC_rc_repeat = 77,
  BPF_FUNC_rc_keydown = 78,
  BPF_FUNC_skb_cgroup_id = 79,
  BPF_FUNC_get_current_cgroup_id = 80,
  BPF_FUNC_get_local_storage = 81,
  BPF_FUNC_sk_select_reuseport = 82,
  BPF_FUNC_skb_ancestor_cgroup_id = 83,
  BPF_FUNC_sk_lookup_tcp = 84,
  BPF_FUNC_sk_lookup_udp = 85,
  BPF_FUNC_sk_release = 86,
  BPF_FUNC_map_push_elem = 87,
  BPF_FUNC_map_pop_elem = 88,
  BPF_FUNC_map_peek_elem = 89,
  BPF_FUNC_msg_push_data = 90,
  BPF_FUNC_msg_pop_data = 91,
  BPF_FUNC_rc_pointer_rel = 92,
  BPF_FUNC_spin_lock = 93,
  BPF_FUNC_spin_unlock = 94,
  BPF_FUNC_sk_fullsock = 95,
  BPF_FUNC_tcp_sock = 96,
  BPF_FUNC_skb_ecn_set_ce = 97,
  BPF_FUNC_get_listener_sock = 98,
  BPF_FUNC_skc_lookup_tcp = 99,
  BPF_FUNC_tcp_check_syncookie = 100,
  BPF_FUNC_sysctl_get_name = 101,
  BPF_FUNC_sysctl_get_current_value = 102,
  BPF_FUNC_sysctl_get_new_value = 103,
  BPF_FUNC_sysctl_set_new_value = 104,
  BPF_FUNC_strtol = 105,
  BPF_FUNC_strtoul = 106,
  BPF_FUNC_sk_storage_get = 107,
  BPF_FUNC_sk_storage_delete = 108,
  BPF_FUNC_send_signal = 109,
  BPF_FUNC_tcp_gen_syncookie = 110,
  BPF_FUNC_skb_output = 111,
  BPF_FUNC_probe_read_user = 112,
  BPF_FUNC_probe_read_kernel = 113,
  BPF_FUNC_probe_read_user_str = 114,
  BPF_FUNC_probe_read_kernel_str = 115,
  BPF_FUNC_tcp_send_ack = 116,
  BPF_FUNC_send_signal_thread = 117,
  BPF_FUNC_jiffies64 = 118,
  BPF_FUNC_read_branch_records = 119,
  BPF_FUNC_get_ns_current_pid_tgid = 120,
  BPF_FUNC_xdp_output = 121,
  BPF_FUNC_get_netns_cookie = 122,
  BPF_FUNC_get_current_ancestor_cgroup_id = 123,
  BPF_FUNC_sk_assign = 124,
  BPF_FUNC_ktime_get_boot_ns = 125,
  BPF_FUNC_seq_printf = 126,
  BPF_FUNC_seq_write = 127,
  BPF_FUNC_sk_cgroup_id = 128,
  BPF_FUNC_sk_ancestor_cgroup_id = 129,
  BPF_FUNC_ringbuf_output = 130,
  BPF_FUNC_ringbuf_reserve = 131,
  BPF_FUNC_ringbuf_submit = 132,
  BPF_FUNC_ringbuf_discard = 133,
  BPF_FUNC_ringbuf_query = 134,
  BPF_FUNC_csum_level = 135,
  BPF_FUNC_skc_to_tcp6_sock = 136,
  BPF_FUNC_skc_to_tcp_sock = 137,
  BPF_FUNC_skc_to_tcp_timewait_sock = 138,
  BPF_FUNC_skc_to_tcp_request_sock = 139,
  BPF_FUNC_skc_to_udp6_sock = 140,
  BPF_FUNC_get_task_stack = 141,
  BPF_FUNC_load_hdr_opt = 142,
  BPF_FUNC_store_hdr_opt = 143,
  BPF_FUNC_reserve_hdr_opt = 144,
  BPF_FUNC_inode_storage_get = 145,
  BPF_FUNC_inode_storage_delete = 146,
  BPF_FUNC_d_path = 147,
  BPF_FUNC_copy_from_user = 148,
  BPF_FUNC_snprintf_btf = 149,
  BPF_FUNC_seq_printf_btf = 150,
  BPF_FUNC_skb_cgroup_classid = 151,
  BPF_FUNC_redirect_neigh = 152,
  BPF_FUNC_per_cpu_ptr = 153,
  BPF_FUNC_this_cpu_ptr = 154,
  BPF_FUNC_redirect_peer = 155,
  BPF_FUNC_task_storage_get = 156,
  BPF_FUNC_task_storage_delete = 157,
  BPF_FUNC_get_current_task_btf = 158,
  BPF_FUNC_bprm_opts_set = 159,
  BPF_FUNC_ktime_get_coarse_ns = 160,
  BPF_FUNC_ima_inode_hash = 161,
  BPF_FUNC_sock_from_file = 162,
  BPF_FUNC_check_mtu = 163,
  BPF_FUNC_for_each_map_elem = 164,
  BPF_FUNC_snprintf = 165,
  BPF_FUNC_sys_bpf = 166,
  BPF_FUNC_btf_find_by_name_kind = 167,
  BPF_FUNC_sys_close = 168,
  BPF_FUNC_timer_init = 169,
  BPF_FUNC_timer_set_callback = 170,
  BPF_FUNC_timer_start = 171,
  BPF_FUNC_timer_cancel = 172,
  BPF_FUNC_get_func_ip = 173,
  BPF_FUNC_get_attach_cookie = 174,
  BPF_FUNC_task_pt_regs = 175,
  BPF_FUNC_get_branch_snapshot = 176,
  BPF_FUNC_trace_vprintk = 177,
  BPF_FUNC_skc_to_unix_sock = 178,
  BPF_FUNC_kallsyms_lookup_name = 179,
  BPF_FUNC_find_vma = 180,
  BPF_FUNC_loop = 181,
  BPF_FUNC_strncmp = 182,
  BPF_FUNC_get_func_arg = 183,
  BPF_FUNC_get_func_ret = 184,
  BPF_FUNC_get_func_arg_cnt = 185,
  BPF_FUNC_get_retval = 186,
  BPF_FUNC_set_retval = 187,
  BPF_FUNC_xdp_get_buff_len = 188,
  BPF_FUNC_xdp_load_bytes = 189,
  BPF_FUNC_xdp_store_bytes = 190,
  BPF_FUNC_copy_from_user_task = 191,
  BPF_FUNC_skb_set_tstamp = 192,
  BPF_FUNC_ima_file_hash = 193,
  BPF_FUNC_kptr_xchg = 194,
  BPF_FUNC_map_lookup_percpu_elem = 195,
  BPF_FUNC_skc_to_mptcp_sock = 196,
  BPF_FUNC_dynptr_from_mem = 197,
  BPF_FUNC_ringbuf_reserve_dynptr = 198,
  BPF_FUNC_ringbuf_submit_dynptr = 199,
  BPF_FUNC_ringbuf_discard_dynptr = 200,
  BPF_FUNC_dynptr_read = 201,
  BPF_FUNC_dynptr_write = 202,
  BPF_FUNC_dynptr_data = 203,
  BPF_FUNC_tcp_raw_gen_syncookie_ipv4 = 204,
  BPF_FUNC_tcp_raw_gen_syncookie_ipv6 = 205,
  BPF_FUNC_tcp_raw_check_syncookie_ipv4 = 206,
  BPF_FUNC_tcp_raw_check_syncookie_ipv6 = 207,
  BPF_FUNC_ktime_get_tai_ns = 208,
  BPF_FUNC_user_ringbuf_drain = 209,
  BPF_FUNC_cgrp_storage_get = 210,
  BPF_FUNC_cgrp_storage_delete = 211,
  __BPF_FUNC_MAX_ID = 212,
};

// Flags are 64 bits wide since helpers take them in a register.

// bpf_skb_store_bytes
enum : uint64_t {
  BPF_F_RECOMPUTE_CSUM = 1,
  BPF_F_INVALIDATE_HASH = 1 << 1,
};

// bpf_l3_csum_replace, bpf_l4_csum_replace; the low four bits are the size of the field
enum : uint64_t {
  BPF_F_HDR_FIELD_MASK = 15,
  BPF_F_PSEUDO_HDR = 1 << 4,
  BPF_F_MARK_MANGLED_0 = 1 << 5,
  BPF_F_MARK_ENFORCE = 1 << 6,
  BPF_F_IPV6 = 1 << 7,
};

// bpf_skb_get_tunnel_key, bpf_skb_set_tunnel_key
enum : uint64_t {
  BPF_F_TUNINFO_IPV6 = 1,
};
enum : uint64_t {
  BPF_F_ZERO_CSUM_TX = 1 << 1,
  BPF_F_DONT_FRAGMENT = 1 << 2,
  BPF_F_SEQ_NUMBER = 1 << 3,
  BPF_F_NO_TUNNEL_KEY = 1 << 4,
};
enum : uint64_t {
  BPF_F_TUNINFO_FLAGS = 1 << 4,
};

// bpf_get_stackid, bpf_get_stack
enum : uint64_t {
  BPF_F_SKIP_FIELD_MASK = 0xff,
  BPF_F_USER_STACK = 1 << 8,
  BPF_F_FAST_STACK_CMP = 1 << 9,
  BPF_F_REUSE_STACKID = 1 << 10,
  BPF_F_USER_BUILD_ID = 1 << 11,
};
enum bpf_stack_build_id_status : uint32_t {
  BPF_STACK_BUILD_ID_EMPTY = 0,
  BPF_STACK_BUILD_ID_VALID = 1,
  BPF_STACK_BUILD_ID_IP = 2,
};

// bpf_perf_event_output, bpf_perf_event_read
enum : uint64_t {
  BPF_F_INDEX_MASK = 0xffffffff,
  BPF_F_CURRENT_CPU = BPF_F_INDEX_MASK,
  BPF_F_CTXLEN_MASK = 0xfffffull << 32,
};
enum : uint64_t { BPF_F_GET_BRANCH_RECORDS_SIZE = 1 };
enum : int32_t { BPF_F_CURRENT_NETNS = -1 };  // bpf_sk_lookup_*

// bpf_csum_level
enum : uint64_t {
  BPF_CSUM_LEVEL_QUERY = 0,
  BPF_CSUM_LEVEL_INC = 1,
  BPF_CSUM_LEVEL_DEC = 2,
  BPF_CSUM_LEVEL_RESET = 3,
};

// bpf_skb_adjust_room
enum : uint64_t {
  BPF_F_ADJ_ROOM_FIXED_GSO = 1,
  BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 = 1 << 1,
  BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 = 1 << 2,
  BPF_F_ADJ_ROOM_ENCAP_L4_GRE = 1 << 3,
  BPF_F_ADJ_ROOM_ENCAP_L4_UDP = 1 << 4,
  BPF_F_ADJ_ROOM_NO_CSUM_RESET = 1 << 5,
  BPF_F_ADJ_ROOM_ENCAP_L2_ETH = 1 << 6,
  BPF_F_ADJ_ROOM_DECAP_L3_IPV4 = 1 << 7,
  BPF_F_ADJ_ROOM_DECAP_L3_IPV6 = 1 << 8,
  BPF_ADJ_ROOM_ENCAP_L2_MASK = 255,
  BPF_ADJ_ROOM_ENCAP_L2_SHIFT = 56,
};
enum bpf_adj_room_mode : uint32_t {
  BPF_ADJ_ROOM_NET = 0,
  BPF_ADJ_ROOM_MAC = 1,
};

// bpf_sysctl_get_name
enum : uint64_t {
  BPF_F_SYSCTL_BASE_NAME = 1,
};

// bpf_sk_storage_get and its kin
enum : uint64_t {
  BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
  BPF_SK_STORAGE_GET_F_CREATE = 1,
};

// bpf_sk_assign
enum : uint64_t {
  BPF_SK_LOOKUP_F_REPLACE = 1,
  BPF_SK_LOOKUP_F_NO_REUSEPORT = 1 << 1,
};

// bpf_skb_load_bytes_relative, bpf_lwt_push_encap
enum bpf_hdr_start_off : uint32_t {
  BPF_HDR_START_MAC = 0,
  BPF_HDR_START_NET = 1,
};
enum bpf_lwt_encap_mode : uint32_t {
  BPF_LWT_ENCAP_SEG6 = 0,
  BPF_LWT_ENCAP_SEG6_INLINE = 1,
  BPF_LWT_ENCAP_IP = 2,
};

// bpf_skb_set_tstamp, __sk_buff.tstamp_type
enum : uint64_t {
  BPF_SKB_TSTAMP_UNSPEC = 0,
  BPF_SKB_TSTAMP_DELIVERY_MONO = 1,
  BPF_SKB_CLOCK_REALTIME = 0,
  BPF_SKB_CLOCK_MONOTONIC = 1,
  BPF_SKB_CLOCK_TAI = 2,
};

// bpf_redirect_map, bpf_clone_redirect, bpf_redirect; the last three are internal to redirect_neigh and
// redirect_peer
enum : uint64_t {
  BPF_F_INGRESS = 1,
  BPF_F_BROADCAST = 1 << 3,
  BPF_F_EXCLUDE_INGRESS = 1 << 4,
};
enum : uint64_t {
  BPF_F_NEIGH = 1 << 16,
  BPF_F_PEER = 1 << 17,
  BPF_F_NEXTHOP = 1 << 18,
};

// bpf_fib_lookup: flags and return values
enum : uint64_t {
  BPF_FIB_LOOKUP_DIRECT = 1,
  BPF_FIB_LOOKUP_OUTPUT = 1 << 1,
  BPF_FIB_LOOKUP_SKIP_NEIGH = 1 << 2,
  BPF_FIB_LOOKUP_TBID = 1 << 3,
  BPF_FIB_LOOKUP_SRC = 1 << 4,
  BPF_FIB_LOOKUP_MARK = 1 << 5,
};
enum : uint64_t {
  BPF_FIB_LKUP_RET_SUCCESS = 0,
  BPF_FIB_LKUP_RET_BLACKHOLE = 1,
  BPF_FIB_LKUP_RET_UNREACHABLE = 2,
  BPF_FIB_LKUP_RET_PROHIBIT = 3,
  BPF_FIB_LKUP_RET_NOT_FWDED = 4,
  BPF_FIB_LKUP_RET_FWD_DISABLED = 5,
  BPF_FIB_LKUP_RET_UNSUPP_LWT = 6,
  BPF_FIB_LKUP_RET_NO_NEIGH = 7,
  BPF_FIB_LKUP_RET_FRAG_NEEDED = 8,
  BPF_FIB_LKUP_RET_NO_SRC_ADDR = 9,
};

// bpf_check_mtu
enum bpf_check_mtu_flags : uint32_t {
  BPF_MTU_CHK_SEGS = 1,
};
enum bpf_check_mtu_ret : uint32_t {
  BPF_MTU_CHK_RET_SUCCESS = 0,
  BPF_MTU_CHK_RET_FRAG_NEEDED = 1,
  BPF_MTU_CHK_RET_SEGS_TOOBIG = 2,
};

// Options of bpf_setsockopt and bpf_getsockopt on level SOL_TCP; the last on SOL_SOCKET, and its value
enum : uint64_t {
  TCP_BPF_IW = 1001,
  TCP_BPF_SNDCWND_CLAMP = 1002,
  TCP_BPF_DELACK_MAX = 1003,
  TCP_BPF_RTO_MIN = 1004,
  TCP_BPF_SYN = 1005,
  TCP_BPF_SYN_IP = 1006,
  TCP_BPF_SYN_MAC = 1007,
  TCP_BPF_SOCK_OPS_CB_FLAGS = 1008,
  SK_BPF_CB_FLAGS = 1009,
};
enum : uint64_t {
  SK_BPF_CB_TX_TIMESTAMPING = 1,
  SK_BPF_CB_MASK = 1,
};

// bpf_load_hdr_opt; args[0] of BPF_SOCK_OPS_HDR_OPT_LEN_CB
enum : uint64_t {
  BPF_LOAD_HDR_OPT_TCP_SYN = 1,
};
enum : uint64_t {
  BPF_WRITE_HDR_TCP_CURRENT_MSS = 1,
  BPF_WRITE_HDR_TCP_SYNACK_COOKIE = 2,
};

// bpf_bprm_opts_set
enum : uint64_t {
  BPF_F_BPRM_SECUREEXEC = 1,
};

// bpf_timer_start
enum : uint64_t {
  BPF_F_TIMER_ABS = 1,
  BPF_F_TIMER_CPU_PIN = 1 << 1,
};

// bpf_snprintf_btf, bpf_seq_printf_btf
enum : uint64_t {
  BTF_F_COMPACT = 1,
  BTF_F_NONAME = 1 << 1,
  BTF_F_PTR_RAW = 1 << 2,
  BTF_F_ZERO = 1 << 3,
};

// bpf_copy_from_user_str and its kin
enum : uint64_t {
  BPF_F_PAD_ZEROS = 1,
};

// flow dissector: bpf_flow_keys.flags
enum : uint64_t {
  BPF_FLOW_DISSECTOR_F_PARSE_1ST_FRAG = 1,
  BPF_FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL = 1 << 1,
  BPF_FLOW_DISSECTOR_F_STOP_AT_ENCAP = 1 << 2,
};

}  // namespace skep::abi
