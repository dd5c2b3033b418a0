// Call: one bpf(2) call on its way: the attribute as copied in (once), who asks, and where results go.
// Command: one row of commands.def.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abi/bpf_attr.h"
#include "attach/attachments.h"
#include "base/profile.h"
#include "base/result.h"
#include "objects/kernel.h"
#include "syscall/caller.h"

namespace skep::syscall {

struct Call;
using Handler = Result<int64_t> (*)(Call& call);

enum class Needs : uint8_t { kNothing, kSysAdmin };
enum class Support : uint8_t { kNone, kPartial, kFull };

struct Command {
  uint32_t id;  // abi::bpf_cmd
  std::string_view name;
  uint32_t end;     // of the last field: what follows in the attribute must be zero
  Needs needs;      // for the whole command; finer checks are the handler's
  Handler handler;  // null: answers EINVAL, as Linux does for what is configured out
  KernelVersion since;
  Support support;
  std::string_view note;
};

std::span<const Command> commands();

struct Call {
  objects::Kernel& kernel;
  attach::Attachments& attachments;
  Caller& caller;
  const Command& command;
  uint64_t uattr;
  uint32_t size;
  alignas(8) std::byte attr[abi::kBpfAttrSize] = {};

  template <class T>
  T as() const {
    static_assert(sizeof(T) <= sizeof(attr));
    T value;
    std::memcpy(&value, attr, sizeof(T));
    return value;
  }
  // Writes a result field of the attribute. Linux does so whatever size the client gave.
  template <class T>
  Status put(size_t offset, const T& value) {
    return caller.write(uattr + offset, std::as_bytes(std::span(&value, 1)));
  }
  bool has(size_t end_offset) const { return size >= end_offset; }
};

// Objects by fd. EBADF: no such fd; EINVAL: another kind.
template <class T>
Result<Ref<T>> get_object(Caller& caller, int fd) {
  FdObject found = SKEP_TRY(caller.object(fd));
  if (auto* wanted = std::get_if<Ref<T>>(&found.object)) return std::move(*wanted);
  return fail(EINVAL);
}
struct MapFd {
  Ref<maps::Map> map;
  FdMode mode;
  bool may_read() const { return mode != FdMode::kWriteOnly; }
  bool may_write() const { return mode != FdMode::kReadOnly && !map->frozen(); }
};
Result<MapFd> get_map(Caller& caller, int fd);

// Hands an object to the caller as a new fd.
template <class T>
Result<int64_t> install(Call& call, Ref<T> object, FdMode mode = FdMode::kReadWrite) {
  return SKEP_TRY(call.caller.install(objects::Object(std::move(object)), mode));
}

// What a command says to BPF_F_TOKEN_FD, since no fd here is a token. EBADF: no such fd; EINVAL.
std::unexpected<Error> refuse_token(Caller& caller, int fd);
// BPF_F_RDONLY and BPF_F_WRONLY of map and object flags. EINVAL: both.
Result<FdMode> mode_of_flags(uint32_t flags);
// A name of at most 15 letters, digits, '_' and '.'. EINVAL.
Result<std::string> object_name(const char (&name)[abi::BPF_OBJ_NAME_LEN]);
// Bytes of the caller's memory; `size` is bounded by whoever calls.
Result<std::vector<std::byte>> read_bytes(Caller& caller, uint64_t address, size_t size);

}  // namespace skep::syscall
