// BTF_LOAD.
#include <algorithm>

#include "abi/btf.h"
#include "btf/btf.h"
#include "btf/log.h"
#include "syscall/handlers.h"
#include "syscall/log_buffer.h"

namespace skep::syscall {
namespace {

// Keeps the end of a log that does not fit (its head with BPF_LOG_FIXED), as Linux's rotating log does.
class BoundedLog final : public btf::LogSink {
 public:
  explicit BoundedLog(const LogBuffer& buffer) : buffer_(buffer) {}

  void write(std::string_view text) override {
    true_size_ += text.size();
    if (buffer_.size == 0) return;
    const size_t room = buffer_.size - 1;
    if ((buffer_.level & abi::BPF_LOG_FIXED) != 0) {
      text_ += text.substr(0, room - std::min(room, text_.size()));
      return;
    }
    text_ += text;
    if (text_.size() > 2 * room) text_.erase(0, text_.size() - room);
  }

  std::string kept() const {
    const size_t room = buffer_.size == 0 ? 0 : buffer_.size - 1;
    return text_.size() <= room ? text_ : text_.substr(text_.size() - room);
  }
  uint32_t true_size() const { return static_cast<uint32_t>(true_size_ + 1); }
  bool truncated() const { return buffer_.size != 0 && true_size_ + 1 > buffer_.size; }

 private:
  const LogBuffer& buffer_;
  std::string text_;
  uint64_t true_size_ = 0;
};

}  // namespace

Result<int64_t> btf_load(Call& call) {
  const auto attr = call.as<abi::btf_load_attr>();
  if ((attr.btf_flags & ~uint32_t{abi::BPF_F_TOKEN_FD}) != 0) return fail(EINVAL);
  if (attr.btf_flags != 0) return refuse_token(call.caller, attr.btf_token_fd);
  if (!call.caller.credentials().bpf) return fail(EPERM);
  if (attr.btf_size > abi::BTF_MAX_SIZE) return fail(E2BIG);

  const LogBuffer buffer{attr.btf_log_level, attr.btf_log_size, attr.btf_log_buf};
  SKEP_TRY(buffer.check());
  BoundedLog log(buffer);
  const auto data = SKEP_TRY(read_bytes(call.caller, attr.btf, attr.btf_size));
  const auto parsed = btf::Btf::parse(data, {.base = {}, .log = buffer.level != 0 ? &log : nullptr});

  const bool written = buffer.write(call.caller, log.kept()).has_value();
  if (call.has(offsetof(abi::btf_load_attr, btf_log_true_size) + 4))
    SKEP_TRY(
        call.put(offsetof(abi::btf_load_attr, btf_log_true_size), buffer.level == 0 ? 0 : log.true_size()));
  if (!written) return fail(EFAULT);
  if (log.truncated()) return fail(ENOSPC);
  if (!parsed) return std::unexpected(parsed.error());

  auto btf = make_ref<objects::BtfObject>(*parsed);
  call.kernel.publish(*btf);
  return install(call, std::move(btf));
}

}  // namespace skep::syscall
