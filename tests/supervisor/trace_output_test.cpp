// trace_pipe: lines wait for a reader, each goes to one reader once, a slow reader loses nothing within the
// bound.
#include "supervisor/trace_output.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace skep::supervisor {
namespace {

std::string drain(const UniqueFd& reader) {
  std::string text;
  char buffer[65536];
  ssize_t count;
  while ((count = ::read(reader.get(), buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<size_t>(count));
  return text;
}

TEST(TraceOutput, KeepsLinesUntilSomebodyReads) {
  TraceOutput output;
  output.print("one\n");
  output.print("two\n");
  EXPECT_EQ(output.snapshot(), "one\ntwo\n");
  const auto reader = output.open_reader(true);
  ASSERT_TRUE(reader);
  EXPECT_EQ(drain(*reader), "one\ntwo\n");
  output.print("three\n");
  EXPECT_EQ(drain(*reader), "three\n");
  EXPECT_EQ(output.snapshot(), "");
}

TEST(TraceOutput, ForgetsReadersThatClosed) {
  TraceOutput output;
  {
    const auto reader = output.open_reader(true);
    EXPECT_EQ(output.reader_count(), 1u);
  }
  EXPECT_EQ(output.reader_count(), 0u);
  output.print("kept\n");
  EXPECT_EQ(output.snapshot(), "kept\n");
}

TEST(TraceOutput, SlowReaderGetsEverythingInOrder) {
  TraceOutput output;
  const auto reader = output.open_reader(true);
  std::string expected, got;
  for (int i = 0; i < 10000; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    output.print(line);
    expected += line;
  }
  EXPECT_TRUE(output.flush());
  while (got.size() < expected.size()) {
    const std::string part = drain(*reader);
    ASSERT_FALSE(part.empty());
    got += part;
    output.flush();
  }
  EXPECT_EQ(got, expected);
  EXPECT_FALSE(output.flush());
}

TEST(TraceOutput, DropsTheOldestPastTheBound) {
  TraceOutput output;
  const std::string line(1000, 'x');
  for (int i = 0; i < 2000; ++i) output.print(line + "\n");
  const std::string kept = output.snapshot();
  EXPECT_LE(kept.size(), size_t{1} << 20);
  EXPECT_GT(kept.size(), size_t{1000} << 10);
}

}  // namespace
}  // namespace skep::supervisor
