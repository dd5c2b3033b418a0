// Files whose bytes are computed when they are opened.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skep::supervisor {

// A read-only, seekable file that holds `text`.
Result<UniqueFd> content_fd(std::string_view text);

// The whole of a file, for /proc files of clients. Empty when it cannot be read.
std::string read_file(const std::string& path);

}  // namespace skep::supervisor
