// OBJ_GET_INFO_BY_FD: which kind of object the fd is; the info of each kind is filled in a file of its own.
#include <algorithm>
#include <array>

#include "syscall/handlers.h"
#include "syscall/info.h"

namespace skep::syscall {

Result<uint32_t> InfoBuffer::read(std::span<std::byte> info, size_t end) const {
  constexpr size_t kPage = 4096;
  if (length > kPage) return fail(E2BIG);
  if (length > end) {
    std::array<std::byte, kPage> tail;
    const std::span<std::byte> unknown(tail.data(), length - end);
    SKEP_TRY(call.caller.read(address + end, unknown));
    if (std::ranges::any_of(unknown, [](std::byte b) { return b != std::byte{0}; })) return fail(E2BIG);
  }
  const auto known = static_cast<uint32_t>(std::min<size_t>(length, info.size()));
  SKEP_TRY(call.caller.read(address, info.first(known)));
  return known;
}

Status InfoBuffer::write(std::span<const std::byte> info, uint32_t known) const {
  SKEP_TRY(call.caller.write(address, info.first(known)));
  return call.put(offsetof(abi::info_attr, info_len), known);
}

Status InfoBuffer::write_text(uint64_t to, uint32_t capacity, const std::string& text) const {
  const bool cut = capacity < text.size() + 1;
  const std::string kept = cut ? text.substr(0, capacity - 1) : text;
  SKEP_TRY(call.caller.write(to, std::as_bytes(std::span(kept.c_str(), kept.size() + 1))));
  if (cut) return fail(ENOSPC);
  return {};
}

Result<int64_t> obj_get_info(Call& call) {
  const auto attr = call.as<abi::info_attr>();
  const auto found = call.caller.object(static_cast<int>(attr.bpf_fd));
  if (!found) return fail(found.error().code == EBADF ? EBADFD : found.error().code);
  const InfoBuffer buffer{call, attr.info, attr.info_len};
  SKEP_TRY(std::visit([&](const auto& object) { return fill_info(buffer, *object); }, found->object));
  return 0;
}

Status fill_info(const InfoBuffer&, const objects::PerfEvent&) { return fail(EINVAL); }

Status fill_info(const InfoBuffer& buffer, const objects::BtfObject& btf) {
  abi::bpf_btf_info info = {};
  const auto bytes = std::as_writable_bytes(std::span(&info, 1));
  const uint32_t known = SKEP_TRY(buffer.read(bytes, sizeof(info)));
  const auto data = btf.btf()->data();
  info.id = btf.id();
  SKEP_TRY(buffer.call.caller.write(info.btf, data.first(std::min<size_t>(data.size(), info.btf_size))));
  info.btf_size = static_cast<uint32_t>(data.size());
  info.kernel_btf = btf.kernel();

  const uint32_t capacity = info.name_len;
  if ((info.name != 0) != (capacity != 0)) return fail(EINVAL);
  info.name_len = static_cast<uint32_t>(btf.name().size());
  Status named;
  if (info.name != 0) named = buffer.write_text(info.name, capacity, btf.name());
  if (!named && named.error().code != ENOSPC) return named;
  SKEP_TRY(buffer.write(bytes, known));
  return named;
}

Status fill_info(const InfoBuffer& buffer, const objects::Link& link) {
  abi::bpf_link_info info = {};
  const auto bytes = std::as_writable_bytes(std::span(&info, 1));
  const uint32_t known = SKEP_TRY(buffer.read(bytes, sizeof(info)));
  info.type = link.type();
  info.id = link.id();
  if (const auto program = link.program()) info.prog_id = program->id();

  const objects::LinkDetails details = link.details();
  uint64_t text_address = 0;
  uint32_t capacity = 0;
  if (details.text_offset != 0) {
    std::memcpy(&text_address, bytes.data() + details.text_offset, sizeof(text_address));
    std::memcpy(&capacity, bytes.data() + details.text_offset + sizeof(text_address), sizeof(capacity));
    if ((text_address != 0) != (capacity != 0)) return fail(EINVAL);
  }
  constexpr size_t kStart = offsetof(abi::bpf_link_info, cgroup);
  const auto own = std::as_bytes(std::span(&details.info, 1));
  if (details.end > kStart)
    std::ranges::copy(own.subspan(kStart, details.end - kStart), bytes.begin() + kStart);
  if (details.text_offset != 0) {
    std::memcpy(bytes.data() + details.text_offset, &text_address, sizeof(text_address));
    const auto length = static_cast<uint32_t>(details.text.size() + 1);
    std::memcpy(bytes.data() + details.text_offset + sizeof(text_address), &length, sizeof(length));
  }
  if (text_address != 0) SKEP_TRY(buffer.write_text(text_address, capacity, details.text));
  return buffer.write(bytes, known);
}

}  // namespace skep::syscall
