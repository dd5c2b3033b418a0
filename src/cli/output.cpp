#include "cli/output.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

namespace skep::cli {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::vector<std::byte>> parse_hex(std::string_view text) {
  std::vector<std::byte> bytes;
  int high = -1;
  for (const char c : text) {
    if (c == ' ' || c == ':' || c == '\n') continue;
    const int digit = hex_digit(c);
    if (digit < 0) return fail(EINVAL, fmt::format("'{}' is not a hexadecimal digit", c));
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<std::byte>(high << 4 | digit));
      high = -1;
    }
  }
  if (high >= 0) return fail(EINVAL, "an odd number of hexadecimal digits");
  return bytes;
}

}  // namespace

int complain(const std::string& message) {
  fmt::print(stderr, "skep: {}\n", message);
  return 1;
}

int complain(const Error& error) {
  return complain(error.message.empty() ? std::strerror(error.code) : error.message);
}

Result<std::vector<std::byte>> read_bytes(const std::string& source) {
  if (source.starts_with("hex:")) return parse_hex(std::string_view(source).substr(4));
  std::ifstream file(source, std::ios::binary);
  if (!file) return fail(errno, source + ": " + std::strerror(errno));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (file.bad()) return fail(EIO, source + ": cannot be read");
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return std::vector<std::byte>(begin, begin + text.size());
}

std::string to_hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte b : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(b));
  return text;
}

}  // namespace skep::cli
