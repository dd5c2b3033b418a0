// PROG_LOAD, in the order of checks of Linux's bpf_prog_load() and the start of bpf_check().
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "btf/prog_info.h"
#include "objects/tag.h"
#include "syscall/handlers.h"
#include "syscall/log_buffer.h"

namespace skep::syscall {
namespace {

constexpr uint32_t kMaxInsnsPrivileged = 1'000'000;
constexpr uint32_t kMaxInsns = 4096;
constexpr uint32_t kMaxRecordSize = 252;
constexpr size_t kLicenseLength = 128;
// Entries of fd_array without a count: instructions name them, so this many is far more than programs use.
constexpr uint32_t kMaxFdArray = 65536;
constexpr uint32_t kKnownFlags =
    abi::BPF_F_STRICT_ALIGNMENT | abi::BPF_F_ANY_ALIGNMENT | abi::BPF_F_TEST_STATE_FREQ |
    abi::BPF_F_SLEEPABLE | abi::BPF_F_TEST_RND_HI32 | abi::BPF_F_XDP_HAS_FRAGS |
    abi::BPF_F_XDP_DEV_BOUND_ONLY | abi::BPF_F_TEST_REG_INVARIANTS | abi::BPF_F_TOKEN_FD;

bool license_is_gpl_compatible(std::string_view license) {
  static constexpr std::array<std::string_view, 6> kCompatible = {
      "GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"};
  return std::ranges::find(kCompatible, license) != kCompatible.end();
}

uint64_t boot_time_ns(helpers::RunEnvironment& environment) {
  return environment.now_ns(helpers::RunEnvironment::Clock::kBoottime);
}

// A load on its way, in three steps: what may be loaded, what is loaded, the verdict.
class Load {
 public:
  explicit Load(Call& call) : call_(call), attr_(call.as<abi::prog_load_attr>()) {}

  Result<int64_t> run();

 private:
  Status check_permission();
  Status check_attach_target();
  Status copy_program();
  Status prepare_verification();
  Status read_fd_array();
  Status read_btf_info();
  Result<std::vector<std::byte>> read_records(std::string_view kind, uint64_t address, uint32_t count,
                                              uint32_t given_size, uint32_t known_size);
  Result<Ref<objects::Program>> verify();
  Result<Ref<objects::Program>> build(verifier::Outcome outcome);
  // What Linux does when it leaves the verifier: log, log_true_size; may turn a verdict into ENOSPC or
  // EFAULT.
  Status finish_log(const std::string& text, uint64_t true_size, bool truncated);
  Status reject_with_line(int code, const std::string& line);

  Call& call_;
  const abi::prog_load_attr attr_;
  objects::ProgramSpec spec_;
  verifier::Request request_;
  std::vector<std::byte> image_;
  std::vector<int> fd_array_;
  Ref<objects::BtfObject> btf_;
  LogBuffer log_;
};

Status Load::check_permission() {
  if ((attr_.prog_flags & ~kKnownFlags) != 0) return fail(EINVAL);
  if ((attr_.prog_flags & abi::BPF_F_TOKEN_FD) != 0) return refuse_token(call_.caller, attr_.prog_token_fd);
  const Credentials may = call_.caller.credentials();
  if (call_.kernel.unprivileged_bpf_disabled != 0 && !may.bpf) return fail(EPERM);
  if (attr_.insn_cnt == 0 || attr_.insn_cnt > (may.bpf ? kMaxInsnsPrivileged : kMaxInsns)) return fail(E2BIG);

  spec_.type = progtypes::find_prog_type(attr_.prog_type, call_.kernel.options().profile);
  const bool unprivileged = spec_.type != nullptr && spec_.type->unprivileged;
  if (!unprivileged && !may.bpf) return fail(EPERM);
  if (spec_.type == nullptr) return {};
  if (spec_.type->needs_net_admin && !may.net_admin) return fail(EPERM);
  if (spec_.type->needs_perfmon && !may.perfmon) return fail(EPERM);
  return {};
}

Status Load::check_attach_target() {
  if (attr_.attach_prog_fd != 0) {
    const auto program = get_object<objects::Program>(call_.caller, static_cast<int>(attr_.attach_prog_fd));
    if (!program) {
      const auto btf =
          get_object<objects::BtfObject>(call_.caller, static_cast<int>(attr_.attach_btf_obj_fd));
      if (!btf) return fail(EINVAL);
      if (!(*btf)->kernel()) return fail(maps::kENotSupp);
    }
    return fail(EINVAL);  // tracing, lsm, ext and struct_ops only, which are not here
  }
  if (attr_.attach_btf_id != 0) return fail(EINVAL);
  if (spec_.type == nullptr) return {};  // refused once the program has been read
  return progtypes::check_expected_attach_type(*spec_.type, attr_.expected_attach_type);
}

Status Load::copy_program() {
  image_ = SKEP_TRY(read_bytes(call_.caller, attr_.insns, size_t{attr_.insn_cnt} * sizeof(isa::Insn)));
  const std::string license = SKEP_TRY(call_.caller.read_string(attr_.license, kLicenseLength - 1));
  spec_.gpl_compatible = license_is_gpl_compatible(license);
  if (attr_.signature != 0) return fail(EINVAL);
  if (attr_.prog_ifindex != 0) return fail(EINVAL);
  if (spec_.type == nullptr || spec_.type->context == nullptr) return fail(EINVAL);
  spec_.load_time_ns = boot_time_ns(call_.caller.environment());
  spec_.name = SKEP_TRY(object_name(attr_.prog_name));

  spec_.expected_attach_type = progtypes::effective_attach_type(*spec_.type, attr_.expected_attach_type);
  spec_.flags = attr_.prog_flags;
  spec_.created_by_uid = call_.caller.credentials().uid;
  spec_.original.resize(attr_.insn_cnt);
  std::memcpy(spec_.original.data(), image_.data(), image_.size());
  std::ranges::copy(objects::program_tag(image_, call_.kernel.options().profile), spec_.tag);
  return {};
}

Status Load::reject_with_line(int code, const std::string& line) {
  SKEP_TRY(finish_log(line, line.size() + 1, log_.size != 0 && line.size() + 1 > log_.size));
  return fail(code);
}

Status Load::finish_log(const std::string& text, uint64_t true_size, bool truncated) {
  const bool written = log_.write(call_.caller, text).has_value();
  if (call_.has(offsetof(abi::prog_load_attr, log_true_size) + 4))
    SKEP_TRY(call_.put(offsetof(abi::prog_load_attr, log_true_size),
                       log_.level == 0 ? 0 : static_cast<uint32_t>(true_size)));
  if (!written) return fail(EFAULT);
  if (truncated) return fail(ENOSPC);
  return {};
}

Status Load::read_fd_array() {
  uint32_t count = attr_.fd_array_cnt;
  if (count == 0) {
    for (const isa::Insn& insn : spec_.original) {
      const bool by_index =
          insn.code == (abi::BPF_LD | abi::BPF_IMM | abi::BPF_DW) &&
          (insn.src == abi::BPF_PSEUDO_MAP_IDX || insn.src == abi::BPF_PSEUDO_MAP_IDX_VALUE);
      if (by_index && insn.imm >= 0) count = std::max(count, static_cast<uint32_t>(insn.imm) + 1);
    }
    if (attr_.fd_array == 0 || count > kMaxFdArray) return {};
  } else if (count >= kMaxFdArray) {
    return fail(count >= UINT32_MAX / sizeof(int) ? EINVAL : E2BIG);
  }
  fd_array_.resize(count);
  SKEP_TRY(call_.caller.read(attr_.fd_array, std::as_writable_bytes(std::span(fd_array_))));
  if (attr_.fd_array_cnt == 0) return {};
  for (const int fd : fd_array_) {
    const auto found = call_.caller.object(fd);
    if (!found) return std::unexpected(found.error());
    const bool usable = std::holds_alternative<Ref<maps::Map>>(found->object) ||
                        std::holds_alternative<Ref<objects::BtfObject>>(found->object);
    if (!usable) return fail(EINVAL);
  }
  return {};
}

// Records of `given_size` bytes, each cut or zero-extended to the size that this version knows.
Result<std::vector<std::byte>> Load::read_records(std::string_view kind, uint64_t address, uint32_t count,
                                                  uint32_t given_size, uint32_t known_size) {
  if (given_size < known_size || given_size > kMaxRecordSize || given_size % sizeof(uint32_t) != 0)
    return fail(EINVAL, fmt::format("invalid {} info rec size {}\n", kind, given_size));
  if (count > attr_.insn_cnt) return fail(EINVAL);  // offsets rise strictly, so there cannot be more
  const auto given = SKEP_TRY(read_bytes(call_.caller, address, size_t{count} * given_size));
  std::vector<std::byte> records(size_t{count} * known_size);
  for (size_t i = 0; i < count; ++i) {
    const std::span<const std::byte> record = std::span(given).subspan(i * given_size, given_size);
    const auto tail = record.subspan(known_size);
    if (std::ranges::any_of(tail, [](std::byte b) { return b != std::byte{0}; }))
      return fail(E2BIG, fmt::format("nonzero tailing record in {}_info", kind));
    std::ranges::copy(record.first(known_size), records.begin() + static_cast<ptrdiff_t>(i * known_size));
  }
  return records;
}

Status Load::read_btf_info() {
  if (attr_.func_info_cnt == 0 && attr_.line_info_cnt == 0) return {};
  btf_ = SKEP_TRY(get_object<objects::BtfObject>(call_.caller, static_cast<int>(attr_.prog_btf_fd)));
  if (btf_->kernel()) return fail(EACCES);
  if (attr_.func_info_cnt != 0) {
    spec_.func_info = SKEP_TRY(read_records("func", attr_.func_info, attr_.func_info_cnt,
                                            attr_.func_info_rec_size, sizeof(abi::bpf_func_info)));
    spec_.func_info_rec_size = sizeof(abi::bpf_func_info);
  }
  if (attr_.line_info_cnt != 0) {
    spec_.line_info = SKEP_TRY(read_records("line", attr_.line_info, attr_.line_info_cnt,
                                            attr_.line_info_rec_size, sizeof(abi::bpf_line_info)));
    spec_.line_info_rec_size = sizeof(abi::bpf_line_info);
  }
  return {};
}

Status Load::prepare_verification() {
  log_ = {attr_.log_level, attr_.log_size, attr_.log_buf};
  SKEP_TRY(log_.check());
  SKEP_TRY(read_fd_array());
  if (const Status info = read_btf_info(); !info)
    return reject_with_line(info.error().code, info.error().message);

  if ((spec_.flags & abi::BPF_F_SLEEPABLE) != 0 && !spec_.type->sleepable_allowed)
    return reject_with_line(EINVAL,
                            "Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be "
                            "sleepable\n");

  const Credentials may = call_.caller.credentials();
  request_.insns = spec_.original;
  request_.type = spec_.type;
  request_.expected_attach_type = spec_.expected_attach_type;
  request_.prog_flags = spec_.flags;
  request_.gpl_compatible = spec_.gpl_compatible;
  request_.name = spec_.name;
  request_.capabilities = {may.bpf, may.perfmon, may.net_admin, may.sys_admin};
  request_.log = {.level = log_.level, .capacity = log_.size};
  request_.resolve_map = [this](int fd) -> Result<Ref<maps::Map>> {
    return SKEP_TRY(get_map(call_.caller, fd)).map;
  };
  request_.fd_array = fd_array_;
  if (btf_) request_.btf = btf_->btf();
  request_.func_info = spec_.func_info;
  request_.line_info = spec_.line_info;
  request_.profile = call_.kernel.options().profile;
  return {};
}

Result<Ref<objects::Program>> Load::verify() {
  verifier::Outcome outcome = verifier::check(request_);
  SKEP_TRY(finish_log(outcome.log, outcome.log_true_size, log_.size != 0 && outcome.log_truncated));
  if (!outcome.accepted) return fail(outcome.rejection.code, outcome.rejection.message);
  return build(std::move(outcome));
}

Result<Ref<objects::Program>> Load::build(verifier::Outcome outcome) {
  verifier::Accepted& accepted = *outcome.accepted;
  std::vector<exec::Subprog> subprogs = accepted.executable.subprogs;  // what the program's info lists
  const Ref<exec::Image> image =
      SKEP_TRY(exec::make_image(std::exchange(accepted.executable, {}), call_.kernel.options().engine));
  accepted.executable.subprogs = std::move(subprogs);
  auto program =
      make_ref<objects::Program>(std::move(spec_), std::move(accepted), outcome.statistics, image, btf_);
  for (const Ref<maps::Map>& map : program->accepted().used_maps)
    if (map->row().holds == maps::Holds::kPrograms) SKEP_TRY(objects::claim_tail_calls(*map, *program));
  call_.kernel.publish(*program);
  return program;
}

Result<int64_t> Load::run() {
  SKEP_TRY(check_permission());
  SKEP_TRY(check_attach_target());
  SKEP_TRY(copy_program());
  SKEP_TRY(prepare_verification());
  return install(call_, SKEP_TRY(verify()));
}

}  // namespace

Result<int64_t> prog_load(Call& call) { return Load(call).run(); }

}  // namespace skep::syscall
