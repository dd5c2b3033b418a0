#include "syscall/log_buffer.h"

#include "abi/bpf.h"

namespace skep::syscall {

Status LogBuffer::check() const {
  if ((address != 0) != (size != 0)) return fail(EINVAL);
  if (address != 0 && level == 0) return fail(EINVAL);
  if ((level & ~uint32_t{abi::BPF_LOG_MASK}) != 0) return fail(EINVAL);
  if (size > UINT32_MAX >> 2) return fail(EINVAL);
  return {};
}

Status LogBuffer::write(Caller& caller, std::string_view text) const {
  if (address == 0 || level == 0) return {};
  const std::string_view kept = text.substr(0, size - 1);
  SKEP_TRY(caller.write(address, std::as_bytes(std::span(kept))));
  const std::byte zero{0};
  return caller.write(address + kept.size(), std::span(&zero, 1));
}

}  // namespace skep::syscall
