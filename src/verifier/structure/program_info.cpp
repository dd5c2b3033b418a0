// func_info and line_info: the program's BTF against its subprograms.
#include "btf/prog_info.h"

#include "verifier/structure/structure.h"

namespace skep::verifier {
namespace {

template <class Record>
btf::InfoRecords records(std::span<const std::byte> bytes) {
  return {sizeof(Record), static_cast<uint32_t>(bytes.size() / sizeof(Record)), bytes};
}

}  // namespace

Check check_program_info_early(Context& c) {
  const Request& r = c.request;
  if (r.func_info.empty()) return {};
  if (!r.btf) return c.reject(EINVAL, "func_info without BTF");
  auto info = btf::check_func_info_early(*r.btf, records<abi::bpf_func_info>(r.func_info), &c.log);
  if (!info) {
    c.rejection = {info.error().code, 0, info.error().message};
    return Check::refused(info.error().code);
  }
  c.func_info = *std::move(info);
  return {};
}

namespace {

using Argument = SubprogInfo::Argument;

Argument classify(const btf::Argument& arg) {
  switch (arg.kind) {
    case btf::Argument::kScalar:
      return {Argument::kAnything};
    case btf::Argument::kContext:
      return {Argument::kContext};
    case btf::Argument::kMemory:
      return {Argument::kMemory, arg.memory_size, arg.may_be_null};
    default:
      return {Argument::kUnsupported};
  }
}

// Functions that may end without a value must not use what ends a program on its own.
Check check_abnormal_return(Context& c) {
  for (uint32_t i = 1; i < c.subprog_count(); ++i) {
    const SubprogInfo& sub = c.subprogs[i];
    const bool described = i < c.func_info.size() && c.request.btf;
    if (described && btf::returns_scalar(*c.request.btf, c.request.btf->type(c.func_info[i].type_id)))
      continue;
    const char* only = "is only allowed in functions that return 'int'.";
    const char* why = described ? only : "is not allowed in subprogs without BTF";
    if (sub.has_ld_abs) return c.reject(EINVAL, "LD_ABS {}", why);
    if (sub.has_tail_call) return c.reject(EINVAL, "tail_call {}", why);
  }
  return {};
}

Check describe_functions(Context& c) {
  for (size_t i = 0; i < c.func_info.size() && i < c.subprog_count(); ++i) {
    SubprogInfo& sub = c.subprogs[i];
    const btf::Type func = c.request.btf->type(c.func_info[i].type_id);
    sub.name = c.request.btf->name_of(func);
    sub.is_global = func.vlen() == abi::BTF_FUNC_GLOBAL;
  }
  return {};
}

Check refuse_exception_callback(Context& c) {
  if (c.func_info.empty() || !c.request.btf) return {};
  if (!c.request.btf->decl_tag_value(c.func_info[0].type_id, -1, "exception_callback:")) return {};
  return c.reject(EINVAL, "exception callbacks are not supported");
}

}  // namespace

Check check_program_info(Context& c) {
  const Request& r = c.request;
  std::vector<uint32_t> starts;
  for (uint32_t i = 0; i < c.subprog_count(); ++i) starts.push_back(c.subprogs[i].start);
  if (!c.func_info.empty()) {
    if (auto ok = btf::check_func_info(c.func_info, starts, &c.log); !ok) {
      c.rejection = {ok.error().code, 0, ok.error().message};
      return Check::refused(ok.error().code);
    }
    SKEP_REQUIRE(describe_functions(c));
  }
  SKEP_REQUIRE(refuse_exception_callback(c));
  SKEP_REQUIRE(check_abnormal_return(c));
  if (!r.line_info.empty() && r.btf) {
    static_assert(sizeof(isa::Insn) == sizeof(abi::bpf_insn));
    const std::span insns(reinterpret_cast<const abi::bpf_insn*>(r.insns.data()), r.insns.size());
    auto lines =
        btf::check_line_info(*r.btf, records<abi::bpf_line_info>(r.line_info), insns, starts, &c.log);
    if (!lines) {
      c.rejection = {lines.error().code, 0, lines.error().message};
      return Check::refused(lines.error().code);
    }
    c.line_info = *std::move(lines);
  }
  return {};
}

Check learn_arguments(Context& c, uint32_t subprog) {
  SubprogInfo& sub = c.subprogs[subprog];
  if (sub.arguments_known) return {};
  if (c.func_info.size() <= subprog || !c.request.btf) return c.reject(EINVAL, "func#{} has no BTF", subprog);
  const btf::Type func = c.request.btf->type(c.func_info[subprog].type_id);
  auto described = btf::classify_function(*c.request.btf, func, static_cast<abi::bpf_prog_type>(c.prog_type),
                                          c.request.type->context->name, &c.log);
  if (!described) {
    c.rejection = {described.error().code, 0, described.error().message};
    return Check::refused(described.error().code);
  }
  for (const btf::Argument& arg : described->arguments) sub.arguments.push_back(classify(arg));
  sub.arguments_known = true;
  return {};
}

}  // namespace skep::verifier
