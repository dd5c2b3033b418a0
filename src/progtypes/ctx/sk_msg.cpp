// sk_msg_md over SkMsgKern: the context of sk_msg.
#include "abi/ctx.h"
#include "progtypes/ctx/layouts.h"
#include "progtypes/ctx/lowering.h"
#include "progtypes/kernel_ctx.h"

namespace skep::progtypes {
namespace {

#define F(field)                                                                                    \
  .name = #field, .offset = offsetof(abi::sk_msg_md, field), .size = sizeof(abi::sk_msg_md::field), \
  .element = sizeof(abi::sk_msg_md::field)
#define A(field)                                                                                    \
  .name = #field, .offset = offsetof(abi::sk_msg_md, field), .size = sizeof(abi::sk_msg_md::field), \
  .element = sizeof(uint32_t)
#define M(field) member(offsetof(SkMsgKern, field), sizeof(SkMsgKern::field))
#define S(field) nested(offsetof(SkMsgKern, sk), offsetof(net::Sock, field), sizeof(net::Sock::field))
#define S4(field) nested(offsetof(SkMsgKern, sk), offsetof(net::Sock, field), sizeof(uint32_t))

constexpr ContextField kFields[] = {
#include "progtypes/ctx/sk_msg.def"
};

#undef F
#undef A
#undef M
#undef S
#undef S4

}  // namespace

const ContextLayout kSkMsgLayout = {.name = "sk_msg_md", .size = sizeof(abi::sk_msg_md), .fields = kFields};

}  // namespace skep::progtypes
