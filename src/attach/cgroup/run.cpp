#include "attach/cgroup/run.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "abi/bpf.h"
#include "base/check.h"
#include "base/rcu.h"
#include "helpers/hook_state.h"
#include "maps/virtual_cpu.h"

namespace skep::attach {
namespace {

constexpr int kMaxErrno = 4095;

int slot_of(uint32_t attach_type) {
  const auto* row = progtypes::find_attach_type(attach_type);
  SKEP_CHECK(row != nullptr && row->cgroup_slot >= 0);
  return row->cgroup_slot;
}

bool is_error(int32_t retval) { return retval < 0 && retval >= -kMaxErrno; }

// The state of one event's runs: a virtual CPU and what helpers see. Used by one thread, on its stack.
struct Event {
  maps::VirtualCpu cpu;
  helpers::SocketHook hook;
  helpers::RunContext run;

  Event(helpers::RunEnvironment& env, helpers::SocketOps* ops) : hook{.ops = ops} {
    run.cpu = cpu.number();
    run.env = &env;
    run.hook = &hook;
  }
};

// Linux's bpf_prog_run_array_cg: the verdict. `flags`, where given, gathers what results carry above their
// lowest bit.
int run_all(const Cgroup& cgroup, int slot, void* ctx, int initial, Event& event, uint32_t* flags = nullptr) {
  event.run.retval = initial;
  const RcuReadSection section;
  const EffectiveArray* const array = cgroup.effective(slot);
  if (array == nullptr) return initial;
  for (const EffectiveProgram& entry : array->programs) {
    auto result = static_cast<uint32_t>(entry.program->run(ctx, event.run));
    if (flags != nullptr) {
      *flags |= result >> 1;
      result &= 1;
    }
    if (result == 0 && !is_error(event.run.retval)) event.run.retval = -EPERM;
  }
  return event.run.retval;
}

bool is_bind(uint32_t attach_type) {
  return attach_type == abi::BPF_CGROUP_INET4_BIND || attach_type == abi::BPF_CGROUP_INET6_BIND;
}

// An option's value as the programs see it: at most a page, at least `minimum` bytes of room.
class OptionBuffer {
 public:
  OptionBuffer(std::span<const uint8_t> value, int room) : room_(std::min(room, kSockoptPage)) {
    bytes_.resize(static_cast<size_t>(room_));
    std::copy_n(value.begin(), std::min(value.size(), bytes_.size()), bytes_.begin());
  }
  int room() const { return room_; }
  uint8_t* begin() { return bytes_.data(); }
  uint8_t* end() { return bytes_.data() + bytes_.size(); }
  std::vector<uint8_t> first(int size) const { return {bytes_.begin(), bytes_.begin() + size}; }

 private:
  int room_;
  std::vector<uint8_t> bytes_;
};

}  // namespace

int run_sock(const Cgroup& cgroup, uint32_t attach_type, net::Sock& sock, helpers::RunEnvironment& env,
             helpers::SocketOps* ops) {
  Event event(env, ops);
  return run_all(cgroup, slot_of(attach_type), &sock, 0, event);
}

SockAddrVerdict run_sock_addr(const Cgroup& cgroup, uint32_t attach_type, net::Sock& sock,
                              progtypes::SockaddrStorage* address, uint32_t address_len, uint32_t* source,
                              helpers::RunEnvironment& env, helpers::SocketOps* ops) {
  if (sock.family != AF_INET && sock.family != AF_INET6 && sock.family != AF_UNIX) return {};
  progtypes::SockaddrStorage unspecified;
  progtypes::SockAddrKern ctx{.sk = &sock,
                              .address = address != nullptr ? address : &unspecified,
                              .scratch = 0,
                              .source = source,
                              .address_len = address != nullptr ? address_len : 0};
  Event event(env, ops);
  uint32_t flags = 0;
  const int retval =
      run_all(cgroup, slot_of(attach_type), &ctx, 0, event, is_bind(attach_type) ? &flags : nullptr);
  return {.retval = retval, .no_cap_net_bind_service = (flags & 1) != 0};
}

// Linux's __cgroup_bpf_run_filter_setsockopt.
SetsockoptVerdict run_setsockopt(const Cgroup& cgroup, net::Sock& sock, const SetsockoptCall& call,
                                 helpers::RunEnvironment& env, helpers::SocketOps* ops) {
  constexpr int kMinimumRoom = 16;  // so that programs may enlarge small options
  if (call.optlen < 0) return {.retval = -EINVAL, .call = {}};
  OptionBuffer buffer(call.value, std::max(call.optlen, kMinimumRoom));
  Event event(env, ops);
  progtypes::RetvalHolder holder{&event.run.retval};
  progtypes::SockoptKern ctx{.sk = &sock,
                             .optval = buffer.begin(),
                             .optval_end = buffer.end(),
                             .level = call.level,
                             .optname = call.optname,
                             .optlen = call.optlen,
                             .holder = &holder,
                             .scratch = 0};
  const int retval = run_all(cgroup, slot_of(abi::BPF_CGROUP_SETSOCKOPT), &ctx, 0, event);
  SetsockoptVerdict verdict{.retval = retval, .call = {}};
  if (retval != 0) return verdict;
  if (ctx.optlen == -1) {
    verdict.bypass = true;
    return verdict;
  }
  verdict.call = {.level = call.level, .optname = call.optname, .value = {}, .optlen = call.optlen};
  if (ctx.optlen > buffer.room() || ctx.optlen < -1) {
    // A value larger than a page that no program has resized goes to the kernel as it came.
    if (call.optlen <= kSockoptPage || ctx.optlen < 0) verdict.retval = -EFAULT;
    return verdict;
  }
  verdict.call.level = ctx.level;
  verdict.call.optname = ctx.optname;
  if (ctx.optlen != 0) {
    verdict.use_original = false;
    verdict.call.optlen = ctx.optlen;
    verdict.call.value = buffer.first(ctx.optlen);
  }
  return verdict;
}

// Linux's __cgroup_bpf_run_filter_getsockopt.
GetsockoptVerdict run_getsockopt(const Cgroup& cgroup, net::Sock& sock, const GetsockoptCall& call,
                                 helpers::RunEnvironment& env, helpers::SocketOps* ops) {
  if (call.max_optlen < 0) return {.retval = -EINVAL, .value = {}};
  OptionBuffer buffer(call.value, call.max_optlen);
  const int original = call.retval == 0 ? static_cast<int>(call.value.size()) : call.max_optlen;
  Event event(env, ops);
  progtypes::RetvalHolder holder{&event.run.retval};
  progtypes::SockoptKern ctx{.sk = &sock,
                             .optval = buffer.begin(),
                             .optval_end = buffer.end(),
                             .level = call.level,
                             .optname = call.optname,
                             .optlen = original,
                             .holder = &holder,
                             .scratch = 0};
  GetsockoptVerdict verdict;
  verdict.retval = run_all(cgroup, slot_of(abi::BPF_CGROUP_GETSOCKOPT), &ctx, call.retval, event);
  if (verdict.retval < 0) return verdict;
  if (call.has_buffer && (ctx.optlen > buffer.room() || ctx.optlen < 0)) {
    if (original <= kSockoptPage || ctx.optlen < 0)
      verdict.retval = -EFAULT;
    else
      verdict.retval = call.retval;
    return verdict;
  }
  if (ctx.optlen != 0) {
    verdict.rewrite = true;
    verdict.optlen = ctx.optlen;
    if (call.has_buffer) verdict.value = buffer.first(ctx.optlen);
  }
  return verdict;
}

}  // namespace skep::attach
