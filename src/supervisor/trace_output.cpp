#include "supervisor/trace_output.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>

namespace skep::supervisor {

namespace {

constexpr size_t kBufferBytes = 1 << 20;  // lines kept while nobody reads

bool reader_is_gone(const UniqueFd& pipe) {
  pollfd poll_fd{pipe.get(), POLLOUT, 0};
  return ::poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLERR) != 0;
}

}  // namespace

void TraceOutput::print(std::string_view line) {
  std::lock_guard lock(mutex_);
  lines_.emplace_back(line);
  buffered_bytes_ += line.size();
  flush_locked();
  while (buffered_bytes_ > kBufferBytes) {
    buffered_bytes_ -= lines_.front().size();
    lines_.pop_front();
  }
}

void TraceOutput::flush_locked() {
  std::erase_if(readers_, reader_is_gone);
  for (UniqueFd& reader : readers_) {
    while (!lines_.empty()) {
      const std::string& line = lines_.front();
      // A line is shorter than PIPE_BUF: all of it is written, or nothing.
      if (::write(reader.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) break;
      buffered_bytes_ -= line.size();
      lines_.pop_front();
    }
  }
}

bool TraceOutput::flush() {
  std::lock_guard lock(mutex_);
  flush_locked();
  return !lines_.empty() && !readers_.empty();
}

Result<UniqueFd> TraceOutput::open_reader(bool nonblocking) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_last();
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  if (::fcntl(write_end.get(), F_SETFL, O_NONBLOCK) != 0) return fail_last();
  if (nonblocking && ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK) != 0) return fail_last();
  std::lock_guard lock(mutex_);
  readers_.push_back(std::move(write_end));
  flush_locked();
  return read_end;
}

size_t TraceOutput::reader_count() {
  std::lock_guard lock(mutex_);
  std::erase_if(readers_, reader_is_gone);
  return readers_.size();
}

std::string TraceOutput::snapshot() {
  std::lock_guard lock(mutex_);
  std::string text;
  for (const std::string& line : lines_) text += line;
  return text;
}

}  // namespace skep::supervisor
