// Test runs of cgroup socket programs, for which Linux has none: contexts in the program's own view.
#include <cerrno>

#include "abi/bpf.h"
#include "abi/ctx.h"
#include "helpers/hook_state.h"
#include "helpers/test_run_parts.h"
#include "progtypes/kernel_ctx.h"

namespace skep::helpers::testing {
namespace {

constexpr uint16_t kInet6 = 10;  // AF_INET6

net::Sock sock_of(const abi::bpf_sock& ctx) {
  net::Sock sk;
  sk.family = static_cast<uint16_t>(ctx.family);
  sk.type = static_cast<uint16_t>(ctx.type);
  sk.protocol = static_cast<uint16_t>(ctx.protocol);
  sk.state = static_cast<uint8_t>(ctx.state);
  sk.bound_dev_if = static_cast<int32_t>(ctx.bound_dev_if);
  sk.mark = ctx.mark;
  sk.priority = ctx.priority;
  sk.src_ip4 = ctx.src_ip4;
  sk.dst_ip4 = ctx.dst_ip4;
  memcpy(sk.src_ip6, ctx.src_ip6, sizeof(sk.src_ip6));
  memcpy(sk.dst_ip6, ctx.dst_ip6, sizeof(sk.dst_ip6));
  sk.src_port = static_cast<uint16_t>(ctx.src_port);
  sk.dst_port = ctx.dst_port;
  return sk;
}

Status refuse_options(const TestRunInput& input) {
  if (input.flags != 0 || input.cpu != 0 || input.batch_size != 0) return fail(EINVAL);
  return {};
}

}  // namespace

Result<TestRunResult> run_sock(const Job& job) {
  SKEP_TRY(refuse_options(job.input));
  abi::bpf_sock ctx = SKEP_TRY(read_context<abi::bpf_sock>(job.input.ctx));
  net::Sock sk = sock_of(ctx);
  SocketHook hook;
  job.run.hook = &hook;
  TestRunResult result;
  repeat(job, &sk, result);
  ctx.bound_dev_if = static_cast<uint32_t>(sk.bound_dev_if);
  ctx.mark = sk.mark;
  ctx.priority = sk.priority;
  result.ctx = write_context(ctx);
  return result;
}

Result<TestRunResult> run_sock_addr(const Job& job) {
  SKEP_TRY(refuse_options(job.input));
  abi::bpf_sock_addr ctx = SKEP_TRY(read_context<abi::bpf_sock_addr>(job.input.ctx));
  net::Sock sk;
  sk.family = static_cast<uint16_t>(ctx.family);
  sk.type = static_cast<uint16_t>(ctx.type);
  sk.protocol = static_cast<uint16_t>(ctx.protocol);
  progtypes::SockaddrStorage address;
  address.family = static_cast<uint16_t>(ctx.user_family);
  address.port = static_cast<uint16_t>(ctx.user_port);
  const bool six = ctx.user_family == kInet6;
  if (six)
    memcpy(address.ip6, ctx.user_ip6, sizeof(address.ip6));
  else
    address.ip4 = ctx.user_ip4;
  uint32_t source[4] = {ctx.msg_src_ip4};
  if (six) memcpy(source, ctx.msg_src_ip6, sizeof(source));
  progtypes::SockAddrKern kernel{
      .sk = &sk, .address = &address, .source = source, .address_len = sizeof(address)};
  SocketHook hook;
  job.run.hook = &hook;
  TestRunResult result;
  repeat(job, &kernel, result);
  ctx.user_port = address.port;
  if (six) {
    memcpy(ctx.user_ip6, address.ip6, sizeof(address.ip6));
    memcpy(ctx.msg_src_ip6, source, sizeof(source));
  } else {
    ctx.user_ip4 = address.ip4;
    ctx.msg_src_ip4 = source[0];
  }
  result.ctx = write_context(ctx);
  return result;
}

Result<TestRunResult> run_sockopt(const Job& job) {
  SKEP_TRY(refuse_options(job.input));
  if (job.input.data.size() > kTestPage) return fail(EINVAL);
  abi::bpf_sockopt ctx = SKEP_TRY(read_context<abi::bpf_sockopt>(job.input.ctx));
  net::Sock sk;
  std::vector<std::byte> value(job.input.data.begin(), job.input.data.end());
  value.resize(std::max<size_t>(value.size(), 1));
  progtypes::RetvalHolder holder{.retval = &job.run.retval};
  job.run.retval = ctx.retval;
  progtypes::SockoptKern kernel{
      .sk = &sk,
      .optval = reinterpret_cast<uint8_t*>(value.data()),
      .optval_end = reinterpret_cast<uint8_t*>(value.data()) + job.input.data.size(),
      .level = ctx.level,
      .optname = ctx.optname,
      .optlen = ctx.optlen,
      .holder = &holder};
  SocketHook hook;
  job.run.hook = &hook;
  TestRunResult result;
  repeat(job, &kernel, result);
  ctx.level = kernel.level;
  ctx.optname = kernel.optname;
  ctx.optlen = kernel.optlen;
  ctx.retval = job.run.retval;
  result.ctx = write_context(ctx);
  result.data = copy_bytes(value.data(), job.input.data.size());
  return result;
}

}  // namespace skep::helpers::testing
