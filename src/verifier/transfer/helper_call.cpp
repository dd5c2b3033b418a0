// Calls of helpers: may the program call it, do the arguments fit its row, what does r0 hold afterwards.
#include <algorithm>

#include "helpers/format.h"
#include "maps/map.h"
#include "verifier/log/print_state.h"
#include "verifier/prune/precision.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

using helpers::Ret;

std::string call_name(uint32_t id) {
  return fmt::format("{}#{}", helpers::name_of(id), static_cast<int32_t>(id));
}

bool has_capability(const Context& c, helpers::Needs needs) {
  const Capabilities& may = c.request.capabilities;
  switch (needs) {
    case helpers::Needs::kNothing:
      return true;
    case helpers::Needs::kBpf:
      return may.bpf;
    case helpers::Needs::kPerfmon:
      return may.perfmon;
    case helpers::Needs::kNetAdmin:
      return may.net_admin;
    case helpers::Needs::kSysAdmin:
      return may.sys_admin;
  }
  return false;
}

Check find_proto(Context& c, uint32_t id, const helpers::HelperProto** out) {
  if (id != 0 && !helpers::is_known_id(id)) return c.reject(EINVAL, "invalid func {}", call_name(id));
  const helpers::HelperProto* proto = c.insn_info(c.insn_index).helper;
  if (!proto || !(proto->impl || proto->traits & helpers::kTailCall) || !has_capability(c, proto->needs))
    return c.reject(EINVAL, "program of this type cannot use helper {}", call_name(id));
  if (proto->traits & helpers::kGplOnly && !c.request.gpl_compatible)
    return c.reject(EINVAL, "cannot call GPL-restricted function from non-GPL compatible program");
  if (proto->traits & helpers::kMightSleep && !(c.request.prog_flags & abi::BPF_F_SLEEPABLE))
    return c.reject(EINVAL, "helper call might sleep in a non-sleepable prog");
  *out = proto;
  return {};
}

Check check_map(Context& c, uint32_t id, const CallFacts& call) {
  if (!call.map) return {};
  const maps::MapTypeRow& row = call.map->row();
  if (!row.helpers.has(id))
    return c.reject(EINVAL, "cannot pass map_type {} into func {}", row.type, call_name(id));
  return {};
}

// What a lookup yields is memory of the value only in these; others hand out objects.
bool holds_plain_values(uint32_t map_type) {
  switch (map_type) {
    case abi::BPF_MAP_TYPE_HASH:
    case abi::BPF_MAP_TYPE_ARRAY:
    case abi::BPF_MAP_TYPE_PERCPU_HASH:
    case abi::BPF_MAP_TYPE_PERCPU_ARRAY:
    case abi::BPF_MAP_TYPE_LRU_HASH:
    case abi::BPF_MAP_TYPE_LRU_PERCPU_HASH:
    case abi::BPF_MAP_TYPE_LPM_TRIE:
    case abi::BPF_MAP_TYPE_CGROUP_STORAGE:
    case abi::BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
    case abi::BPF_MAP_TYPE_SK_STORAGE:
    case abi::BPF_MAP_TYPE_TASK_STORAGE:
    case abi::BPF_MAP_TYPE_INODE_STORAGE:
    case abi::BPF_MAP_TYPE_CGRP_STORAGE:
      return true;
    default:
      return false;
  }
}

// Map operations must not get round BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG.
Check check_map_flags(Context& c, uint32_t id, const CallFacts& call) {
  if (!call.map) return {};
  const uint32_t flags = call.map->spec().flags;
  switch (id) {
    case abi::BPF_FUNC_map_update_elem:
    case abi::BPF_FUNC_map_delete_elem:
    case abi::BPF_FUNC_map_push_elem:
    case abi::BPF_FUNC_map_pop_elem:
      if (flags & abi::BPF_F_RDONLY_PROG) return c.reject(EACCES, "write into map forbidden");
      return {};
    default:
      return {};
  }
}

void remember_map(Context& c, const CallFacts& call) {
  if (!call.map) return;
  InsnInfo& info = c.insn_info(c.insn_index);
  if (!info.call_map)
    info.call_map = call.map;
  else if (info.call_map != call.map)
    info.call_map_poisoned = true;
}

Check check_tail_call(Context& c, uint32_t id, const CallFacts& call) {
  if (id != abi::BPF_FUNC_tail_call) return {};
  if (!call.map || call.map->spec().type != abi::BPF_MAP_TYPE_PROG_ARRAY)
    return c.reject(EINVAL, "expected prog array map for tail call");
  const Bounds& index = c.reg(3).bounds;
  if (!c.reg(3).is_scalar() || !index.is_const() || index.bits.value >= call.map->spec().max_entries)
    return {};
  return mark_precise(c, 3);
}

Check release_argument(Context& c, uint32_t id, const CallFacts& call) {
  if (!call.release_reg) return {};
  if (call.ref_obj_id ? release_reference(c, call.ref_obj_id).ok() : c.reg(call.release_reg).is_null())
    return {};
  return c.reject(EINVAL, "func {} reference has not been acquired before", call_name(id));
}

RegState result_register(Context& c, uint32_t id, const CallFacts& call) {
  const auto null = static_cast<uint8_t>(call.proto->ret_flags & helpers::kMaybeNull ? kPtrMaybeNull : 0);
  switch (call.proto->ret) {
    case Ret::kInteger:
      return unknown_scalar(c);
    case Ret::kMapValue: {
      RegState r = RegState::pointer(RegKind::kMapValue, null);
      r.map = call.map;
      if (id == abi::BPF_FUNC_map_lookup_elem && call.constant_key >= 0 &&
          call.constant_key < call.map->spec().max_entries)
        r.flags = 0;
      return r;
    }
    case Ret::kSocket:
      return RegState::pointer(RegKind::kSocket, null);
    case Ret::kTcpSock:
      return RegState::pointer(RegKind::kTcpSock, null);
    case Ret::kSockCommon:
      return RegState::pointer(RegKind::kSockCommon, null);
    case Ret::kRingbufMem: {
      RegState r = RegState::pointer(RegKind::kMem, static_cast<uint8_t>(null | kMemRingbuf));
      r.mem_size = static_cast<uint32_t>(call.mem_size);
      return r;
    }
    default:
      return RegState{};
  }
}

// Some helpers promise a range.
void refine_result(Context& c, uint32_t id, const CallFacts& call) {
  if (call.proto->ret != Ret::kInteger) return;
  Bounds& b = c.reg(0).bounds;
  constexpr int32_t kMaxErrno = 4095;
  switch (id) {
    case abi::BPF_FUNC_get_stack:
    case abi::BPF_FUNC_get_task_stack:
    case abi::BPF_FUNC_probe_read_str:
    case abi::BPF_FUNC_probe_read_kernel_str:
    case abi::BPF_FUNC_probe_read_user_str:
      b.smax = static_cast<int64_t>(call.size_max);
      b.s32max = static_cast<int32_t>(call.size_max);
      b.smin = b.s32min = -kMaxErrno;
      b.sync();
      return;
    case abi::BPF_FUNC_get_smp_processor_id:
      b.umax = b.u32max = maps::possible_cpus() - 1;
      b.smax = b.s32max = static_cast<int32_t>(b.u32max);
      b.umin = b.u32min = 0;
      b.smin = b.s32min = 0;
      b.sync();
      return;
    default:
      return;
  }
}

// bpf_snprintf: the format is a constant, so it is checked here and not at each call.
Check check_format(Context& c, uint32_t id) {
  if (id != abi::BPF_FUNC_snprintf) return {};
  const uint64_t data_size = c.reg(5).bounds.bits.value;
  if (data_size % 8 != 0) return c.reject(EINVAL, "the data of bpf_snprintf is not an array of u64");
  const RegState& format = c.reg(3);
  const auto off = static_cast<uint32_t>(format.fixed_offset());
  auto address = const_cast<maps::Map&>(*format.map).direct_value_address(off);
  if (!address) return c.reject(EFAULT, "the format string cannot be read");
  const std::string_view text(reinterpret_cast<const char*>(*address), format.map->spec().value_size - off);
  if (helpers::check_format(text.substr(0, text.find('\0') + 1), data_size / 8) != 0)
    return c.reject(EINVAL, "Invalid format string");
  return {};
}

}  // namespace

Check do_helper_call(Context& c) {
  const auto id = static_cast<uint32_t>(c.insn(c.insn_index).imm);
  CallFacts call;
  SKEP_REQUIRE(find_proto(c, id, &call.proto));
  for (int i = 0; i < 5; ++i) SKEP_REQUIRE(check_helper_argument(c, i, call));
  if (call.proto->traits & helpers::kCallback)
    return c.reject(EINVAL, "helper {} calls back into the program, which is not supported", call_name(id));
  remember_map(c, call);
  SKEP_REQUIRE(check_map_flags(c, id, call));
  SKEP_REQUIRE(check_tail_call(c, id, call));
  for (int i = 0; i < call.memory.size; ++i)
    SKEP_REQUIRE(access_memory(c, call.memory.reg, i, 1, AccessType::kWrite, -1, false, false));
  SKEP_REQUIRE(release_argument(c, id, call));
  if (id == abi::BPF_FUNC_tail_call) SKEP_REQUIRE(no_leaked_references(c, "tail_call"));
  if (id == abi::BPF_FUNC_get_local_storage && !c.reg(2).is_null())
    return c.reject(EINVAL, "get_local_storage() doesn't support non-zero flags");
  SKEP_REQUIRE(check_format(c, id));
  if ((call.proto->ret == Ret::kMapValue || call.proto->ret == Ret::kRingbufMem) && !call.map)
    return c.internal_error("helper returns memory of no map");
  clear_caller_saved(c);
  RegState& r0 = c.reg(0);
  r0 = result_register(c, id, call);
  if (r0.maybe_null()) r0.id = c.new_id();
  if (call.proto->traits & helpers::kAcquires) {
    const uint32_t ref = c.new_id();
    c.state->refs.push_back({ref, static_cast<uint32_t>(c.insn_index)});
    r0.id = r0.ref_obj_id = ref;
  } else if (r0.is_socket() && call.ref_obj_id) {
    r0.ref_obj_id = call.ref_obj_id;  // a cast of a socket is released with the socket
  }
  refine_result(c, id, call);
  SKEP_REQUIRE(check_map(c, id, call));
  if (call.proto->ret == Ret::kMapValue && !holds_plain_values(call.map->spec().type))
    return c.reject(EINVAL, "lookups in maps of type {} are not supported", call.map->row().name);
  // Behind a tail call of the program itself it is certain that no other program ran.
  const bool untouched = call.proto->traits & helpers::kTailCall && c.state->depth() == 0;
  if (call.proto->traits & helpers::kChangesPacketData && !untouched) clear_packet_pointers(c);
  return {};
}

}  // namespace skep::verifier
