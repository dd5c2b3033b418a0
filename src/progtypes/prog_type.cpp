#include "progtypes/prog_type.h"

#include "progtypes/ctx/layouts.h"

namespace skep::progtypes {
namespace {

constexpr ReturnRange within(int32_t low, int32_t high) {
  return {.low = low, .high = high, .enforced = true};
}

constexpr ProgTypeRow kProgTypes[] = {
#include "progtypes/prog_types.def"
};

constexpr AttachTypeRow kAttachTypes[] = {
#include "progtypes/attach_types.def"
};

constexpr bool prog_types_in_order() {
  uint32_t expected = 0;
  for (const ProgTypeRow& row : kProgTypes)
    if (row.type != expected++) return false;
  return expected == abi::__MAX_BPF_PROG_TYPE;
}
static_assert(prog_types_in_order());

constexpr bool every_attach_type_has_a_row() {
  for (uint32_t type = 0; type < abi::__MAX_BPF_ATTACH_TYPE; ++type) {
    bool found = false;
    for (const AttachTypeRow& row : kAttachTypes) found |= row.type == type;
    if (!found) return false;
  }
  return true;
}
static_assert(every_attach_type_has_a_row());

constexpr bool cgroup_slots_are_unique() {
  uint64_t seen = 0;
  for (const AttachTypeRow& row : kAttachTypes) {
    if (row.cgroup_slot < 0) continue;
    if (row.cgroup_slot >= kMaxCgroupSlots || (seen >> row.cgroup_slot & 1) != 0) return false;
    seen |= uint64_t{1} << row.cgroup_slot;
  }
  return true;
}
static_assert(cgroup_slots_are_unique());

}  // namespace

std::span<const ProgTypeRow> prog_types() { return kProgTypes; }

const ProgTypeRow* find_prog_type(uint32_t type, KernelProfile profile) {
  if (type >= abi::__MAX_BPF_PROG_TYPE || !profile.has(kProgTypes[type].since)) return nullptr;
  return &kProgTypes[type];
}

std::span<const AttachTypeRow> attach_types() { return kAttachTypes; }

const AttachTypeRow* find_attach_type(uint32_t attach_type, uint32_t prog_type, KernelProfile profile) {
  for (const AttachTypeRow& row : kAttachTypes)
    if (row.type == attach_type && row.prog_type == prog_type && profile.has(row.since)) return &row;
  return nullptr;
}

const AttachTypeRow* find_attach_type(uint32_t attach_type) {
  for (const AttachTypeRow& row : kAttachTypes)
    if (row.type == attach_type) return &row;
  return nullptr;
}

Status check_expected_attach_type(const ProgTypeRow& type, uint32_t expected_attach_type) {
  if (!type.expected_attach_type_checked) return {};
  if (expected_attach_type == 0 && type.attach_type_zero_ok) return {};
  if (find_attach_type(expected_attach_type, type.type) == nullptr) return fail(EINVAL);
  return {};
}

uint32_t effective_attach_type(const ProgTypeRow& type, uint32_t expected_attach_type) {
  return expected_attach_type == 0 && type.attach_type_zero_ok ? type.default_attach_type
                                                               : expected_attach_type;
}

ReturnRange return_range(const ProgTypeRow& type, uint32_t expected_attach_type) {
  uint32_t attach_type = effective_attach_type(type, expected_attach_type);
  if (const AttachTypeRow* row = find_attach_type(attach_type, type.type)) return row->range;
  // A type with one place to attach to has its range whatever the load says.
  const AttachTypeRow* only = nullptr;
  for (const AttachTypeRow& row : kAttachTypes) {
    if (row.prog_type != type.type) continue;
    if (only != nullptr) return {};
    only = &row;
  }
  return only != nullptr ? only->range : ReturnRange{};
}

}  // namespace skep::progtypes
