#include <array>

#include "abi/bpf.h"
#include "abi/helper_ids.h"
#include "helpers/impl.h"
#include "helpers/program_sets.h"
#include "helpers/proto.h"

namespace skep::helpers {
namespace {

constexpr HelperProto kTable[] = {
#include "helpers/helpers.def"
};

// Rows of one id stand together and serve disjoint (program type, attach type) pairs.
constexpr bool rows_are_disjoint() {
  uint32_t previous = 0;
  for (const HelperProto& row : kTable) {
    if (row.id < previous) return false;
    previous = row.id;
    for (const HelperProto* other = &row + 1; other != kTable + std::size(kTable) && other->id == row.id;
         ++other)
      if ((other->programs & row.programs) != 0 && (other->attach_types & row.attach_types) != 0)
        return false;
  }
  return true;
}
static_assert(rows_are_disjoint());

// Where the rows of each id start.
constexpr auto kFirstRow = [] {
  std::array<uint16_t, abi::__BPF_FUNC_MAX_ID + 1> first{};
  size_t row = 0;
  for (uint32_t id = 0; id < first.size(); ++id) {
    while (row < std::size(kTable) && kTable[row].id < id) ++row;
    first[id] = static_cast<uint16_t>(row);
  }
  return first;
}();

}  // namespace

std::span<const HelperProto> table() { return kTable; }

const HelperProto* find_known(uint32_t id, uint32_t prog_type, uint32_t expected_attach_type,
                              KernelProfile profile) {
  if (!is_known_id(id) || prog_type >= 64) return nullptr;
  for (size_t index = kFirstRow[id]; index < kFirstRow[id + 1]; ++index) {
    const HelperProto& row = kTable[index];
    if ((row.programs >> prog_type & 1) == 0 || !profile.has(row.since)) continue;
    const bool attaches = row.attach_types == ~uint64_t{0} ||
                          (expected_attach_type < 64 && (row.attach_types >> expected_attach_type & 1) != 0);
    if (attaches) return &row;
  }
  return nullptr;
}

const HelperProto* find(uint32_t id, uint32_t prog_type, uint32_t expected_attach_type,
                        KernelProfile profile) {
  const HelperProto* row = find_known(id, prog_type, expected_attach_type, profile);
  return row != nullptr && row->built() ? row : nullptr;
}

}  // namespace skep::helpers
