// bpf_sk_lookup over SkLookupKern: the context of sk_lookup.
#include "abi/ctx.h"
#include "abi/insn.h"
#include "progtypes/ctx/layouts.h"
#include "progtypes/ctx/lowering.h"
#include "progtypes/kernel_ctx.h"

namespace skep::progtypes {
namespace {

void lower_zero(const ContextField&, const FieldUse& use, Out& out) {
  out.push_back(alu32(abi::BPF_MOV, use.insn.dst, 0));
}

#define F(field)                                                                                            \
  .name = #field, .offset = offsetof(abi::bpf_sk_lookup, field), .size = sizeof(abi::bpf_sk_lookup::field), \
  .element = sizeof(abi::bpf_sk_lookup::field)
#define A(field)                                                                                            \
  .name = #field, .offset = offsetof(abi::bpf_sk_lookup, field), .size = sizeof(abi::bpf_sk_lookup::field), \
  .element = sizeof(uint32_t)
#define M(field) member(offsetof(SkLookupKern, field), sizeof(SkLookupKern::field))
#define P(field) nested(offsetof(SkLookupKern, field), 0, sizeof(uint32_t))

constexpr ContextField kFields[] = {
#include "progtypes/ctx/sk_lookup.def"
};

#undef F
#undef A
#undef M
#undef P

}  // namespace

const ContextLayout kSkLookupLayout = {
    .name = "bpf_sk_lookup", .size = sizeof(abi::bpf_sk_lookup), .fields = kFields};

}  // namespace skep::progtypes
