// KernelProfile: which Linux version the tables are read as. A row is visible when row.since <= version;
// what changed without a new row is a named rule below.
#pragma once

#include <cstdint>

namespace skep {

struct KernelVersion {
  uint8_t major = 6;
  uint8_t minor = 18;
  friend constexpr auto operator<=>(const KernelVersion&, const KernelVersion&) = default;
};

// Short spelling for table rows: v(5, 3).
constexpr KernelVersion v(int major, int minor) {
  return {static_cast<uint8_t>(major), static_cast<uint8_t>(minor)};
}

struct KernelProfile {
  KernelVersion version{};

  constexpr bool has(KernelVersion since) const { return since <= version; }
  // Named rules: behaviour that changed between versions without a new table row.
  constexpr bool tag_is_sha256() const { return has(v(6, 18)); }  // SHA-1 before
};

inline constexpr KernelProfile kNewestProfile{};

}  // namespace skep
