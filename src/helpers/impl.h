// The implementations that rows of helpers.def name, one file for each family. They rely on what the verifier
// has checked of their arguments: sizes, initialised memory, maps, contexts.
#pragma once

#include "helpers/run_context.h"

namespace skep::helpers {

#define SKEP_HELPER(name) uint64_t name(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&);

// maps.cpp
SKEP_HELPER(map_lookup_elem)
SKEP_HELPER(map_update_elem)
SKEP_HELPER(map_delete_elem)
SKEP_HELPER(map_push_elem)
SKEP_HELPER(map_pop_elem)
SKEP_HELPER(map_peek_elem)
SKEP_HELPER(map_lookup_percpu_elem)
SKEP_HELPER(for_each_map_elem)
SKEP_HELPER(loop)
// ringbuf.cpp
SKEP_HELPER(ringbuf_output)
SKEP_HELPER(ringbuf_reserve)
SKEP_HELPER(ringbuf_submit)
SKEP_HELPER(ringbuf_discard)
SKEP_HELPER(ringbuf_query)
// time.cpp
SKEP_HELPER(ktime_get_ns)
SKEP_HELPER(ktime_get_boot_ns)
SKEP_HELPER(ktime_get_coarse_ns)
SKEP_HELPER(ktime_get_tai_ns)
SKEP_HELPER(jiffies64)
SKEP_HELPER(get_prandom_u32)
SKEP_HELPER(get_smp_processor_id)
SKEP_HELPER(get_numa_node_id)
// task.cpp
SKEP_HELPER(get_current_pid_tgid)
SKEP_HELPER(get_current_uid_gid)
SKEP_HELPER(get_current_comm)
SKEP_HELPER(get_current_task)
SKEP_HELPER(get_current_cgroup_id)
SKEP_HELPER(get_current_ancestor_cgroup_id)
SKEP_HELPER(get_attach_cookie)
SKEP_HELPER(get_retval)
SKEP_HELPER(set_retval)
// probe.cpp
SKEP_HELPER(probe_read)
SKEP_HELPER(probe_read_user)
SKEP_HELPER(probe_read_kernel)
SKEP_HELPER(probe_read_str)
SKEP_HELPER(probe_read_user_str)
SKEP_HELPER(probe_read_kernel_str)
SKEP_HELPER(copy_from_user)
// text.cpp
SKEP_HELPER(strtol_helper)
SKEP_HELPER(strtoul_helper)
SKEP_HELPER(strncmp_helper)
// print.cpp
SKEP_HELPER(trace_printk)
SKEP_HELPER(trace_vprintk)
SKEP_HELPER(snprintf_helper)
// csum.cpp
SKEP_HELPER(csum_diff)
SKEP_HELPER(csum_update)
SKEP_HELPER(csum_level)
SKEP_HELPER(l3_csum_replace)
SKEP_HELPER(l4_csum_replace)
// skb.cpp
SKEP_HELPER(skb_load_bytes)
SKEP_HELPER(skb_load_bytes_relative)
SKEP_HELPER(skb_store_bytes)
SKEP_HELPER(skb_pull_data)
SKEP_HELPER(skb_change_type)
SKEP_HELPER(get_hash_recalc)
SKEP_HELPER(set_hash_invalid)
SKEP_HELPER(set_hash)
SKEP_HELPER(skb_set_tstamp)
SKEP_HELPER(clone_redirect)
SKEP_HELPER(redirect)
SKEP_HELPER(get_route_realm)
SKEP_HELPER(get_cgroup_classid)
// skb_room.cpp
SKEP_HELPER(skb_change_tail)
SKEP_HELPER(skb_change_head)
SKEP_HELPER(skb_change_proto)
SKEP_HELPER(skb_adjust_room)
SKEP_HELPER(skb_vlan_push)
SKEP_HELPER(skb_vlan_pop)
// xdp.cpp
SKEP_HELPER(xdp_adjust_head)
SKEP_HELPER(xdp_adjust_meta)
SKEP_HELPER(xdp_adjust_tail)
SKEP_HELPER(xdp_get_buff_len)
SKEP_HELPER(xdp_load_bytes)
SKEP_HELPER(xdp_store_bytes)
SKEP_HELPER(xdp_redirect)
// sock.cpp
SKEP_HELPER(get_socket_cookie)
SKEP_HELPER(get_socket_cookie_sock_addr)
SKEP_HELPER(get_socket_cookie_sock)
SKEP_HELPER(get_netns_cookie)
SKEP_HELPER(get_netns_cookie_sock)
SKEP_HELPER(get_netns_cookie_sock_addr)
SKEP_HELPER(get_netns_cookie_sockopt)
SKEP_HELPER(get_socket_uid)
SKEP_HELPER(skb_cgroup_id)
SKEP_HELPER(sk_cgroup_id)
SKEP_HELPER(sk_fullsock)
SKEP_HELPER(find_no_socket)
SKEP_HELPER(sk_release)
// sockopt.cpp
SKEP_HELPER(sock_addr_setsockopt)
SKEP_HELPER(sock_addr_getsockopt)
SKEP_HELPER(sk_setsockopt)
SKEP_HELPER(sk_getsockopt)
SKEP_HELPER(bind_helper)
#undef SKEP_HELPER

}  // namespace skep::helpers
