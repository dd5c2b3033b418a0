// RunContext: everything a run of a program can see besides its registers. One per run, on the runner's
// stack.
//
// JIT code and interpreter hand it to every helper as sixth argument. The members above the line are read
// by generated code at fixed offsets (static_asserts in exec/).
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"

namespace skep::maps {
class Map;
}

namespace skep::helpers {

// Identity of the task on whose behalf a program runs: the client thread that made the event.
struct TaskInfo {
  uint32_t pid = 0;   // thread id, as bpf_get_current_pid_tgid's low half
  uint32_t tgid = 0;  // process id
  uint32_t uid = 0;
  uint32_t gid = 0;
  char comm[16] = {};
  uint64_t cgroup_id = 0;
};

// The inputs of a run that are not its context: time, randomness, task, outside memory, the trace pipe.
// `skep run` gives the real ones, `skep test` seeded ones. Called from running programs: must not block.
class RunEnvironment {
 public:
  enum class Clock : uint8_t { kMonotonic, kBoottime, kTai, kMonotonicCoarse, kJiffies };

  virtual ~RunEnvironment() = default;
  virtual uint64_t now_ns(Clock clock) = 0;
  virtual uint32_t random_u32() = 0;
  virtual const TaskInfo& task() = 0;
  // Memory of the task (user addresses). Fails with EFAULT.
  virtual Status read_user(uint64_t address, std::span<std::byte> out) = 0;
  virtual Status write_user(uint64_t address, std::span<const std::byte> data) = 0;
  // One formatted line of bpf_trace_printk, without the prefix that trace_pipe puts before it.
  virtual void trace_print(std::string_view text) = 0;
  // cgroup id of the task's ancestor at `level` (0 is the root), 0 when there is none.
  virtual uint64_t ancestor_cgroup_id(int level) = 0;
  // The same of the cgroup `id`, for sockets.
  virtual uint64_t ancestor_of_cgroup(uint64_t id, int level) { return level == 0 ? id : 0; }
  // Sends a signal (0..64) to the task's process or only its thread: 0 or -errno.
  virtual int send_signal(int, bool /*thread_only*/) { return -EPERM; }
};

struct RunContext;

// How LD_ABS and LD_IND read the packet: big-endian on the wire, host order in *value; 0 or -errno. `offset`
// is a 32-bit sum as on Linux: values with the top bit set are negative (SKF_NET_OFF, SKF_LL_OFF).
using PacketLoadFn = int (*)(RunContext& run, const void* ctx, uint32_t offset, uint32_t bytes,
                             uint64_t* value);

// What a program passes to a helper for Arg::kFunc (LD_IMM64 with BPF_PSEUDO_FUNC): a pointer to one of
// these, owned by the program's image. A helper calls it as function->call(*function, args, run).
struct Function {
  uint64_t (*call)(const Function& self, const uint64_t (&args)[5], RunContext& run);
};

struct RunContext {
  uint32_t cpu = 0;                      // virtual CPU that the runner holds
  uint32_t tail_calls = 0;               // taken so far in this run, at most isa::kMaxTailCalls
  const void* exported_begin = nullptr;  // probe loads outside [begin, end) read as zero
  const void* exported_end = nullptr;
  std::byte* arena_base = nullptr;     // what 32-bit arena addresses are relative to; null without an arena
  uint64_t arena_user_base = 0;        // address of the arena in its user's memory: addr_space_cast to 0 -> 1
  uint64_t percpu_offset = 0;          // what the per-CPU mov of rewritten programs adds
  PacketLoadFn packet_load = nullptr;  // null where the program type has no LD_ABS
  // ---------------------------------------------------------------------------------------------------
  RunEnvironment* env = nullptr;
  void* hook = nullptr;        // state of the hook that runs the program; its type follows the program type
  uint64_t attach_cookie = 0;  // bpf_get_attach_cookie
  int32_t retval = 0;          // bpf_get_retval / bpf_set_retval (cgroup hooks)
};

// Registers arrive as 64-bit values; pointers are addresses in this process. The result goes to r0.
using HelperFn = uint64_t (*)(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5,
                              RunContext& run);

}  // namespace skep::helpers
