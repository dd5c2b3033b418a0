// perf_event_open(2) for tracepoints, and the ioctls that put a program on such an event. All other events
// are the kernel's: the call goes on there.
#include "abi/perf.h"
#include "supervisor/client_caller.h"
#include "supervisor/handlers.h"
#include "supervisor/supervisor.h"

namespace skep::supervisor {

namespace {

constexpr uint64_t kFlagCloexec = 1 << 3;  // PERF_FLAG_FD_CLOEXEC
constexpr uint64_t kKnownFlags = 0xf;

struct AttributeStart {
  uint32_t type;
  uint32_t size;
  uint64_t config;
};
static_assert(sizeof(AttributeStart) == 16);

Outcome set_program(Supervisor& supervisor, Client& client, objects::PerfEvent& event) {
  const auto object = client_object(supervisor, client, static_cast<int>(client.arg(2)));
  if (!object) return Outcome::error(object.error().code);
  const auto* program = std::get_if<Ref<objects::Program>>(&object->object);
  if (program == nullptr) return Outcome::error(EINVAL);
  return Outcome::of(event.set_program(*program, 0));
}

}  // namespace

Outcome handle_perf_event_open(Supervisor& supervisor, Client& client) {
  const auto attribute = client.read_object<AttributeStart>(client.arg(0));
  if (!attribute || attribute->type != abi::PERF_TYPE_TRACEPOINT) return Outcome::proceed();
  const uint64_t flags = client.arg(4);
  if (flags & ~kKnownFlags) return Outcome::error(EINVAL);
  if (static_cast<int>(client.arg(1)) == -1 && static_cast<int>(client.arg(2)) == -1)
    return Outcome::error(EINVAL);
  auto event = supervisor.attachments().tracepoints.open(static_cast<uint32_t>(attribute->config));
  if (!event) return Outcome::error(event.error().code);
  auto made = supervisor.broker().make_fd(*std::move(event), objects::FdMode::kReadWrite);
  if (!made) return Outcome::error(made.error().code);
  return Outcome::descriptor(std::move(made->fd), (flags & kFlagCloexec) != 0);
}

Outcome handle_perf_ioctl(Supervisor& supervisor, Client& client) {
  const auto object = client_object(supervisor, client, client.fd_arg(0));
  if (!object) return Outcome::proceed();
  const auto* event = std::get_if<Ref<objects::PerfEvent>>(&object->object);
  if (event == nullptr) return Outcome::proceed();
  // A program runs whether or not its event counts, on Linux too: ENABLE and DISABLE have nothing to do.
  if (static_cast<uint32_t>(client.arg(1)) != abi::PERF_EVENT_IOC_SET_BPF) return Outcome::returns(0);
  return set_program(supervisor, client, **event);
}

}  // namespace skep::supervisor
