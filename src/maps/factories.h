// What the rows of map_types.def point at: the checks and factories of the map types that exist.
#pragma once

#include "maps/map.h"

namespace skep::maps {

Status check_nothing(const MapSpec& spec);  // types whose checks all stand behind the capability check
Status check_array(const MapSpec& spec);
Status check_hash(const MapSpec& spec);
Status check_prog_array(const MapSpec& spec);

Status check_array_btf(const MapSpec& spec, btf::Type key, btf::Type value);

Result<Ref<Map>> create_array(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_percpu_array(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_hash(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_percpu_hash(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_prog_array(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_ringbuf(const MapSpec& spec, const MapTypeRow& row);

}  // namespace skep::maps
