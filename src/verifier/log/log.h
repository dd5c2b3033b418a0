// Log: the verifier's text, kept as much as the client's buffer takes, with the total length counted.
//
// Rotating by default: the end is kept. Fixed (level bit 8): the beginning. A path that turned out safe takes
// its lines back (reset_to), as Linux does at level 1.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "btf/log.h"

namespace skep::verifier {

enum LogLevel : uint32_t { kLevel1 = 1, kLevel2 = 2, kLevelStats = 4, kLevelFixed = 8, kLevelAny = 3 };

class Log final : public btf::LogSink {
 public:
  Log(uint32_t level, uint64_t capacity) : level_(level), capacity_(capacity) {}

  uint32_t level() const { return level_; }
  bool any() const { return level_ & kLevelAny; }
  bool detailed() const { return level_ & kLevel2; }
  bool stats() const { return level_ & kLevelStats; }
  uint64_t position() const { return position_; }

  void write(std::string_view text) override;
  template <class... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) {
    if (level_ != 0) write(fmt::format(format, std::forward<Args>(args)...));
  }
  // Forgets what came after `position`.
  void reset_to(uint64_t position);

  std::string take_text();
  uint64_t true_size() const { return longest_ + 1; }
  bool truncated() const { return level_ != 0 && true_size() > capacity_; }

 private:
  uint32_t level_;
  uint64_t capacity_;
  uint64_t position_ = 0;  // bytes written and not taken back
  uint64_t longest_ = 0;
  uint64_t dropped_ = 0;  // bytes before text_[0] (rotating)
  std::string text_;
};

}  // namespace skep::verifier
