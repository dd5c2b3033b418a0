// What the subcommands share in talking to a person: one clear line on standard error, and bytes in and out.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace skep::cli {

// Prints "skep: <message>" on standard error and returns exit status 1.
int complain(const std::string& message);
int complain(const Error& error);

// "hex:0a1b..." (spaces allowed) or the name of a file. EINVAL for bad hex, the file's errno otherwise.
Result<std::vector<std::byte>> read_bytes(const std::string& source);

std::string to_hex(std::span<const std::byte> bytes);

}  // namespace skep::cli
