// Where libbpf's bpf(2) goes, and the time that its last PROG_LOAD took (libbpf's feature probes come before
// the program's own load). Free of our abi/ headers, for loader.cpp, which includes <linux/bpf.h>.
#pragma once

#include <cstdint>

namespace skep::cli {

// To the running kernel instead of the in-process one: the oracle of `skep verify --live`.
void use_live_kernel();

void reset_load_time();
uint64_t load_time_us();

}  // namespace skep::cli
