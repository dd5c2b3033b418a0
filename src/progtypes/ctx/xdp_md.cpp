// xdp_md over net::XdpBuff: the context of xdp.
#include "abi/ctx.h"
#include "net/xdp_buff.h"
#include "progtypes/ctx/layouts.h"
#include "progtypes/ctx/lowering.h"

namespace skep::progtypes {
namespace {

// queue -> device -> ifindex
void lower_device_index(const ContextField& field, const FieldUse& use, Out& out) {
  const int dst = use.insn.dst;
  out.push_back(load(8, dst, use.insn.src, offset_of(field.lower_data)));
  out.push_back(load(8, dst, dst, offsetof(net::RxQueue, dev)));
  out.push_back(load(4, dst, dst, offsetof(net::NetDevice, ifindex)));
}

#define F(field)                                                                              \
  .name = #field, .offset = offsetof(abi::xdp_md, field), .size = sizeof(abi::xdp_md::field), \
  .element = sizeof(abi::xdp_md::field)
#define M(field) member(offsetof(net::XdpBuff, field), sizeof(net::XdpBuff::field))

constexpr ContextField kFields[] = {
#include "progtypes/ctx/xdp_md.def"
};

#undef F
#undef M

}  // namespace

const ContextLayout kXdpLayout = {.name = "xdp_md", .size = sizeof(abi::xdp_md), .fields = kFields};

}  // namespace skep::progtypes
