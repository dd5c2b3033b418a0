// Where a check of BTF writes its log, line by line as Linux's BTF verifier does. The owner bounds what it
// keeps.
#pragma once

#include <string>
#include <string_view>

namespace skep::btf {

class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(std::string_view text) = 0;
};

// Keeps everything: for tests and for callers that know their input to be small.
class StringLog final : public LogSink {
 public:
  void write(std::string_view text) override { text_ += text; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace skep::btf
