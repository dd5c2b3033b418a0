#include "verifier/log/log.h"

#include <algorithm>

namespace skep::verifier {

void Log::write(std::string_view text) {
  if (level_ == 0) return;
  const uint64_t room = capacity_ > 0 ? capacity_ - 1 : 0;
  if (level_ & kLevelFixed) {
    if (position_ < room) text_.append(text.substr(0, std::min<uint64_t>(text.size(), room - position_)));
  } else {
    text_.append(text);
    // Trim in large steps, so that a long log costs linear time.
    if (text_.size() > 2 * room + 4096) {
      const uint64_t excess = text_.size() - room;
      text_.erase(0, excess);
      dropped_ += excess;
    }
  }
  position_ += text.size();
  longest_ = std::max(longest_, position_);
}

void Log::reset_to(uint64_t position) {
  if (level_ == 0 || position >= position_) return;
  position_ = position;
  if (position < dropped_) {
    dropped_ = position;
    text_.clear();
  } else if (position - dropped_ < text_.size()) {
    text_.resize(position - dropped_);
  }
}

std::string Log::take_text() {
  const uint64_t room = capacity_ > 0 ? capacity_ - 1 : 0;
  if (text_.size() > room) {
    if (level_ & kLevelFixed)
      text_.resize(room);
    else
      text_.erase(0, text_.size() - room);
  }
  return std::move(text_);
}

}  // namespace skep::verifier
