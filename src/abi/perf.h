// perf_event_open(2): the attribute, the event types that carry BPF programs, ioctls and record formats.
#pragma once

#include <cstddef>
#include <cstdint>

namespace skep::abi {

enum perf_type_id : uint32_t {
  PERF_TYPE_HARDWARE = 0,
  PERF_TYPE_SOFTWARE = 1,
  PERF_TYPE_TRACEPOINT = 2,
  PERF_TYPE_HW_CACHE = 3,
  PERF_TYPE_RAW = 4,
  PERF_TYPE_BREAKPOINT = 5,
  PERF_TYPE_MAX = 6,
};

enum perf_hw_id : uint32_t {
  PERF_COUNT_HW_CPU_CYCLES = 0,
  PERF_COUNT_HW_INSTRUCTIONS = 1,
  PERF_COUNT_HW_CACHE_REFERENCES = 2,
  PERF_COUNT_HW_CACHE_MISSES = 3,
  PERF_COUNT_HW_BRANCH_INSTRUCTIONS = 4,
  PERF_COUNT_HW_BRANCH_MISSES = 5,
  PERF_COUNT_HW_BUS_CYCLES = 6,
  PERF_COUNT_HW_STALLED_CYCLES_FRONTEND = 7,
  PERF_COUNT_HW_STALLED_CYCLES_BACKEND = 8,
  PERF_COUNT_HW_REF_CPU_CYCLES = 9,
  PERF_COUNT_HW_MAX = 10,
};

enum perf_sw_ids : uint32_t {
  PERF_COUNT_SW_CPU_CLOCK = 0,
  PERF_COUNT_SW_TASK_CLOCK = 1,
  PERF_COUNT_SW_PAGE_FAULTS = 2,
  PERF_COUNT_SW_CONTEXT_SWITCHES = 3,
  PERF_COUNT_SW_CPU_MIGRATIONS = 4,
  PERF_COUNT_SW_PAGE_FAULTS_MIN = 5,
  PERF_COUNT_SW_PAGE_FAULTS_MAJ = 6,
  PERF_COUNT_SW_ALIGNMENT_FAULTS = 7,
  PERF_COUNT_SW_EMULATION_FAULTS = 8,
  PERF_COUNT_SW_DUMMY = 9,
  PERF_COUNT_SW_BPF_OUTPUT = 10,
  PERF_COUNT_SW_CGROUP_SWITCHES = 11,
  PERF_COUNT_SW_MAX = 12,
};

enum perf_event_sample_format : uint64_t {
  PERF_SAMPLE_IP = 1,
  PERF_SAMPLE_TID = 1 << 1,
  PERF_SAMPLE_TIME = 1 << 2,
  PERF_SAMPLE_ADDR = 1 << 3,
  PERF_SAMPLE_READ = 1 << 4,
  PERF_SAMPLE_CALLCHAIN = 1 << 5,
  PERF_SAMPLE_ID = 1 << 6,
  PERF_SAMPLE_CPU = 1 << 7,
  PERF_SAMPLE_PERIOD = 1 << 8,
  PERF_SAMPLE_STREAM_ID = 1 << 9,
  PERF_SAMPLE_RAW = 1 << 10,
  PERF_SAMPLE_BRANCH_STACK = 1 << 11,
  PERF_SAMPLE_REGS_USER = 1 << 12,
  PERF_SAMPLE_STACK_USER = 1 << 13,
  PERF_SAMPLE_WEIGHT = 1 << 14,
  PERF_SAMPLE_DATA_SRC = 1 << 15,
  PERF_SAMPLE_IDENTIFIER = 1 << 16,
  PERF_SAMPLE_TRANSACTION = 1 << 17,
  PERF_SAMPLE_REGS_INTR = 1 << 18,
  PERF_SAMPLE_PHYS_ADDR = 1 << 19,
  PERF_SAMPLE_AUX = 1 << 20,
  PERF_SAMPLE_CGROUP = 1 << 21,
  PERF_SAMPLE_DATA_PAGE_SIZE = 1 << 22,
  PERF_SAMPLE_CODE_PAGE_SIZE = 1 << 23,
  PERF_SAMPLE_WEIGHT_STRUCT = 1 << 24,
  PERF_SAMPLE_MAX = 1 << 25,
};

enum perf_event_read_format : uint64_t {
  PERF_FORMAT_TOTAL_TIME_ENABLED = 1,
  PERF_FORMAT_TOTAL_TIME_RUNNING = 1 << 1,
  PERF_FORMAT_ID = 1 << 2,
  PERF_FORMAT_GROUP = 1 << 3,
  PERF_FORMAT_LOST = 1 << 4,
  PERF_FORMAT_MAX = 1 << 5,
};

enum perf_event_type : uint32_t {
  PERF_RECORD_MMAP = 1,
  PERF_RECORD_LOST = 2,
  PERF_RECORD_COMM = 3,
  PERF_RECORD_EXIT = 4,
  PERF_RECORD_THROTTLE = 5,
  PERF_RECORD_UNTHROTTLE = 6,
  PERF_RECORD_FORK = 7,
  PERF_RECORD_READ = 8,
  PERF_RECORD_SAMPLE = 9,
  PERF_RECORD_MMAP2 = 10,
  PERF_RECORD_AUX = 11,
  PERF_RECORD_ITRACE_START = 12,
  PERF_RECORD_LOST_SAMPLES = 13,
  PERF_RECORD_SWITCH = 14,
  PERF_RECORD_SWITCH_CPU_WIDE = 15,
  PERF_RECORD_NAMESPACES = 16,
  PERF_RECORD_KSYMBOL = 17,
  PERF_RECORD_BPF_EVENT = 18,
  PERF_RECORD_CGROUP = 19,
  PERF_RECORD_TEXT_POKE = 20,
  PERF_RECORD_AUX_OUTPUT_HW_ID = 21,
  PERF_RECORD_MAX = 22,
};

// flags argument of perf_event_open.
enum : uint64_t {
  PERF_FLAG_FD_NO_GROUP = 1 << 0,
  PERF_FLAG_FD_OUTPUT = 1 << 1,
  PERF_FLAG_PID_CGROUP = 1 << 2,
  PERF_FLAG_FD_CLOEXEC = 1 << 3,
};

// Sizes of perf_event_attr through its history; a caller may pass any of them, or a larger one with a zero
// tail.
enum : uint32_t { PERF_ATTR_SIZE_VER0 = 64, PERF_ATTR_SIZE_VER8 = 136 };

struct perf_event_attr {
  uint32_t type;
  uint32_t size;
  uint64_t config;  // of PERF_TYPE_TRACEPOINT: the id in the event's `id` file
  union {
    uint64_t sample_period;
    uint64_t sample_freq;
  };
  uint64_t sample_type;
  uint64_t read_format;
  uint64_t disabled : 1;
  uint64_t inherit : 1;
  uint64_t pinned : 1;
  uint64_t exclusive : 1;
  uint64_t exclude_user : 1;
  uint64_t exclude_kernel : 1;
  uint64_t exclude_hv : 1;
  uint64_t exclude_idle : 1;
  uint64_t mmap : 1;
  uint64_t comm : 1;
  uint64_t freq : 1;
  uint64_t inherit_stat : 1;
  uint64_t enable_on_exec : 1;
  uint64_t task : 1;
  uint64_t watermark : 1;
  uint64_t precise_ip : 2;
  uint64_t mmap_data : 1;
  uint64_t sample_id_all : 1;
  uint64_t exclude_host : 1;
  uint64_t exclude_guest : 1;
  uint64_t exclude_callchain_kernel : 1;
  uint64_t exclude_callchain_user : 1;
  uint64_t mmap2 : 1;
  uint64_t comm_exec : 1;
  uint64_t use_clockid : 1;
  uint64_t context_switch : 1;
  uint64_t write_backward : 1;
  uint64_t namespaces : 1;
  uint64_t ksymbol : 1;
  uint64_t bpf_event : 1;
  uint64_t aux_output : 1;
  uint64_t cgroup : 1;
  uint64_t text_poke : 1;
  uint64_t build_id : 1;
  uint64_t inherit_thread : 1;
  uint64_t remove_on_exec : 1;
  uint64_t sigtrap : 1;
  uint64_t reserved_1 : 26;
  union {
    uint32_t wakeup_events;
    uint32_t wakeup_watermark;
  };
  uint32_t bp_type;
  union {
    uint64_t bp_addr;
    uint64_t kprobe_func;
    uint64_t uprobe_path;
    uint64_t config1;
  };
  union {
    uint64_t bp_len;
    uint64_t kprobe_addr;
    uint64_t probe_offset;
    uint64_t config2;
  };
  uint64_t branch_sample_type;
  uint64_t sample_regs_user;
  uint32_t sample_stack_user;
  int32_t clockid;
  uint64_t sample_regs_intr;
  uint32_t aux_watermark;
  uint16_t sample_max_stack;
  uint16_t reserved_2;
  uint32_t aux_sample_size;
  uint32_t aux_action;
  uint64_t sig_data;
  uint64_t config3;
};
static_assert(sizeof(perf_event_attr) == PERF_ATTR_SIZE_VER8 &&
              offsetof(perf_event_attr, wakeup_events) == 48);
static_assert(offsetof(perf_event_attr, clockid) == 92 && offsetof(perf_event_attr, sig_data) == 120);

// ioctl request numbers: |direction:2|size:14|'$':8|number:8|
enum : uint32_t {
  PERF_EVENT_IOC_ENABLE = 0x2400,
  PERF_EVENT_IOC_DISABLE = 0x2401,
  PERF_EVENT_IOC_REFRESH = 0x2402,
  PERF_EVENT_IOC_RESET = 0x2403,
  PERF_EVENT_IOC_PERIOD = 0x40082404,
  PERF_EVENT_IOC_SET_OUTPUT = 0x2405,
  PERF_EVENT_IOC_SET_FILTER = 0x40082406,
  PERF_EVENT_IOC_ID = 0x80082407,
  PERF_EVENT_IOC_SET_BPF = 0x40042408,
  PERF_EVENT_IOC_PAUSE_OUTPUT = 0x40042409,
  PERF_EVENT_IOC_QUERY_BPF = 0xc008240a,
  PERF_EVENT_IOC_MODIFY_ATTRIBUTES = 0x4008240b,
};
enum : uint32_t { PERF_IOC_FLAG_GROUP = 1 << 0 };

// Argument of PERF_EVENT_IOC_QUERY_BPF, followed by ids_len ids.
struct perf_event_query_bpf {
  uint32_t ids_len;
  uint32_t prog_cnt;  // out
};
static_assert(sizeof(perf_event_query_bpf) == 8);

// How each record in a perf ring begins.
struct perf_event_header {
  uint32_t type;
  uint16_t misc;
  uint16_t size;
};
static_assert(sizeof(perf_event_header) == 8);

}  // namespace skep::abi
