// The BTF of the kernel that programs are told they run on.
//
// It is the host's own where that is readable. Read once, on first use; threads may ask at the same time.
#pragma once

#include "base/ref.h"
#include "base/result.h"
#include "btf/btf.h"

namespace skep::btf {

// ENOENT where this machine shows none.
Result<Ref<const Btf>> vmlinux();

// Parses a file of raw BTF (as in /sys/kernel/btf).
Result<Ref<const Btf>> load_file(const char* path, const ParseOptions& options);

}  // namespace skep::btf
