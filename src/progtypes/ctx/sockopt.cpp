// bpf_sockopt over SockoptKern: the context of cgroup_sockopt.
#include "abi/ctx.h"
#include "progtypes/ctx/layouts.h"
#include "progtypes/ctx/lowering.h"
#include "progtypes/kernel_ctx.h"

namespace skep::progtypes {
namespace {

constexpr uint64_t kGet = uint64_t{1} << abi::BPF_CGROUP_GETSOCKOPT;
constexpr uint64_t kSet = uint64_t{1} << abi::BPF_CGROUP_SETSOCKOPT;

// context -> holder -> the run's return value, which bpf_set_retval changes as well.
void lower_retval(const ContextField&, const FieldUse& use, Out& out) {
  constexpr int kHolder = offsetof(SockoptKern, holder), kPointer = offsetof(RetvalHolder, retval);
  constexpr int kScratch = offsetof(SockoptKern, scratch);
  const int dst = use.insn.dst;
  if (!use.write) {
    out.push_back(load(8, dst, use.insn.src, kHolder));
    out.push_back(load(8, dst, dst, kPointer));
    out.push_back(load(4, dst, dst, 0));
    return;
  }
  const int spare = spare_register(dst, use.insn.src);
  out.push_back(store_register(8, dst, spare, kScratch));
  out.push_back(load(8, spare, dst, kHolder));
  out.push_back(load(8, spare, spare, kPointer));
  out.push_back(store_at(4, spare, use.insn, 0));
  out.push_back(load(8, spare, dst, kScratch));
}

#define F(field)                                                                                        \
  .name = #field, .offset = offsetof(abi::bpf_sockopt, field), .size = sizeof(abi::bpf_sockopt::field), \
  .element = sizeof(abi::bpf_sockopt::field)
#define M(field) member(offsetof(SockoptKern, field), sizeof(SockoptKern::field))

constexpr ContextField kFields[] = {
#include "progtypes/ctx/sockopt.def"
};

#undef F
#undef M

}  // namespace

const ContextLayout kSockoptLayout = {
    .name = "bpf_sockopt", .size = sizeof(abi::bpf_sockopt), .fields = kFields};

}  // namespace skep::progtypes
