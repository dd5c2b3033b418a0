// seccomp user notification (seccomp_unotify(2)): structures, flags and ioctls as of Linux 6.18.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef SECCOMP_RET_ALLOW
#error "<linux/seccomp.h> has made macros of these names; use abi/seccomp.h instead of it"
#endif

namespace skep::abi {

enum : uint32_t {
  SECCOMP_SET_MODE_STRICT = 0,
  SECCOMP_SET_MODE_FILTER = 1,
  SECCOMP_GET_ACTION_AVAIL = 2,
  SECCOMP_GET_NOTIF_SIZES = 3,
};

enum : uint32_t {
  SECCOMP_FILTER_FLAG_TSYNC = 1 << 0,
  SECCOMP_FILTER_FLAG_LOG = 1 << 1,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW = 1 << 2,
  SECCOMP_FILTER_FLAG_NEW_LISTENER = 1 << 3,
  SECCOMP_FILTER_FLAG_TSYNC_ESRCH = 1 << 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 1 << 5,  // since 5.19
};

enum : uint32_t {
  SECCOMP_RET_KILL_PROCESS = 0x80000000,
  SECCOMP_RET_KILL_THREAD = 0x00000000,
  SECCOMP_RET_TRAP = 0x00030000,
  SECCOMP_RET_ERRNO = 0x00050000,
  SECCOMP_RET_USER_NOTIF = 0x7fc00000,
  SECCOMP_RET_TRACE = 0x7ff00000,
  SECCOMP_RET_LOG = 0x7ffc0000,
  SECCOMP_RET_ALLOW = 0x7fff0000,
  SECCOMP_RET_ACTION_FULL = 0xffff0000,
  SECCOMP_RET_DATA = 0x0000ffff,
};

struct seccomp_data {
  int32_t nr;
  uint32_t arch;
  uint64_t instruction_pointer;
  uint64_t args[6];
};
static_assert(sizeof(seccomp_data) == 64 && offsetof(seccomp_data, args) == 16);

struct seccomp_notif_sizes {
  uint16_t seccomp_notif;
  uint16_t seccomp_notif_resp;
  uint16_t seccomp_data;
};
static_assert(sizeof(seccomp_notif_sizes) == 6);

struct seccomp_notif {
  uint64_t id;
  uint32_t pid;  // a thread id, in the listener's pid namespace
  uint32_t flags;
  seccomp_data data;
};
static_assert(sizeof(seccomp_notif) == 80);

enum : uint32_t { SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1 << 0 };
struct seccomp_notif_resp {
  uint64_t id;
  int64_t val;
  int32_t error;  // negative errno
  uint32_t flags;
};
static_assert(sizeof(seccomp_notif_resp) == 24);

enum : uint32_t { SECCOMP_ADDFD_FLAG_SETFD = 1 << 0, SECCOMP_ADDFD_FLAG_SEND = 1 << 1 };
struct seccomp_notif_addfd {
  uint64_t id;
  uint32_t flags;
  uint32_t srcfd;
  uint32_t newfd;
  uint32_t newfd_flags;
};
static_assert(sizeof(seccomp_notif_addfd) == 24);

// Argument of SECCOMP_IOCTL_NOTIF_SET_FLAGS, since 6.6.
enum : uint64_t { SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP = 1 << 0 };

// ioctl request numbers: |direction:2|size:14|'!':8|number:8|
enum : uint32_t {
  SECCOMP_IOCTL_NOTIF_RECV = 0xc0502100,
  SECCOMP_IOCTL_NOTIF_SEND = 0xc0182101,
  SECCOMP_IOCTL_NOTIF_ID_VALID = 0x40082102,
  SECCOMP_IOCTL_NOTIF_ADDFD = 0x40182103,
  SECCOMP_IOCTL_NOTIF_SET_FLAGS = 0x40082104,
};

}  // namespace skep::abi
