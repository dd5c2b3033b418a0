// What a function's BTF says of its arguments: as btf_prepare_func_args of Linux reads it.
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "btf/kinds.h"
#include "btf/prog_info.h"

namespace skep::btf {
namespace {

constexpr uint64_t set(std::initializer_list<abi::bpf_prog_type> types) {
  uint64_t bits = 0;
  for (const auto type : types) bits |= uint64_t{1} << type;
  return bits;
}
// What "arg:ctx" may be declared as, beside `void *` and the context's own struct.
constexpr uint64_t kTakesAnyContext =
    set({abi::BPF_PROG_TYPE_TRACEPOINT, abi::BPF_PROG_TYPE_SYSCALL, abi::BPF_PROG_TYPE_EXT});
constexpr uint64_t kTakesWordContext =
    set({abi::BPF_PROG_TYPE_RAW_TRACEPOINT, abi::BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
         abi::BPF_PROG_TYPE_TRACING, abi::BPF_PROG_TYPE_LSM, abi::BPF_PROG_TYPE_STRUCT_OPS});
constexpr uint64_t kTakesRegisters = set({abi::BPF_PROG_TYPE_KPROBE, abi::BPF_PROG_TYPE_PERF_EVENT});
constexpr std::string_view kRegistersTypedef = "bpf_user_pt_regs_t";
constexpr std::string_view kRegisters = "pt_regs";

enum Tag : uint32_t {
  kTagContext = 1 << 0,
  kTagTrusted = 1 << 1,
  kTagUntrusted = 1 << 2,
  kTagNonnull = 1 << 3,
  kTagNullable = 1 << 4,
  kTagArena = 1 << 5,
};
constexpr std::array<std::pair<std::string_view, Tag>, 6> kTags{{{"ctx", kTagContext},
                                                                 {"trusted", kTagTrusted},
                                                                 {"untrusted", kTagUntrusted},
                                                                 {"nonnull", kTagNonnull},
                                                                 {"nullable", kTagNullable},
                                                                 {"arena", kTagArena}}};

// The user-visible context and the kernel's own struct behind it are taken for one another.
bool is_projection(std::string_view context, std::string_view name) {
  return (context == "__sk_buff" && name == "sk_buff") || (context == "xdp_md" && name == "xdp_buff");
}

class Classifier {
 public:
  Classifier(const Btf& btf, Type func, abi::bpf_prog_type program_type, std::string_view context,
             LogSink* log)
      : btf_(btf), func_(func), program_(uint64_t{1} << program_type), context_(context), log_(log) {}

  Result<FunctionSignature> run();

 private:
  template <class... Args>
  std::unexpected<Error> reject(int error, fmt::format_string<Args...> format, Args&&... args) {
    if (log_) log_->write(fmt::format(format, std::forward<Args>(args)...));
    return fail(error);
  }

  Result<uint32_t> tags(int index);
  Result<Argument> argument(int index, Type declared);
  Result<Argument> pointer(int index, Type pointer, uint32_t tags);
  Result<Argument> untrusted(int index, Type pointee, uint32_t tags);
  Result<Argument> memory(int index, Type pointee, uint32_t tags);
  bool names_registers(Type pointer) const;
  bool is_context(Type pointer) const;
  bool is_dynptr(Type pointer) const;
  Status check_tagged_context(int index, Type pointer);

  const Btf& btf_;
  const Type func_;
  const uint64_t program_;
  const std::string_view context_;
  LogSink* const log_;
  bool is_global_ = false;
};

Result<FunctionSignature> Classifier::run() {
  is_global_ = func_.vlen() == abi::BTF_FUNC_GLOBAL;
  const Type proto = btf_.type(func_.target());
  const auto params = proto.params();
  const std::string_view name = btf_.name_of(func_);
  if (params.size() > abi::MAX_BPF_FUNC_REG_ARGS) {
    if (!is_global_) return fail(EINVAL);
    return reject(EINVAL, "Global function {}() with {} > {} args. Buggy compiler.\n", name, params.size(),
                  static_cast<uint32_t>(abi::MAX_BPF_FUNC_REG_ARGS));
  }
  const Type returned = btf_.skip_modifiers(proto.target());
  if (!returned.is_int() && !returned.is_any_enum()) {
    if (!is_global_) return fail(EINVAL);
    return reject(EINVAL, "Global function {}() doesn't return scalar. Only those are supported.\n", name);
  }
  FunctionSignature signature{is_global_, {}};
  for (size_t i = 0; i < params.size(); ++i)
    signature.arguments.push_back(
        SKEP_TRY(argument(static_cast<int>(i), btf_.skip_modifiers(params[i].type))));
  return signature;
}

Result<uint32_t> Classifier::tags(int index) {
  constexpr std::string_view kPrefix = "arg:";
  uint32_t found = 0;
  for (const uint32_t id : btf_.decl_tags(func_.id())) {
    const Type tag = btf_.type(id);
    const std::string_view text = btf_.name_of(tag);
    if (tag.decl_tag().component_idx != index || !text.starts_with(kPrefix)) continue;
    if (!is_global_)
      return reject(EOPNOTSUPP, "arg#{} type tag is not supported in static functions\n", index);
    uint32_t bit = 0;
    for (const auto& [name, value] : kTags)
      if (name == text.substr(kPrefix.size())) bit = value;
    if (bit == 0) return reject(EOPNOTSUPP, "arg#{} has unsupported set of tags\n", index);
    found |= bit;
  }
  return found;
}

Result<Argument> Classifier::argument(int index, Type declared) {
  const uint32_t found = SKEP_TRY(tags(index));
  // Of a static function only the pointers that cannot be taken for memory are known.
  if (declared.is_ptr() && (is_global_ || is_context(declared) || is_dynptr(declared)))
    return pointer(index, declared, found);
  if (found != 0) return reject(EINVAL, "arg#{} has pointer tag, but is not a pointer type\n", index);
  if (declared.is_int() || declared.is_any_enum()) return Argument{.type_id = declared.id()};
  if (!is_global_) return fail(EINVAL);
  return reject(EINVAL, "Arg#{} type {} in {}() is not supported yet.\n", index,
                kind_row(declared.kind()).name, btf_.name_of(func_));
}

Result<Argument> Classifier::pointer(int index, Type pointer, uint32_t tags) {
  const Type pointee = btf_.skip_modifiers(pointer.target());
  auto bad_combination = [&] { return reject(EINVAL, "arg#{} has invalid combination of tags\n", index); };
  Argument argument{.type_id = pointee.id()};
  if ((tags & kTagContext) || is_context(pointer)) {
    if (tags & ~kTagContext) return bad_combination();
    if (tags & kTagContext) SKEP_TRY(check_tagged_context(index, pointer));
    argument.kind = Argument::kContext;
    return argument;
  }
  if (is_dynptr(pointer)) {
    if (tags != 0) return bad_combination();
    argument.kind = Argument::kDynptr;
    return argument;
  }
  if (tags & kTagTrusted) {
    if (tags & kTagNonnull) return bad_combination();
    argument.kind = Argument::kTrusted;
    argument.may_be_null = (tags & kTagNullable) != 0;
    return argument;
  }
  if (tags & kTagUntrusted) return untrusted(index, pointee, tags);
  if (tags & kTagArena) {
    if (tags & ~kTagArena)
      return reject(EINVAL, "arg#{} arena cannot be combined with any other tags\n", index);
    argument.kind = Argument::kArena;
    return argument;
  }
  return memory(index, pointee, tags);
}

Result<Argument> Classifier::untrusted(int index, Type pointee, uint32_t tags) {
  if (tags & ~kTagUntrusted)
    return reject(EINVAL, "arg#{} untrusted cannot be combined with any other tags\n", index);
  const bool is_plain =
      pointee.is_void() || pointee.is_int() || pointee.is_any_enum() || pointee.is(abi::BTF_KIND_FLOAT);
  return Argument{.kind = is_plain ? Argument::kUntrustedMemory : Argument::kUntrusted,
                  .type_id = pointee.id()};
}

Result<Argument> Classifier::memory(int index, Type pointee, uint32_t tags) {
  if (tags & kTagNullable) return reject(EINVAL, "arg#{} has invalid combination of tags\n", index);
  const auto size = btf_.size_of(pointee.id());
  if (!size)
    return reject(EINVAL, "arg#{} reference type('{} {}') size cannot be determined: -22\n", index,
                  kind_row(pointee.kind()).name, btf_.name_of(pointee));
  return Argument{.kind = Argument::kMemory,
                  .may_be_null = (tags & kTagNonnull) == 0,
                  .memory_size = *size,
                  .type_id = pointee.id()};
}

bool Classifier::names_registers(Type pointer) const {
  Type pointee = btf_.type(pointer.target());
  while (pointee.is_modifier() && !pointee.is(abi::BTF_KIND_TYPEDEF)) pointee = btf_.type(pointee.target());
  return pointee.is(abi::BTF_KIND_TYPEDEF) && btf_.name_of(pointee) == kRegistersTypedef;
}

bool Classifier::is_context(Type pointer) const {
  const bool is_kprobe = (program_ & set({abi::BPF_PROG_TYPE_KPROBE})) != 0;
  if (is_kprobe && names_registers(pointer)) return true;
  const Type pointee = btf_.skip_modifiers(pointer.target());
  if (!pointee.is_struct_or_union() || context_.empty()) return false;
  const std::string_view name = btf_.name_of(pointee);
  if (name.empty()) return false;
  return name == (context_ == kRegistersTypedef ? kRegisters : context_) || is_projection(context_, name);
}

bool Classifier::is_dynptr(Type pointer) const {
  const Type pointee = btf_.skip_modifiers(pointer.target());
  return pointee.is(abi::BTF_KIND_STRUCT) && btf_.name_of(pointee) == "bpf_dynptr";
}

Status Classifier::check_tagged_context(int index, Type pointer) {
  if ((program_ & kTakesRegisters) && names_registers(pointer)) return {};
  const Type pointee = btf_.skip_modifiers(pointer.target());
  if (pointee.is_void()) return {};
  const std::string_view name = btf_.name_of(pointee);
  if (name.empty()) return reject(EINVAL, "arg#{} type doesn't have a name\n", index);
  const bool is_struct = pointee.is(abi::BTF_KIND_STRUCT);
  if ((program_ & kTakesRegisters) && is_struct && name == kRegisters) return {};
  if ((program_ & kTakesWordContext) && pointee.is_int() && pointee.size() == sizeof(uint64_t)) return {};
  if (program_ & kTakesAnyContext) return {};
  const std::string_view wanted = context_ == kRegistersTypedef ? kRegisters : context_;
  if (wanted.empty()) return reject(EINVAL, "arg#{} should be void pointer\n", index);
  if (!is_struct || name != wanted) return reject(EINVAL, "arg#{} should be `struct {} *`\n", index, wanted);
  return {};
}

}  // namespace

Result<FunctionSignature> classify_function(const Btf& btf, Type func, abi::bpf_prog_type program_type,
                                            std::string_view context_name, LogSink* log) {
  return Classifier(btf, func, program_type, context_name, log).run();
}

}  // namespace skep::btf
