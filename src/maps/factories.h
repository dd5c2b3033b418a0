// What the rows of map_types.def point at: the checks and factories of the map types that exist.
#pragma once

#include "maps/map.h"

namespace skep::maps {

Status check_nothing(const MapSpec& spec);  // types whose checks all stand behind the capability check
Status check_array(const MapSpec& spec);
Status check_bloom_filter(const MapSpec& spec);
Status check_devmap(const MapSpec& spec);
Status check_hash(const MapSpec& spec);
Status check_hash_of_maps(const MapSpec& spec);
Status check_local_storage(const MapSpec& spec);
Status check_object_array(const MapSpec& spec);
Status check_queue(const MapSpec& spec);
Status check_reuseport_sockarray(const MapSpec& spec);
Status check_struct_ops(const MapSpec& spec);

Status check_array_btf(const MapSpec& spec, btf::Type key, btf::Type value);
Status check_cgroup_storage_btf(const MapSpec& spec, btf::Type key, btf::Type value);
Status check_key_struct_btf(const MapSpec& spec, btf::Type key, btf::Type value);  // the key is a struct
Status check_keyless_btf(const MapSpec& spec, btf::Type key, btf::Type value);
Status check_no_btf(const MapSpec& spec, btf::Type key, btf::Type value);  // ENOTSUPP: there may be none
Status check_local_storage_btf(const MapSpec& spec, btf::Type key, btf::Type value);

Result<Ref<Map>> create_arena(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_array(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_array_of_maps(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_bloom_filter(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_cgroup_array(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_cgroup_storage(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_cpumap(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_devmap(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_devmap_hash(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_hash(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_hash_of_maps(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_local_storage(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_lpm_trie(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_lru_hash(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_percpu_array(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_perf_event_array(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_prog_array(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_queue(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_reuseport_sockarray(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_ringbuf(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_sockhash(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_sockmap(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_stack_trace(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_struct_ops(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_user_ringbuf(const MapSpec& spec, const MapTypeRow& row);
Result<Ref<Map>> create_xskmap(const MapSpec& spec, const MapTypeRow& row);

}  // namespace skep::maps
