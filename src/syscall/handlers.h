// The handlers that commands.def names, one file per family of commands.
#pragma once

#include "syscall/call.h"

namespace skep::syscall {

Result<int64_t> map_create(Call& call);
Result<int64_t> map_lookup(Call& call);
Result<int64_t> map_update(Call& call);
Result<int64_t> map_delete(Call& call);
Result<int64_t> map_next_key(Call& call);
Result<int64_t> map_lookup_and_delete(Call& call);
Result<int64_t> map_freeze(Call& call);
Result<int64_t> map_lookup_batch(Call& call);
Result<int64_t> map_lookup_and_delete_batch(Call& call);
Result<int64_t> map_update_batch(Call& call);
Result<int64_t> map_delete_batch(Call& call);
Result<int64_t> prog_load(Call& call);
Result<int64_t> btf_load(Call& call);
Result<int64_t> obj_pin(Call& call);
Result<int64_t> obj_get(Call& call);
Result<int64_t> prog_attach(Call& call);
Result<int64_t> prog_detach(Call& call);
Result<int64_t> prog_query(Call& call);
Result<int64_t> prog_test_run(Call& call);
Result<int64_t> prog_get_next_id(Call& call);
Result<int64_t> map_get_next_id(Call& call);
Result<int64_t> btf_get_next_id(Call& call);
Result<int64_t> link_get_next_id(Call& call);
Result<int64_t> prog_get_fd_by_id(Call& call);
Result<int64_t> map_get_fd_by_id(Call& call);
Result<int64_t> btf_get_fd_by_id(Call& call);
Result<int64_t> link_get_fd_by_id(Call& call);
Result<int64_t> obj_get_info(Call& call);
Result<int64_t> raw_tracepoint_open(Call& call);
Result<int64_t> task_fd_query(Call& call);
Result<int64_t> link_create(Call& call);
Result<int64_t> link_update(Call& call);
Result<int64_t> link_detach(Call& call);
Result<int64_t> iter_create(Call& call);
Result<int64_t> enable_stats(Call& call);
Result<int64_t> prog_bind_map(Call& call);

}  // namespace skep::syscall
