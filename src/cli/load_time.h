// The time that libbpf's last PROG_LOAD took in the in-process kernel. libbpf's feature probes come before the
// program's own load. Free of our abi/ headers, for loader.cpp, which includes <linux/bpf.h>.
#pragma once

#include <cstdint>

namespace skep::cli {

void reset_load_time();
uint64_t load_time_us();

}  // namespace skep::cli
