#include "objects/fd_broker.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include <array>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "objects/kernel.h"

namespace skep::objects {
namespace {

// The restricted modes of a map whose memory clients may only read: the open mode cannot tell them apart, and
// O_DSYNC is a flag that fcntl cannot change afterwards.
constexpr int kReadOnlyMark = O_DSYNC;

// What bpftool looks for in the link text of /proc/PID/fd/N.
std::string_view file_name(const Object& object) {
  static constexpr std::array<std::string_view, 5> kNames = {"bpf-map", "bpf-prog", "bpf-link", "btf",
                                                             "perf_event"};
  return kNames[object.index()];
}

// How Linux opens the object's file.
int open_mode(const Object& object) {
  const bool read_write =
      std::holds_alternative<Ref<maps::Map>>(object) || std::holds_alternative<Ref<Program>>(object);
  return read_write ? O_RDWR : O_RDONLY;
}

std::string fd_path(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

Result<FdIdentity> identity_of(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0) return fail_last();
  return FdIdentity{status.st_dev, status.st_ino};
}

bool is_pipe(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

int map_open_flags(FdMode mode, bool writable_memory) {
  if (!writable_memory) return O_RDONLY | (mode == FdMode::kReadOnly ? kReadOnlyMark : 0);
  switch (mode) {
    case FdMode::kReadOnly:
      return O_RDONLY | kReadOnlyMark;
    case FdMode::kWriteOnly:
      return O_WRONLY;
    case FdMode::kReadWrite:
      break;
  }
  return O_RDWR;
}

FdMode map_mode(int open_flags) {
  if ((open_flags & O_ACCMODE) == O_WRONLY) return FdMode::kWriteOnly;
  return (open_flags & kReadOnlyMark) == kReadOnlyMark ? FdMode::kReadOnly : FdMode::kReadWrite;
}

// Our end of one FIFO, and what its other end stands for.
struct PipeEntry {
  std::optional<UserReference> reference;
  FdMode mode = FdMode::kReadWrite;
  std::function<void()> closed;
  UniqueFd writer;
};

// A memfd of which somebody outside holds at least one open file.
struct MemoryEntry {
  UserReference reference;
  UniqueFd probe;  // our only counted open: the lease is granted when no other is left
  int watch = -1;
};

// True when `probe` is the only open file of its inode.
bool only_opener(int probe) {
  if (fcntl(probe, F_SETLEASE, F_WRLCK) != 0) return false;
  fcntl(probe, F_SETLEASE, F_UNLCK);
  return true;
}

bool has_no_reader(int writer) {
  pollfd asked = {writer, 0, 0};
  return poll(&asked, 1, 0) == 1 && (asked.revents & POLLERR) != 0;
}

}  // namespace

struct FdBroker::State {
  std::string directory;
  UniqueFd epoll, inotify, timer, stop;
  std::thread thread;

  mutable std::mutex mutex;
  std::map<FdIdentity, PipeEntry> pipes;
  std::map<int, FdIdentity> pipe_of_writer;
  std::map<FdIdentity, MemoryEntry> memories;
  std::map<int, FdIdentity> memory_of_watch;
  // Memories with a close not yet explained: the kernel reports a close before it stops counting the file.
  std::set<FdIdentity> suspects;
  int retries_left = 0;

  Result<BrokeredFd> make_pipe(std::string_view name, int mode, PipeEntry entry);
  Result<BrokeredFd> open_memory(const Ref<maps::Map>& map, const maps::Mapping& mapping, FdMode mode);
  Status watch(int fd, void* tag);
  void read_inotify();
  void arm_timer();
  // Entries whose last copy is gone, moved out so that their objects are dropped without the lock.
  std::vector<MemoryEntry> take_idle_memories();
  std::optional<PipeEntry> take_pipe(int writer);
};

Status FdBroker::State::watch(int fd, void* tag) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.ptr = tag;
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_last();
  return {};
}

FdBroker::FdBroker(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<FdBroker>> FdBroker::create(const std::string& runtime_directory, bool own_thread) {
  auto state = std::make_unique<State>();
  state->directory = runtime_directory;
  state->epoll = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  state->inotify = UniqueFd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  state->timer = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  state->stop = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!state->epoll || !state->inotify || !state->timer || !state->stop) return fail_last();
  for (UniqueFd* fd : {&state->inotify, &state->timer, &state->stop}) SKEP_TRY(state->watch(fd->get(), fd));

  std::unique_ptr<FdBroker> broker(new FdBroker(std::move(state)));
  if (own_thread)
    broker->state_->thread = std::thread([raw = broker.get()] {
      pollfd waiting[2] = {{raw->state_->epoll.get(), POLLIN, 0}, {raw->state_->stop.get(), POLLIN, 0}};
      while (waiting[1].revents == 0) {
        if (poll(waiting, 2, -1) < 0 && errno != EINTR) return;
        raw->process_events();
      }
    });
  return broker;
}

FdBroker::~FdBroker() {
  const uint64_t one = 1;
  if (write(state_->stop.get(), &one, sizeof(one)) != sizeof(one)) return;
  if (state_->thread.joinable()) state_->thread.join();
}

Result<BrokeredFd> FdBroker::make_fd(Object object, FdMode mode) {
  if (const auto* map = std::get_if<Ref<maps::Map>>(&object); map != nullptr && (*map)->row().mappable)
    if (auto mapping = (*map)->mapping()) return state_->open_memory(*map, *mapping, mode);
  const std::string_view name = file_name(object);
  const int flags = open_mode(object);
  return state_->make_pipe(
      name, flags, {.reference = UserReference(std::move(object)), .mode = mode, .closed = {}, .writer = {}});
}

Result<BrokeredFd> FdBroker::make_notifier_fd(std::string_view name, std::function<void()> closed) {
  return state_->make_pipe(
      name, O_RDONLY,
      {.reference = {}, .mode = FdMode::kReadOnly, .closed = std::move(closed), .writer = {}});
}

Result<BrokeredFd> FdBroker::State::make_pipe(std::string_view name, int mode, PipeEntry entry) {
  const std::string path = fmt::format("{}/{}", directory, name);
  std::lock_guard lock(mutex);
  if (mkfifo(path.c_str(), 0600) != 0) return fail_last();
  BrokeredFd made;
  // A process of our user may put another file in its place: what is handed out must be this pipe.
  constexpr int kFlags = O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW;
  made.fd = UniqueFd(open(path.c_str(), mode | kFlags));
  const int open_error = errno;
  if (made.fd) entry.writer = UniqueFd(open(path.c_str(), O_WRONLY | kFlags));
  const int writer_error = errno;
  unlink(path.c_str());
  if (!made.fd) return fail(open_error);
  if (!entry.writer) return fail(writer_error);
  made.identity = SKEP_TRY(identity_of(made.fd.get()));
  if (!is_pipe(made.fd.get()) || made.identity != SKEP_TRY(identity_of(entry.writer.get()))) return fail(EIO);

  const int writer = entry.writer.get();
  epoll_event event = {};  // the error that a closed reader raises is always reported
  event.events = 0;
  event.data.u64 = (static_cast<uint64_t>(writer) << 1) | 1;
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, writer, &event) != 0) return fail_last();
  pipe_of_writer[writer] = made.identity;
  pipes.emplace(made.identity, std::move(entry));
  return made;
}

Result<BrokeredFd> FdBroker::State::open_memory(const Ref<maps::Map>& map, const maps::Mapping& mapping,
                                                FdMode mode) {
  const std::string path = fd_path(mapping.fd);
  std::lock_guard lock(mutex);
  BrokeredFd made;
  made.identity = SKEP_TRY(identity_of(mapping.fd));
  auto found = memories.find(made.identity);
  MemoryEntry fresh;
  if (found == memories.end()) {
    fresh.probe = UniqueFd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!fresh.probe) return fail_last();
    fresh.watch = inotify_add_watch(inotify.get(), path.c_str(), IN_CLOSE_WRITE | IN_CLOSE_NOWRITE);
    if (fresh.watch < 0) return fail_last();
  }
  // Without O_NONBLOCK whoever took a lease on the file would hold us up, with the lock, until it is broken.
  made.fd = UniqueFd(open(path.c_str(), map_open_flags(mode, mapping.writable) | O_NONBLOCK | O_CLOEXEC));
  if (made.fd) fcntl(made.fd.get(), F_SETFL, fcntl(made.fd.get(), F_GETFL) & ~O_NONBLOCK);
  if (!made.fd) {
    const int error = errno;
    if (fresh.watch >= 0) inotify_rm_watch(inotify.get(), fresh.watch);
    return fail(error);
  }
  if (found == memories.end()) {
    fresh.reference = UserReference(Object(map));
    memory_of_watch[fresh.watch] = made.identity;
    memories.emplace(made.identity, std::move(fresh));
  }
  return made;
}

std::optional<FdObject> FdBroker::find(FdIdentity identity, int open_flags) const {
  std::lock_guard lock(state_->mutex);
  if (const auto pipe = state_->pipes.find(identity); pipe != state_->pipes.end()) {
    if (!pipe->second.reference) return std::nullopt;
    return FdObject{pipe->second.reference->object(), pipe->second.mode};
  }
  if (const auto memory = state_->memories.find(identity); memory != state_->memories.end())
    return FdObject{memory->second.reference.object(), map_mode(open_flags)};
  return std::nullopt;
}

Result<FdObject> FdBroker::find(int fd) const {
  const auto identity = identity_of(fd);
  const int flags = fcntl(fd, F_GETFL);
  if (!identity || flags < 0) return fail(EBADF);
  if (auto found = find(*identity, flags)) return *std::move(found);
  return fail(EINVAL);
}

int FdBroker::event_fd() const { return state_->epoll.get(); }

size_t FdBroker::size() const {
  std::lock_guard lock(state_->mutex);
  return state_->pipes.size() + state_->memories.size();
}

void FdBroker::State::read_inotify() {
  alignas(inotify_event) std::array<char, 4096> buffer;
  std::lock_guard lock(mutex);
  while (true) {
    const ssize_t got = read(inotify.get(), buffer.data(), buffer.size());
    if (got <= 0) break;
    for (ssize_t at = 0; at < got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      if ((event->mask & IN_Q_OVERFLOW) != 0)
        for (const auto& [identity, entry] : memories) suspects.insert(identity);
      else if (const auto watched = memory_of_watch.find(event->wd); watched != memory_of_watch.end())
        suspects.insert(watched->second);
    }
  }
  retries_left = 8;
}

// 1 ms, 2 ms, ... 128 ms: the count lags the report by the rest of one close.
void FdBroker::State::arm_timer() {
  itimerspec when = {};
  if (!suspects.empty() && retries_left > 0) {
    when.it_value.tv_nsec = 1'000'000L << (8 - retries_left);
    --retries_left;
  } else {
    suspects.clear();  // somebody still has it: the next close asks again
  }
  timerfd_settime(timer.get(), 0, &when, nullptr);
}

std::vector<MemoryEntry> FdBroker::State::take_idle_memories() {
  std::vector<MemoryEntry> idle;
  std::lock_guard lock(mutex);
  for (auto suspect = suspects.begin(); suspect != suspects.end();) {
    const auto memory = memories.find(*suspect);
    const bool gone = memory == memories.end();
    if (!gone && !only_opener(memory->second.probe.get())) {
      ++suspect;
      continue;
    }
    if (!gone) {
      inotify_rm_watch(inotify.get(), memory->second.watch);
      memory_of_watch.erase(memory->second.watch);
      idle.push_back(std::move(memory->second));
      memories.erase(memory);
    }
    suspect = suspects.erase(suspect);
  }
  arm_timer();
  return idle;
}

std::optional<PipeEntry> FdBroker::State::take_pipe(int writer) {
  std::lock_guard lock(mutex);
  const auto identity = pipe_of_writer.find(writer);
  // Two threads may get one event; by the time of the second the number may stand for a pipe that is in use.
  if (identity == pipe_of_writer.end() || !has_no_reader(writer)) return std::nullopt;
  const auto pipe = pipes.find(identity->second);
  PipeEntry entry = std::move(pipe->second);
  pipes.erase(pipe);
  pipe_of_writer.erase(identity);
  epoll_ctl(epoll.get(), EPOLL_CTL_DEL, writer, nullptr);
  return entry;
}

void FdBroker::process_events() {
  std::array<epoll_event, 64> events;
  const int count = epoll_wait(state_->epoll.get(), events.data(), static_cast<int>(events.size()), 0);
  bool ask_memories = false;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    if ((event.data.u64 & 1) != 0) {
      const std::optional<PipeEntry> entry = state_->take_pipe(static_cast<int>(event.data.u64 >> 1));
      if (entry && entry->closed) entry->closed();
    } else if (event.data.ptr == &state_->inotify) {
      state_->read_inotify();
      ask_memories = true;
    } else if (event.data.ptr == &state_->timer) {
      uint64_t expirations;
      if (read(state_->timer.get(), &expirations, sizeof(expirations)) > 0) ask_memories = true;
    }
  }
  if (ask_memories) state_->take_idle_memories();
}

}  // namespace skep::objects
