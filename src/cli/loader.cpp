#include "cli/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/load_time.h"

namespace skep::cli {
namespace {

constexpr size_t kLogCapacity = 16u << 20;  // libbpf's own limit for a retried log

std::string first_warning;  // the cause; what libbpf says after it are consequences

int capture_warning(enum libbpf_print_level level, const char* format, va_list args) {
  if (level != LIBBPF_WARN) return 0;
  char line[512];
  std::vsnprintf(line, sizeof line, format, args);
  std::string text = line;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.starts_with("libbpf: ")) text.erase(0, 8);
  const bool is_cause = text.find("BPF program load failed") == std::string::npos &&
                        text.find("Retrying without BTF") == std::string::npos;
  if (is_cause && first_warning.empty()) first_warning = text;
  return 0;
}

struct ObjectCloser {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using ObjectPtr = std::unique_ptr<bpf_object, ObjectCloser>;

ObjectPtr open_object(const std::string& path) {
  libbpf_set_print(capture_warning);
  libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
  first_warning.clear();
  return ObjectPtr(bpf_object__open_file(path.c_str(), nullptr));
}

// Takes the count out of the statistics line of a verifier log.
uint32_t processed_of(const std::string& log) {
  const size_t at = log.rfind("processed ");
  uint32_t count = 0;
  if (at != std::string::npos) std::sscanf(log.c_str() + at, "processed %u insns", &count);
  return count;
}

bpf_program* select_only(bpf_object* object, const std::string& name) {
  bpf_program* selected = nullptr;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const bool wanted = name == bpf_program__name(program);
    bpf_program__set_autoload(program, wanted);
    if (wanted) selected = program;
  }
  return selected;
}

}  // namespace

struct ObjectFile::State {
  std::string path;
  ObjectPtr object;
};

struct ObjectFile::Loaded::State {
  ObjectPtr object;
  int fd;
};

ObjectFile::ObjectFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
ObjectFile::ObjectFile(ObjectFile&&) noexcept = default;
ObjectFile& ObjectFile::operator=(ObjectFile&&) noexcept = default;
ObjectFile::~ObjectFile() = default;

Result<ObjectFile> ObjectFile::open(const std::string& path) {
  if (std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose); !file)
    return fail(errno, path + ": " + std::strerror(errno));
  ObjectPtr object = open_object(path);
  if (!object) {
    const int code = errno ? errno : EINVAL;
    return fail(code,
                path + ": " + (first_warning.empty() ? std::string("not a BPF object") : first_warning));
  }
  return ObjectFile(std::make_unique<State>(path, std::move(object)));
}

const std::string& ObjectFile::path() const { return state_->path; }

std::vector<ProgramInfo> ObjectFile::programs() const {
  std::vector<ProgramInfo> result;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, state_->object.get()) {
    const bpf_prog_type type = bpf_program__type(program);
    const char* type_name = libbpf_bpf_prog_type_str(type);
    result.push_back({bpf_program__name(program), bpf_program__section_name(program),
                      type_name ? type_name : "unknown", static_cast<uint32_t>(type),
                      static_cast<uint32_t>(bpf_program__insn_cnt(program))});
  }
  return result;
}

Result<std::vector<isa::Insn>> ObjectFile::instructions(const std::string& name) const {
  bpf_program* program = bpf_object__find_program_by_name(state_->object.get(), name.c_str());
  if (!program) return fail(ENOENT, state_->path + ": no program named " + name);
  std::vector<isa::Insn> insns(bpf_program__insn_cnt(program));
  std::memcpy(static_cast<void*>(insns.data()), bpf_program__insns(program),
              insns.size() * sizeof(isa::Insn));
  return insns;
}

LoadResult ObjectFile::load(const std::string& name, uint32_t log_level) const {
  LoadResult result;
  ObjectPtr object = open_object(state_->path);
  bpf_program* program = object ? select_only(object.get(), name) : nullptr;
  if (!program) {
    result.error = ENOENT;
    result.message = state_->path + ": no program named " + name;
    return result;
  }
  std::vector<char> log(kLogCapacity);
  bpf_program__set_log_buf(program, log.data(), log.size());
  bpf_program__set_log_level(program, log_level);
  reset_load_time();
  errno = 0;
  const int status = bpf_object__load(object.get());
  result.accepted = status == 0;
  result.error = status == 0 ? 0 : -status;
  result.log = log.data();
  result.time_us = load_time_us();
  result.processed = processed_of(result.log);
  if (!result.accepted && result.log.empty()) result.message = first_warning;
  return result;
}

ObjectFile::Loaded::Loaded(std::unique_ptr<State> state) : state_(std::move(state)) {}
ObjectFile::Loaded::Loaded(Loaded&&) noexcept = default;
ObjectFile::Loaded::~Loaded() = default;
int ObjectFile::Loaded::program_fd() const { return state_->fd; }

Result<ObjectFile::Loaded> ObjectFile::load_and_keep(const std::string& name) const {
  ObjectPtr object = open_object(state_->path);
  bpf_program* program = object ? select_only(object.get(), name) : nullptr;
  if (!program) return fail(ENOENT, state_->path + ": no program named " + name);
  if (const int status = bpf_object__load(object.get()); status != 0)
    return fail(-status, name + " does not load: " + std::strerror(-status) +
                             (first_warning.empty() ? "" : " (" + first_warning + ")"));
  const int fd = bpf_program__fd(program);
  return Loaded(std::make_unique<Loaded::State>(std::move(object), fd));
}

}  // namespace skep::cli
