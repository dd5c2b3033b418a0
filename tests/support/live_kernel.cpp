#include "support/live_kernel.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "abi/info.h"

namespace skep::live {
namespace {

uint64_t address(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

template <class Attr>
Result<int> call(uint32_t command, Attr& attr, uint32_t size = sizeof(Attr)) {
  const long result = bpf(command, &attr, size);
  if (result < 0) return fail(static_cast<int>(-result));
  return static_cast<int>(result);
}

template <class Attr>
Status command(uint32_t number, Attr& attr, uint32_t size = sizeof(Attr)) {
  auto result = call(number, attr, size);
  if (!result) return std::unexpected(result.error());
  return {};
}

abi::map_elem_attr element(int map_fd, const void* key, const void* value, uint64_t flags) {
  abi::map_elem_attr attr = {};
  attr.map_fd = static_cast<uint32_t>(map_fd);
  attr.key = address(key);
  attr.value = address(value);
  attr.flags = flags;
  return attr;
}

void copy_name(char (&to)[abi::BPF_OBJ_NAME_LEN], const std::string& from) {
  std::memcpy(to, from.data(), std::min(from.size(), sizeof(to) - 1));
}

std::string probe() {
  const isa::Insn program[] = {{.code = 0xb7}, {.code = 0x95}};
  const Loaded loaded = load(program);
  return loaded ? "" : fmt::format("bpf(2) is not permitted here ({})", std::strerror(loaded.error));
}

}  // namespace

const std::string& unavailable_reason() {
  static const std::string reason = probe();
  return reason;
}

bool available() { return unavailable_reason().empty(); }

long bpf(uint32_t command, void* attr, uint32_t size) {
  const long result = ::syscall(SYS_bpf, command, attr, size);
  return result < 0 ? -errno : result;
}

Loaded load(std::span<const isa::Insn> insns, const LoadOptions& options) {
  Loaded loaded;
  std::string log(options.log_level != 0 ? options.log_size : 0, '\0');
  abi::prog_load_attr attr = {};
  attr.prog_type = options.type;
  attr.insn_cnt = static_cast<uint32_t>(insns.size());
  attr.insns = address(insns.data());
  attr.license = address(options.license.c_str());
  attr.prog_flags = options.flags;
  attr.expected_attach_type = options.expected_attach_type;
  attr.attach_btf_id = options.attach_btf_id;
  attr.log_level = options.log_level;
  attr.log_size = static_cast<uint32_t>(log.size());
  attr.log_buf = log.empty() ? 0 : address(log.data());
  copy_name(attr.prog_name, options.name);
  attr.prog_btf_fd = static_cast<uint32_t>(options.btf_fd);
  if (!options.func_info.empty()) {
    attr.func_info = address(options.func_info.data());
    attr.func_info_rec_size = options.func_info_rec_size;
    attr.func_info_cnt = static_cast<uint32_t>(options.func_info.size() / options.func_info_rec_size);
  }
  if (!options.line_info.empty()) {
    attr.line_info = address(options.line_info.data());
    attr.line_info_rec_size = options.line_info_rec_size;
    attr.line_info_cnt = static_cast<uint32_t>(options.line_info.size() / options.line_info_rec_size);
  }
  if (!options.fd_array.empty()) attr.fd_array = address(options.fd_array.data());
  const long result = bpf(abi::BPF_PROG_LOAD, &attr, sizeof(attr));
  if (result < 0) {
    loaded.error = static_cast<int>(-result);
  } else {
    loaded.fd.reset(static_cast<int>(result));
  }
  loaded.log_true_size = attr.log_true_size;
  loaded.log = log.c_str();
  return loaded;
}

Result<RunResult> test_run(int program_fd, const RunOptions& options) {
  RunResult result;
  result.data_out.resize(options.data_out_size);
  result.ctx_out.resize(options.ctx_out_size);
  abi::test_run_attr attr = {};
  attr.prog_fd = static_cast<uint32_t>(program_fd);
  attr.data_size_in = static_cast<uint32_t>(options.data.size());
  attr.data_in = options.data.empty() ? 0 : address(options.data.data());
  attr.data_size_out = options.data_out_size;
  attr.data_out = options.data_out_size == 0 ? 0 : address(result.data_out.data());
  attr.ctx_size_in = static_cast<uint32_t>(options.ctx.size());
  attr.ctx_in = options.ctx.empty() ? 0 : address(options.ctx.data());
  attr.ctx_size_out = options.ctx_out_size;
  attr.ctx_out = options.ctx_out_size == 0 ? 0 : address(result.ctx_out.data());
  attr.repeat = options.repeat;
  attr.flags = options.flags;
  SKEP_TRY(command(abi::BPF_PROG_TEST_RUN, attr));
  result.retval = attr.retval;
  result.duration_ns = attr.duration;
  result.data_out.resize(std::min(attr.data_size_out, options.data_out_size));
  result.ctx_out.resize(std::min(attr.ctx_size_out, options.ctx_out_size));
  return result;
}

Result<UniqueFd> create_map(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t max_entries,
                            uint32_t flags, const std::string& name) {
  abi::map_create_attr attr = {};
  attr.map_type = type;
  attr.key_size = key_size;
  attr.value_size = value_size;
  attr.max_entries = max_entries;
  attr.map_flags = flags;
  copy_name(attr.map_name, name);
  return UniqueFd(SKEP_TRY(call(abi::BPF_MAP_CREATE, attr, abi::kMapCreateEnd)));
}

Status update(int map_fd, const void* key, const void* value, uint64_t flags) {
  auto attr = element(map_fd, key, value, flags);
  return command(abi::BPF_MAP_UPDATE_ELEM, attr);
}

Status lookup(int map_fd, const void* key, void* value, uint64_t flags) {
  auto attr = element(map_fd, key, value, flags);
  return command(abi::BPF_MAP_LOOKUP_ELEM, attr);
}

Status erase(int map_fd, const void* key) {
  auto attr = element(map_fd, key, nullptr, 0);
  return command(abi::BPF_MAP_DELETE_ELEM, attr);
}

Status next_key(int map_fd, const void* key, void* next) {
  auto attr = element(map_fd, key, next, 0);
  return command(abi::BPF_MAP_GET_NEXT_KEY, attr);
}

Status freeze(int map_fd) {
  auto attr = element(map_fd, nullptr, nullptr, 0);
  return command(abi::BPF_MAP_FREEZE, attr);
}

LoadedBtf load_btf(std::span<const std::byte> btf, uint32_t log_level) {
  LoadedBtf loaded;
  std::string log(log_level != 0 ? 1 << 20 : 0, '\0');
  abi::btf_load_attr attr = {};
  attr.btf = address(btf.data());
  attr.btf_size = static_cast<uint32_t>(btf.size());
  attr.btf_log_level = log_level;
  attr.btf_log_size = static_cast<uint32_t>(log.size());
  attr.btf_log_buf = log.empty() ? 0 : address(log.data());
  const long result = bpf(abi::BPF_BTF_LOAD, &attr, sizeof(attr));
  if (result < 0) {
    loaded.error = static_cast<int>(-result);
  } else {
    loaded.fd.reset(static_cast<int>(result));
  }
  loaded.log = log.c_str();
  return loaded;
}

Result<uint32_t> get_info(int fd, void* info, uint32_t size) {
  abi::info_attr attr = {};
  attr.bpf_fd = static_cast<uint32_t>(fd);
  attr.info_len = size;
  attr.info = address(info);
  SKEP_TRY(command(abi::BPF_OBJ_GET_INFO_BY_FD, attr));
  return attr.info_len;
}

Result<std::vector<isa::Insn>> xlated(int program_fd) {
  const auto sizes = SKEP_TRY(info<abi::bpf_prog_info>(program_fd));
  std::vector<isa::Insn> insns(sizes.xlated_prog_len / sizeof(isa::Insn));
  abi::bpf_prog_info request = {};
  request.xlated_prog_len = sizes.xlated_prog_len;
  request.xlated_prog_insns = address(insns.data());
  SKEP_TRY(get_info(program_fd, &request, sizeof(request)));
  return insns;
}

}  // namespace skep::live
