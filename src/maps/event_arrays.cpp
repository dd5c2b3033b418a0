// perf_event_array and cgroup_array: slots that hold objects of other layers. What a program does with them
// (bpf_perf_event_output, bpf_current_task_under_cgroup) is not built; to clients the slots work.
#include "abi/bpf.h"
#include "maps/factories.h"
#include "maps/object_array.h"

namespace skep::maps {
namespace {

class PerfEventArray final : public ObjectArrayMap {
 public:
  using ObjectArrayMap::ObjectArrayMap;
  // Linux takes an event out when the map's fd through which it was put in closes.
  void user_references_gone() override {
    if (!(spec().flags & abi::BPF_F_PRESERVE_ELEMS)) clear();
  }
};

class CgroupArray final : public ObjectArrayMap {
 public:
  using ObjectArrayMap::ObjectArrayMap;
};

}  // namespace

Result<Ref<Map>> create_perf_event_array(const MapSpec& spec, const MapTypeRow& row) {
  return make_ref<PerfEventArray>(spec, row, SKEP_TRY(object_slots(spec)));
}

Result<Ref<Map>> create_cgroup_array(const MapSpec& spec, const MapTypeRow& row) {
  return make_ref<CgroupArray>(spec, row, SKEP_TRY(object_slots(spec)));
}

}  // namespace skep::maps
