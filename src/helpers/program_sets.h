// Names for sets of program types, as the rows of helpers.def combine them.
#pragma once

#include "abi/bpf.h"
#include "helpers/proto.h"

namespace skep::helpers {

constexpr ProgSet programs_of(uint32_t type) { return ProgSet{1} << type; }
constexpr uint64_t at(uint32_t attach_type) { return uint64_t{1} << attach_type; }

inline constexpr ProgSet kSocketFilter = programs_of(abi::BPF_PROG_TYPE_SOCKET_FILTER);
inline constexpr ProgSet kKprobe = programs_of(abi::BPF_PROG_TYPE_KPROBE);
inline constexpr ProgSet kSchedCls = programs_of(abi::BPF_PROG_TYPE_SCHED_CLS);
inline constexpr ProgSet kSchedAct = programs_of(abi::BPF_PROG_TYPE_SCHED_ACT);
inline constexpr ProgSet kTracepoint = programs_of(abi::BPF_PROG_TYPE_TRACEPOINT);
inline constexpr ProgSet kXdp = programs_of(abi::BPF_PROG_TYPE_XDP);
inline constexpr ProgSet kPerfEvent = programs_of(abi::BPF_PROG_TYPE_PERF_EVENT);
inline constexpr ProgSet kCgroupSkb = programs_of(abi::BPF_PROG_TYPE_CGROUP_SKB);
inline constexpr ProgSet kCgroupSock = programs_of(abi::BPF_PROG_TYPE_CGROUP_SOCK);
inline constexpr ProgSet kLwtIn = programs_of(abi::BPF_PROG_TYPE_LWT_IN);
inline constexpr ProgSet kLwtOut = programs_of(abi::BPF_PROG_TYPE_LWT_OUT);
inline constexpr ProgSet kLwtXmit = programs_of(abi::BPF_PROG_TYPE_LWT_XMIT);
inline constexpr ProgSet kSockOps = programs_of(abi::BPF_PROG_TYPE_SOCK_OPS);
inline constexpr ProgSet kSkSkb = programs_of(abi::BPF_PROG_TYPE_SK_SKB);
inline constexpr ProgSet kCgroupDevice = programs_of(abi::BPF_PROG_TYPE_CGROUP_DEVICE);
inline constexpr ProgSet kSkMsg = programs_of(abi::BPF_PROG_TYPE_SK_MSG);
inline constexpr ProgSet kRawTracepoint = programs_of(abi::BPF_PROG_TYPE_RAW_TRACEPOINT);
inline constexpr ProgSet kSockAddr = programs_of(abi::BPF_PROG_TYPE_CGROUP_SOCK_ADDR);
inline constexpr ProgSet kLwtSeg6 = programs_of(abi::BPF_PROG_TYPE_LWT_SEG6LOCAL);
inline constexpr ProgSet kSkReuseport = programs_of(abi::BPF_PROG_TYPE_SK_REUSEPORT);
inline constexpr ProgSet kFlowDissector = programs_of(abi::BPF_PROG_TYPE_FLOW_DISSECTOR);
inline constexpr ProgSet kCgroupSysctl = programs_of(abi::BPF_PROG_TYPE_CGROUP_SYSCTL);
inline constexpr ProgSet kRawTracepointWritable = programs_of(abi::BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE);
inline constexpr ProgSet kSockopt = programs_of(abi::BPF_PROG_TYPE_CGROUP_SOCKOPT);
inline constexpr ProgSet kSkLookup = programs_of(abi::BPF_PROG_TYPE_SK_LOOKUP);
inline constexpr ProgSet kSyscall = programs_of(abi::BPF_PROG_TYPE_SYSCALL);
inline constexpr ProgSet kNetfilter = programs_of(abi::BPF_PROG_TYPE_NETFILTER);

inline constexpr ProgSet kTracing =
    kKprobe | kTracepoint | kPerfEvent | kRawTracepoint | kRawTracepointWritable;
inline constexpr ProgSet kTc = kSchedCls | kSchedAct;
inline constexpr ProgSet kLwt = kLwtIn | kLwtOut | kLwtXmit | kLwtSeg6;
// Types that may cast a socket pointer to a type of the kernel (bpf_skc_to_*).
inline constexpr ProgSet kSockCasts = kTc | kLwt | kSocketFilter | kXdp | kCgroupSkb | kSockOps | kSkSkb |
                                      kSkMsg | kSockAddr | kFlowDissector | kSkLookup;
inline constexpr ProgSet kEvery = kSockCasts | kTracing | kCgroupSock | kCgroupDevice | kSkReuseport |
                                  kCgroupSysctl | kSockopt | kSyscall | kNetfilter;

// Hooks that report an address after the fact: their programs have no return value to read or set.
inline constexpr uint64_t kAddressReports =
    at(abi::BPF_CGROUP_UDP4_RECVMSG) | at(abi::BPF_CGROUP_UDP6_RECVMSG) | at(abi::BPF_CGROUP_UNIX_RECVMSG) |
    at(abi::BPF_CGROUP_INET4_GETPEERNAME) | at(abi::BPF_CGROUP_INET6_GETPEERNAME) |
    at(abi::BPF_CGROUP_UNIX_GETPEERNAME) | at(abi::BPF_CGROUP_INET4_GETSOCKNAME) |
    at(abi::BPF_CGROUP_INET6_GETSOCKNAME) | at(abi::BPF_CGROUP_UNIX_GETSOCKNAME);

}  // namespace skep::helpers
