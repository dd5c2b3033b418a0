// The attribute of each bpf(2) command, at Linux 6.18's offsets: a struct per command instead of one union.
//
// A client passes a pointer and a size. Bytes that the client left out count as zero; bytes beyond the
// command's last field must be zero (EINVAL within kBpfAttrSize, E2BIG beyond it). The constants `k...End`
// say where the last field of a command ends, which is not always the end of its struct.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/bpf.h"

namespace skep::abi {

// sizeof(union bpf_attr) of Linux 6.18.
inline constexpr uint32_t kBpfAttrSize = 168;

struct map_create_attr {  // BPF_MAP_CREATE
  uint32_t map_type;
  uint32_t key_size;
  uint32_t value_size;
  uint32_t max_entries;
  uint32_t map_flags;
  uint32_t inner_map_fd;
  uint32_t numa_node;
  char map_name[BPF_OBJ_NAME_LEN];
  uint32_t map_ifindex;
  uint32_t btf_fd;
  uint32_t btf_key_type_id;
  uint32_t btf_value_type_id;
  uint32_t btf_vmlinux_value_type_id;
  uint64_t map_extra;
  int32_t value_type_btf_obj_fd;
  int32_t map_token_fd;
  uint64_t excl_prog_hash;
  uint32_t excl_prog_hash_size;
};
inline constexpr uint32_t kMapCreateEnd = offsetof(map_create_attr, excl_prog_hash_size) + 4;
static_assert(offsetof(map_create_attr, map_name) == 28 && offsetof(map_create_attr, map_extra) == 64);
static_assert(offsetof(map_create_attr, excl_prog_hash) == 80 && kMapCreateEnd == 92);

// BPF_MAP_{LOOKUP,UPDATE,DELETE}_ELEM, BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_AND_DELETE_ELEM, BPF_MAP_FREEZE
struct map_elem_attr {
  uint32_t map_fd;
  uint64_t key;
  union {
    uint64_t value;
    uint64_t next_key;
  };
  uint64_t flags;
};
inline constexpr uint32_t kMapLookupElemEnd = offsetof(map_elem_attr, flags) + 8;
inline constexpr uint32_t kMapUpdateElemEnd = offsetof(map_elem_attr, flags) + 8;
inline constexpr uint32_t kMapLookupAndDeleteElemEnd = offsetof(map_elem_attr, flags) + 8;
inline constexpr uint32_t kMapDeleteElemEnd = offsetof(map_elem_attr, key) + 8;
inline constexpr uint32_t kMapGetNextKeyEnd = offsetof(map_elem_attr, next_key) + 8;
inline constexpr uint32_t kMapFreezeEnd = offsetof(map_elem_attr, map_fd) + 4;
static_assert(sizeof(map_elem_attr) == 32 && offsetof(map_elem_attr, key) == 8);

struct map_batch_attr {  // BPF_MAP_{LOOKUP,LOOKUP_AND_DELETE,UPDATE,DELETE}_BATCH
  uint64_t in_batch;
  uint64_t out_batch;
  uint64_t keys;
  uint64_t values;
  uint32_t count;  // in and out
  uint32_t map_fd;
  uint64_t elem_flags;
  uint64_t flags;
};
inline constexpr uint32_t kMapBatchEnd = offsetof(map_batch_attr, flags) + 8;
static_assert(kMapBatchEnd == 56);

struct prog_load_attr {  // BPF_PROG_LOAD
  uint32_t prog_type;
  uint32_t insn_cnt;
  uint64_t insns;
  uint64_t license;
  uint32_t log_level;
  uint32_t log_size;
  uint64_t log_buf;
  uint32_t kern_version;
  uint32_t prog_flags;
  char prog_name[BPF_OBJ_NAME_LEN];
  uint32_t prog_ifindex;
  uint32_t expected_attach_type;
  uint32_t prog_btf_fd;
  uint32_t func_info_rec_size;
  uint64_t func_info;
  uint32_t func_info_cnt;
  uint32_t line_info_rec_size;
  uint64_t line_info;
  uint32_t line_info_cnt;
  uint32_t attach_btf_id;
  union {
    uint32_t attach_prog_fd;
    uint32_t attach_btf_obj_fd;
  };
  uint32_t core_relo_cnt;
  uint64_t fd_array;
  uint64_t core_relos;
  uint32_t core_relo_rec_size;
  uint32_t log_true_size;  // out
  int32_t prog_token_fd;
  uint32_t fd_array_cnt;
  uint64_t signature;
  uint32_t signature_size;
  int32_t keyring_id;
};
inline constexpr uint32_t kProgLoadEnd = offsetof(prog_load_attr, keyring_id) + 4;
static_assert(offsetof(prog_load_attr, prog_name) == 48 && offsetof(prog_load_attr, func_info) == 80);
static_assert(offsetof(prog_load_attr, fd_array) == 120 && offsetof(prog_load_attr, log_true_size) == 140);
static_assert(sizeof(prog_load_attr) == kBpfAttrSize && kProgLoadEnd == kBpfAttrSize);

struct obj_attr {  // BPF_OBJ_PIN, BPF_OBJ_GET
  uint64_t pathname;
  uint32_t bpf_fd;
  uint32_t file_flags;
  int32_t path_fd;
};
inline constexpr uint32_t kObjEnd = offsetof(obj_attr, path_fd) + 4;
static_assert(kObjEnd == 20);

struct prog_attach_attr {  // BPF_PROG_ATTACH, BPF_PROG_DETACH
  union {
    uint32_t target_fd;
    uint32_t target_ifindex;
  };
  uint32_t attach_bpf_fd;
  uint32_t attach_type;
  uint32_t attach_flags;
  uint32_t replace_bpf_fd;
  union {
    uint32_t relative_fd;
    uint32_t relative_id;
  };
  uint64_t expected_revision;
};
inline constexpr uint32_t kProgAttachEnd = offsetof(prog_attach_attr, expected_revision) + 8;
static_assert(kProgAttachEnd == 32);

struct test_run_attr {  // BPF_PROG_TEST_RUN
  uint32_t prog_fd;
  uint32_t retval;  // out
  uint32_t data_size_in;
  uint32_t data_size_out;  // in and out
  uint64_t data_in;
  uint64_t data_out;
  uint32_t repeat;
  uint32_t duration;  // out
  uint32_t ctx_size_in;
  uint32_t ctx_size_out;  // in and out
  uint64_t ctx_in;
  uint64_t ctx_out;
  uint32_t flags;
  uint32_t cpu;
  uint32_t batch_size;
};
inline constexpr uint32_t kTestRunEnd = offsetof(test_run_attr, batch_size) + 4;
static_assert(kTestRunEnd == 76 && sizeof(test_run_attr) == 80);

struct get_id_attr {  // BPF_*_GET_NEXT_ID, BPF_*_GET_FD_BY_ID
  union {
    uint32_t start_id;
    uint32_t prog_id;
    uint32_t map_id;
    uint32_t btf_id;
    uint32_t link_id;
  };
  uint32_t next_id;  // out
  uint32_t open_flags;
  int32_t fd_by_id_token_fd;
};
inline constexpr uint32_t kGetNextIdEnd = offsetof(get_id_attr, next_id) + 4;
inline constexpr uint32_t kProgGetFdByIdEnd = offsetof(get_id_attr, prog_id) + 4;
inline constexpr uint32_t kMapGetFdByIdEnd = offsetof(get_id_attr, open_flags) + 4;
inline constexpr uint32_t kBtfGetFdByIdEnd = offsetof(get_id_attr, fd_by_id_token_fd) + 4;
inline constexpr uint32_t kLinkGetFdByIdEnd = offsetof(get_id_attr, link_id) + 4;
static_assert(sizeof(get_id_attr) == 16);

struct info_attr {  // BPF_OBJ_GET_INFO_BY_FD
  uint32_t bpf_fd;
  uint32_t info_len;  // in and out
  uint64_t info;
};
inline constexpr uint32_t kInfoEnd = offsetof(info_attr, info) + 8;
static_assert(kInfoEnd == 16);

struct prog_query_attr {  // BPF_PROG_QUERY
  union {
    uint32_t target_fd;
    uint32_t target_ifindex;
  };
  uint32_t attach_type;
  uint32_t query_flags;
  uint32_t attach_flags;  // out
  uint64_t prog_ids;
  union {
    uint32_t prog_cnt;  // in and out
    uint32_t count;
  };
  uint64_t prog_attach_flags;
  uint64_t link_ids;
  uint64_t link_attach_flags;
  uint64_t revision;  // out
};
inline constexpr uint32_t kProgQueryEnd = offsetof(prog_query_attr, revision) + 8;
static_assert(kProgQueryEnd == 64 && offsetof(prog_query_attr, prog_attach_flags) == 32);

struct raw_tracepoint_open_attr {  // BPF_RAW_TRACEPOINT_OPEN
  uint64_t name;
  uint32_t prog_fd;
  uint64_t cookie;
};
inline constexpr uint32_t kRawTracepointOpenEnd = offsetof(raw_tracepoint_open_attr, cookie) + 8;
static_assert(kRawTracepointOpenEnd == 24);

struct btf_load_attr {  // BPF_BTF_LOAD
  uint64_t btf;
  uint64_t btf_log_buf;
  uint32_t btf_size;
  uint32_t btf_log_size;
  uint32_t btf_log_level;
  uint32_t btf_log_true_size;  // out
  uint32_t btf_flags;
  int32_t btf_token_fd;
};
inline constexpr uint32_t kBtfLoadEnd = offsetof(btf_load_attr, btf_token_fd) + 4;
static_assert(kBtfLoadEnd == 40 && offsetof(btf_load_attr, btf_log_true_size) == 28);

struct task_fd_query_attr {  // BPF_TASK_FD_QUERY
  uint32_t pid;
  uint32_t fd;
  uint32_t flags;
  uint32_t buf_len;  // in and out
  uint64_t buf;
  uint32_t prog_id;  // out, and all that follow
  uint32_t fd_type;
  uint64_t probe_offset;
  uint64_t probe_addr;
};
inline constexpr uint32_t kTaskFdQueryEnd = offsetof(task_fd_query_attr, probe_addr) + 8;
static_assert(kTaskFdQueryEnd == 48);

struct link_relative_attr {  // where in the order of programs at one hook
  union {
    uint32_t relative_fd;
    uint32_t relative_id;
  };
  uint64_t expected_revision;
};

struct link_create_attr {  // BPF_LINK_CREATE
  union {
    uint32_t prog_fd;
    uint32_t map_fd;  // struct_ops
  };
  union {
    uint32_t target_fd;
    uint32_t target_ifindex;
  };
  uint32_t attach_type;
  uint32_t flags;
  union {
    uint32_t target_btf_id;
    struct {
      uint64_t iter_info;  // bpf_iter_link_info
      uint32_t iter_info_len;
    } iter;
    struct {
      uint64_t bpf_cookie;
    } perf_event;
    struct {
      uint32_t flags;
      uint32_t cnt;
      uint64_t syms;
      uint64_t addrs;
      uint64_t cookies;
    } kprobe_multi;
    struct {
      uint32_t target_btf_id;
      uint64_t cookie;
    } tracing;
    struct {
      uint32_t pf;
      uint32_t hooknum;
      int32_t priority;
      uint32_t flags;
    } netfilter;
    link_relative_attr tcx;
    link_relative_attr netkit;
    link_relative_attr cgroup;
    struct {
      uint64_t path;
      uint64_t offsets;
      uint64_t ref_ctr_offsets;
      uint64_t cookies;
      uint32_t cnt;
      uint32_t flags;
      uint32_t pid;
    } uprobe_multi;
  };
};
inline constexpr uint32_t kLinkCreateEnd = 60;  // uprobe_multi.pid
static_assert(sizeof(link_create_attr) == 64 && offsetof(link_create_attr, perf_event) == 16);
static_assert(offsetof(link_create_attr, uprobe_multi.pid) + 4 == kLinkCreateEnd);

// What iter_info of BPF_LINK_CREATE points to.
union bpf_iter_link_info {
  struct {
    uint32_t map_fd;
  } map;
  struct {
    uint32_t order;  // bpf_cgroup_iter_order
    uint32_t cgroup_fd;
    uint64_t cgroup_id;
  } cgroup;
  struct {
    uint32_t tid;
    uint32_t pid;
    uint32_t pid_fd;
  } task;
};
static_assert(sizeof(bpf_iter_link_info) == 16);

struct link_update_attr {  // BPF_LINK_UPDATE
  uint32_t link_fd;
  union {
    uint32_t new_prog_fd;
    uint32_t new_map_fd;
  };
  uint32_t flags;
  union {
    uint32_t old_prog_fd;
    uint32_t old_map_fd;
  };
};
inline constexpr uint32_t kLinkUpdateEnd = offsetof(link_update_attr, old_prog_fd) + 4;
static_assert(kLinkUpdateEnd == 16);

struct link_detach_attr {  // BPF_LINK_DETACH
  uint32_t link_fd;
};
inline constexpr uint32_t kLinkDetachEnd = 4;

struct enable_stats_attr {  // BPF_ENABLE_STATS
  uint32_t type;
};
inline constexpr uint32_t kEnableStatsEnd = 4;

struct iter_create_attr {  // BPF_ITER_CREATE
  uint32_t link_fd;
  uint32_t flags;
};
inline constexpr uint32_t kIterCreateEnd = 8;

struct prog_bind_map_attr {  // BPF_PROG_BIND_MAP
  uint32_t prog_fd;
  uint32_t map_fd;
  uint32_t flags;
};
inline constexpr uint32_t kProgBindMapEnd = 12;

struct token_create_attr {  // BPF_TOKEN_CREATE
  uint32_t flags;
  uint32_t bpffs_fd;
};
inline constexpr uint32_t kTokenCreateEnd = 8;

struct prog_stream_read_attr {  // BPF_PROG_STREAM_READ_BY_FD
  uint64_t stream_buf;
  uint32_t stream_buf_len;
  uint32_t stream_id;
  uint32_t prog_fd;
};
inline constexpr uint32_t kProgStreamReadEnd = offsetof(prog_stream_read_attr, prog_fd) + 4;
static_assert(kProgStreamReadEnd == 20);

}  // namespace skep::abi
