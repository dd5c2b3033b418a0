// bpf_tcp_sock over net::TcpSock: the view that pointers from bpf_tcp_sock() give.
#include "net/tcp_sock.h"

#include "abi/ctx.h"
#include "progtypes/ctx/layouts.h"
#include "progtypes/ctx/lowering.h"

namespace skep::progtypes {
namespace {

#define F(field)                                                                                          \
  .name = #field, .offset = offsetof(abi::bpf_tcp_sock, field), .size = sizeof(abi::bpf_tcp_sock::field), \
  .element = sizeof(abi::bpf_tcp_sock::field), .target_size = sizeof(net::TcpSock::field)
#define M(field) member(offsetof(net::TcpSock, field), sizeof(net::TcpSock::field))

constexpr ContextField kFields[] = {
#include "progtypes/ctx/tcp_sock.def"
};

#undef F
#undef M

}  // namespace

const ContextLayout kTcpSockLayout = {
    .name = "bpf_tcp_sock", .size = sizeof(abi::bpf_tcp_sock), .fields = kFields};

}  // namespace skep::progtypes
