// Contexts of a few fields each: flow_dissector, cgroup_sysctl, cgroup_device, perf_event, netfilter.
#include "abi/ctx.h"
#include "progtypes/ctx/layouts.h"
#include "progtypes/ctx/lowering.h"
#include "progtypes/kernel_ctx.h"

namespace skep::progtypes {
namespace {

// Behind a pointer; a store borrows a register.
void lower_file_pos(const ContextField&, const FieldUse& use, Out& out) {
  constexpr int kPointer = offsetof(SysctlKern, file_pos), kScratch = offsetof(SysctlKern, scratch);
  const int dst = use.insn.dst;
  if (!use.write) {
    out.push_back(load(8, dst, use.insn.src, kPointer));
    out.push_back(load(4, dst, dst, 0));
    return;
  }
  const int spare = spare_register(dst, use.insn.src);
  out.push_back(store_register(8, dst, spare, kScratch));
  out.push_back(load(8, spare, dst, kPointer));
  out.push_back(store_at(4, spare, use.insn, 0));
  out.push_back(load(8, spare, dst, kScratch));
}

#define F(type, field)                                                                    \
  .name = #field, .offset = offsetof(abi::type, field), .size = sizeof(abi::type::field), \
  .element = sizeof(abi::type::field)
#define M(type, field) member(offsetof(type, field), sizeof(type::field))
#define S(field) nested(offsetof(PerfEventKern, data), offsetof(PerfSample, field), sizeof(PerfSample::field))

// Whole fields only; the keys that the program fills in are memory of their own.
constexpr ContextField kFlowDissectorFields[] = {
    {F(__sk_buff, data), .target_size = 4, .result = FieldResult::kPacketData, .lower = lower_member,
     .lower_data = M(FlowDissectorKern, data), .since = v(4, 20)},
    {F(__sk_buff, data_end), .target_size = 4, .result = FieldResult::kPacketEnd, .lower = lower_member,
     .lower_data = M(FlowDissectorKern, data_end), .since = v(4, 20)},
    {F(__sk_buff, flow_keys), .target_size = 8, .result = FieldResult::kFlowKeys, .lower = lower_member,
     .lower_data = M(FlowDissectorKern, flow_keys), .since = v(4, 20)},
};

constexpr ContextField kSysctlFields[] = {
    {F(bpf_sysctl, write), .narrow_read = 1, .target_size = 4, .lower = lower_member,
     .lower_data = M(SysctlKern, write), .since = v(5, 2)},
    {F(bpf_sysctl, file_pos), .access = kRead | kWrite, .narrow_read = 1, .target_size = 4,
     .lower = lower_file_pos, .since = v(5, 2)},
};

constexpr ContextField kDeviceFields[] = {
    {F(bpf_cgroup_dev_ctx, access_type), .narrow_read = 1, .traits = kAnySize, .target_size = 4,
     .lower = lower_bytes, .lower_data = M(abi::bpf_cgroup_dev_ctx, access_type), .since = v(4, 15)},
    {F(bpf_cgroup_dev_ctx, major), .target_size = 4, .lower = lower_member,
     .lower_data = M(abi::bpf_cgroup_dev_ctx, major), .since = v(4, 15)},
    {F(bpf_cgroup_dev_ctx, minor), .target_size = 4, .lower = lower_member,
     .lower_data = M(abi::bpf_cgroup_dev_ctx, minor), .since = v(4, 15)},
};

constexpr ContextField kPerfEventFields[] = {
    {.name = "regs",
     .offset = 0,
     .size = sizeof(abi::pt_regs),
     .element = 8,
     .target_size = 8,
     .lower = lower_nested,
     .lower_data = nested(offsetof(PerfEventKern, regs), 0, 8),
     .since = v(4, 9)},
    {F(bpf_perf_event_data, sample_period), .narrow_read = 1, .target_size = 8, .lower = lower_nested,
     .lower_data = S(period), .since = v(4, 9)},
    {F(bpf_perf_event_data, addr), .narrow_read = 1, .target_size = 8, .lower = lower_nested,
     .lower_data = S(addr), .since = v(4, 16)},
};

constexpr ContextField kNetfilterFields[] = {
    {F(bpf_nf_ctx, state), .target_size = 8, .result = FieldResult::kContextPointer, .lower = lower_member,
     .lower_data = M(NetfilterKern, state), .since = v(6, 4)},
    {F(bpf_nf_ctx, skb), .target_size = 8, .result = FieldResult::kContextPointer, .lower = lower_member,
     .lower_data = M(NetfilterKern, skb), .since = v(6, 4)},
};

#undef F
#undef M
#undef S

}  // namespace

const ContextLayout kFlowDissectorLayout = {
    .name = "__sk_buff", .size = sizeof(abi::__sk_buff), .fields = kFlowDissectorFields};
const ContextLayout kSysctlLayout = {
    .name = "bpf_sysctl", .size = sizeof(abi::bpf_sysctl), .fields = kSysctlFields};
const ContextLayout kDeviceLayout = {
    .name = "bpf_cgroup_dev_ctx", .size = sizeof(abi::bpf_cgroup_dev_ctx), .fields = kDeviceFields};
const ContextLayout kPerfEventLayout = {
    .name = "bpf_perf_event_data", .size = sizeof(abi::bpf_perf_event_data), .fields = kPerfEventFields};
const ContextLayout kNetfilterLayout = {
    .name = "bpf_nf_ctx", .size = sizeof(abi::bpf_nf_ctx), .fields = kNetfilterFields};

}  // namespace skep::progtypes
