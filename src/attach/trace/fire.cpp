// Firing tracepoints: the record is laid out as the format file says; programs find the address of the task's
// registers in place of its first eight bytes, as on Linux.
#include <algorithm>
#include <array>
#include <cstring>

#include "attach/trace/hooks.h"
#include "base/rcu.h"
#include "maps/virtual_cpu.h"
#include "progtypes/kernel_ctx.h"

namespace skep::attach {
namespace {

constexpr size_t kMaxRecord = 8192;  // PERF_MAX_TRACE_SIZE

// The kernel's tracepoints of which there is one each.
const Tracepoint& single(TracepointKind kind) {
  static const auto table = [] {
    std::array<const Tracepoint*, 8> by_kind = {};
    for (const Tracepoint& t : all_tracepoints())
      if (t.syscall < 0) by_kind[static_cast<size_t>(t.kind)] = &t;
    return by_kind;
  }();
  return *table[static_cast<size_t>(kind)];
}

// The two tracepoints of each system call, by number.
const Tracepoint* of_syscall(uint64_t nr, TracepointKind kind) {
  struct Pair {
    const Tracepoint *enter = nullptr, *exit = nullptr;
  };
  static const auto table = [] {
    std::array<Pair, 512> by_number;
    for (const Tracepoint& t : all_tracepoints()) {
      if (t.syscall < 0) continue;
      Pair& pair = by_number[static_cast<size_t>(t.syscall)];
      (t.kind == TracepointKind::kSyscallEnter ? pair.enter : pair.exit) = &t;
    }
    return by_number;
  }();
  if (nr >= table.size()) return nullptr;
  return kind == TracepointKind::kSyscallEnter ? table[nr].enter : table[nr].exit;
}

// A record under construction, in a buffer of the thread. Fields that a program may reach lie within the
// record: attaching has checked how far it reads.
class Record {
 public:
  explicit Record(const abi::pt_regs& regs) : bytes_(buffer()) {
    std::ranges::fill(std::span(bytes_).first(256), std::byte{0});
    put(0, reinterpret_cast<uint64_t>(&regs));
  }
  template <class T>
  void put(size_t offset, const T& value) {
    std::memcpy(bytes_.data() + offset, &value, sizeof(value));
  }
  // A "__data_loc" field: where behind the fixed part the string lies (low half), and its length (high half).
  void put_string(size_t offset, std::string_view text) {
    const size_t room = bytes_.size() - end_ - 1;
    text = text.substr(0, room);
    put(offset, static_cast<uint32_t>((text.size() + 1) << 16 | end_));
    std::ranges::copy(std::as_bytes(std::span(text)), bytes_.begin() + static_cast<ptrdiff_t>(end_));
    bytes_[end_ + text.size()] = std::byte{0};
    end_ += text.size() + 1;
  }
  void set_fixed_size(size_t size) { end_ = size; }
  void* data() { return bytes_.data(); }

 private:
  using Buffer = std::array<std::byte, kMaxRecord>;
  static Buffer& buffer() {
    alignas(8) static thread_local Buffer bytes;
    return bytes;
  }

  Buffer& bytes_;
  size_t end_ = 0;
};

class Event {
 public:
  Event(helpers::RunEnvironment& env, const abi::pt_regs& regs) : regs_(regs) {
    run_.cpu = cpu_.number();
    run_.env = &env;
    run_.exported_begin = &regs_;
    run_.exported_end = &regs_ + 1;
  }
  void run(const HookList& list, void* ctx) {
    const RcuReadSection section;
    const HookArray* const array = list.load(std::memory_order_acquire);
    if (array == nullptr) return;
    for (const HookEntry& entry : *array) {
      run_.attach_cookie = entry.cookie;
      entry.program->run(ctx, run_);
    }
  }

 private:
  maps::VirtualCpu cpu_;
  helpers::RunContext run_;
  const abi::pt_regs& regs_;
};

bool any(const HookList& list) { return list.load(std::memory_order_relaxed) != nullptr; }

constexpr abi::pt_regs kNoRegisters = {};

}  // namespace

bool Tracepoints::wants_syscall_enter(uint64_t nr) const {
  const Tracepoint* const own = of_syscall(nr, TracepointKind::kSyscallEnter);
  return (own != nullptr && wants(*own)) || wants(single(TracepointKind::kRawSyscallEnter));
}

bool Tracepoints::wants_syscall_exit(uint64_t nr) const {
  const Tracepoint* const own = of_syscall(nr, TracepointKind::kSyscallExit);
  return (own != nullptr && wants(*own)) || wants(single(TracepointKind::kRawSyscallExit));
}

void Tracepoints::fire_syscall_enter(uint64_t nr, std::span<const uint64_t, 6> args, const abi::pt_regs& regs,
                                     helpers::RunEnvironment& env) {
  Event event(env, regs);
  const Hook& raw = state_->hook(single(TracepointKind::kRawSyscallEnter));
  if (any(raw.raw)) {
    progtypes::RawTracepointArgs context{{reinterpret_cast<uint64_t>(&regs), nr}};
    event.run(raw.raw, &context);
  }
  if (any(raw.perf)) {
    Record record(regs);
    record.put(8, nr);
    for (size_t i = 0; i < args.size(); ++i) record.put(16 + 8 * i, args[i]);
    event.run(raw.perf, record.data());
  }
  const Tracepoint* const own = of_syscall(nr, TracepointKind::kSyscallEnter);
  if (own == nullptr || !any(state_->hook(*own).perf)) return;
  Record record(regs);
  record.put(8, static_cast<uint32_t>(nr));
  for (size_t i = 0; i < args.size(); ++i) record.put(16 + 8 * i, args[i]);
  event.run(state_->hook(*own).perf, record.data());
}

void Tracepoints::fire_syscall_exit(uint64_t nr, int64_t ret, const abi::pt_regs& regs,
                                    helpers::RunEnvironment& env) {
  Event event(env, regs);
  const Hook& raw = state_->hook(single(TracepointKind::kRawSyscallExit));
  if (any(raw.raw)) {
    progtypes::RawTracepointArgs context{{reinterpret_cast<uint64_t>(&regs), static_cast<uint64_t>(ret)}};
    event.run(raw.raw, &context);
  }
  if (any(raw.perf)) {
    Record record(regs);
    record.put(8, nr);
    record.put(16, ret);
    event.run(raw.perf, record.data());
  }
  const Tracepoint* const own = of_syscall(nr, TracepointKind::kSyscallExit);
  if (own == nullptr || !any(state_->hook(*own).perf)) return;
  Record record(regs);
  record.put(8, static_cast<uint32_t>(nr));
  record.put(16, ret);
  event.run(state_->hook(*own).perf, record.data());
}

void Tracepoints::fire_exec(const ExecEvent& happened, helpers::RunEnvironment& env) {
  const Hook& hook = state_->hook(single(TracepointKind::kExec));
  Event event(env, kNoRegisters);
  if (any(hook.perf)) {
    Record record(kNoRegisters);
    record.set_fixed_size(20);
    record.put_string(8, happened.filename);
    record.put(12, happened.pid);
    record.put(16, happened.old_pid);
    event.run(hook.perf, record.data());
  }
  progtypes::RawTracepointArgs context{{0, happened.old_pid, 0}};
  event.run(hook.raw, &context);
}

void Tracepoints::fire_fork(const ForkEvent& happened, helpers::RunEnvironment& env) {
  const auto comm = [](const char(&text)[16]) { return std::string_view(text, strnlen(text, sizeof(text))); };
  const Hook& hook = state_->hook(single(TracepointKind::kFork));
  Event event(env, kNoRegisters);
  if (any(hook.perf)) {
    Record record(kNoRegisters);
    record.set_fixed_size(24);
    record.put_string(8, comm(happened.parent_comm));
    record.put(12, happened.parent_pid);
    record.put_string(16, comm(happened.child_comm));
    record.put(20, happened.child_pid);
    event.run(hook.perf, record.data());
  }
  progtypes::RawTracepointArgs context{};
  event.run(hook.raw, &context);
}

void Tracepoints::fire_exit(const ExitEvent& happened, helpers::RunEnvironment& env) {
  const Hook& hook = state_->hook(single(TracepointKind::kExit));
  Event event(env, kNoRegisters);
  if (any(hook.perf)) {
    Record record(kNoRegisters);
    record.put(8, happened.comm);
    record.put(24, happened.pid);
    record.put(28, happened.priority);
    record.put(32, static_cast<uint8_t>(happened.group_dead));
    event.run(hook.perf, record.data());
  }
  progtypes::RawTracepointArgs context{{0, happened.group_dead}};
  event.run(hook.raw, &context);
}

}  // namespace skep::attach
