#include "syscall/bpf.h"

#include <algorithm>
#include <array>

#include "syscall/call.h"
#include "syscall/handlers.h"

namespace skep::syscall {
namespace {

constexpr uint32_t kPageSize = 4096;  // what a client may pass at most

constexpr Command kCommands[] = {
#define COMMAND(name, end, needs, handler, since, support, note) \
  {abi::BPF_##name, #name, end, Needs::needs, handler, since, Support::support, note},
#include "syscall/commands.def"
#undef COMMAND
};
static_assert(std::size(kCommands) == abi::__MAX_BPF_CMD);
static_assert([] {
  for (uint32_t i = 0; i < std::size(kCommands); ++i)
    if (kCommands[i].id != i || kCommands[i].end > abi::kBpfAttrSize) return false;
  return true;
}());

bool all_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

// A client built against a newer interface may pass more than we know, if all of it is zero.
Status check_unknown_tail(Caller& caller, uint64_t uattr, uint32_t size) {
  if (size > kPageSize) return fail(E2BIG);
  if (size <= abi::kBpfAttrSize) return {};
  std::array<std::byte, kPageSize> tail;
  const std::span<std::byte> unknown(tail.data(), size - abi::kBpfAttrSize);
  SKEP_TRY(caller.read(uattr + abi::kBpfAttrSize, unknown));
  if (!all_zero(unknown)) return fail(E2BIG);
  return {};
}

const Command* find_command(int cmd, KernelProfile profile) {
  if (cmd < 0 || static_cast<size_t>(cmd) >= std::size(kCommands)) return nullptr;
  const Command& row = kCommands[cmd];
  return profile.has(row.since) ? &row : nullptr;
}

}  // namespace

std::span<const Command> commands() { return kCommands; }

Result<int64_t> bpf(objects::Kernel& kernel, attach::Attachments& attachments, Caller& caller, int cmd,
                    uint64_t uattr, uint32_t size) {
  SKEP_TRY(check_unknown_tail(caller, uattr, size));
  std::array<std::byte, abi::kBpfAttrSize> attr = {};
  const uint32_t known = std::min(size, abi::kBpfAttrSize);
  if (known != 0) SKEP_TRY(caller.read(uattr, std::span(attr).first(known)));

  const Command* row = find_command(cmd, kernel.options().profile);
  if (row == nullptr || row->handler == nullptr) return fail(EINVAL);
  if (!all_zero(std::span(attr).subspan(row->end))) return fail(EINVAL);
  if (row->needs == Needs::kSysAdmin && !caller.credentials().sys_admin) return fail(EPERM);

  Call call{kernel, attachments, caller, *row, uattr, size};
  std::ranges::copy(attr, call.attr);
  return row->handler(call);
}

}  // namespace skep::syscall
