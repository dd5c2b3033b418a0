// sk_reuseport_md over ReuseportKern: the context of sk_reuseport.
#include "abi/ctx.h"
#include "progtypes/ctx/layouts.h"
#include "progtypes/ctx/lowering.h"
#include "progtypes/kernel_ctx.h"

namespace skep::progtypes {
namespace {

#define F(field)                                                   \
  .name = #field, .offset = offsetof(abi::sk_reuseport_md, field), \
  .size = sizeof(abi::sk_reuseport_md::field), .element = sizeof(abi::sk_reuseport_md::field)
#define M(field) member(offsetof(ReuseportKern, field), sizeof(ReuseportKern::field))
#define B(field) \
  nested(offsetof(ReuseportKern, skb), offsetof(net::SkBuff, field), sizeof(net::SkBuff::field))
#define S(field) nested(offsetof(ReuseportKern, sk), offsetof(net::Sock, field), sizeof(net::Sock::field))

constexpr ContextField kFields[] = {
#include "progtypes/ctx/sk_reuseport.def"
};

#undef F
#undef M
#undef B
#undef S

}  // namespace

const ContextLayout kSkReuseportLayout = {
    .name = "sk_reuseport_md", .size = sizeof(abi::sk_reuseport_md), .fields = kFields};

}  // namespace skep::progtypes
