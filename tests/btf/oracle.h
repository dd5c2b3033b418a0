// The live kernel's answers about BTF. Ask `available()` first: without CAP_BPF there is no oracle.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace skep::btf_test {

struct Verdict {
  int error = 0;  // positive errno, 0: accepted
  std::string log;
  bool operator==(const Verdict&) const = default;
};

bool oracle_available();
Verdict ask_kernel(std::span<const std::byte> btf);
Verdict ask_ours(std::span<const std::byte> btf);

// MAP_CREATE with these types; errno.
struct MapQuestion {
  uint32_t map_type, key_size, value_size, map_flags, key_type_id, value_type_id;
};
int ask_kernel_map(std::span<const std::byte> btf, const MapQuestion& question);

}  // namespace skep::btf_test
