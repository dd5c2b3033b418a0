// Checker: the two passes of Linux's BTF verifier over a Btf under construction. Internal to btf/.
//
// Pass 1 (check_meta) looks at each record by itself and indexes it; pass 2 (check_types) follows references
// with an explicit stack of at most 32, as Linux does: deeper nesting is E2BIG, a loop EEXIST. Errors are
// positive errnos, 0 is success; every line of the log has Linux's format.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "btf/btf.h"

namespace skep::btf {

// ENOTSUPP of Linux, which is no errno of user space.
inline constexpr int kNotSupported = 524;

// A name as the log writes it.
std::string_view shown_name(const Btf& btf, uint32_t name_off);

class Checker {
 public:  // all of it: the rules of the kinds (kinds.h) are its other half
  Checker(Btf& btf, LogSink* log) : btf_(btf), log_(log) {}

  int check_metas(uint32_t type_section_length);
  int check_types();
  int check_type_tags();

  // Text without a subject; the caller writes the line's end where Linux has one.
  template <class... Args>
  int complain(int error, fmt::format_string<Args...> format, Args&&... args) {
    if (log_) log_->write(fmt::format(format, std::forward<Args>(args)...));
    return error;
  }

  struct Vertex {
    Type type;
    uint32_t id = 0;
    uint32_t next_member = 0;
  };
  enum class Mode : uint8_t { kUndecided, kPointer, kStructOrArray };
  enum class Visit : uint8_t { kNot, kOpen, kResolved };

  // The log: of a type (with its details), a type without details, a member, a variable of a section.
  int log_type(Type type, int error = 0, std::string_view message = {});
  int log_basic(Type type, int error, std::string_view message);
  int log_member(Type owner, const abi::btf_member& member, int error = 0, std::string_view message = {});
  int log_variable(Type section, const abi::btf_var_secinfo& variable, int error = 0,
                   std::string_view message = {});

  bool name_is_identifier(uint32_t name_off) const;
  bool name_is_section(uint32_t name_off) const;
  int check_meta(const abi::btf_type* raw, uint32_t left, uint32_t& used);

  bool is_resolved(uint32_t id) const;
  bool is_sink(Type type) const;
  int push(Type type);
  void pop_resolved(uint32_t resolved_id, uint32_t resolved_size);
  int resolve(Type type);
  bool resolve_state_is_valid(Type type) const;
  int check_func_proto(Type proto);
  Type resolved_target(uint32_t id) const;  // what a resolved modifier, pointer or variable comes down to
  std::optional<Btf::Sized> sized(uint32_t id) const;  // as far as pass 2 has come

  Btf& btf_;
  LogSink* log_;
  uint32_t log_id_ = 0;
  bool in_meta_pass_ = true;

  std::vector<Visit> visits_;
  static constexpr uint32_t kMaxDepth = 32;
  std::array<Vertex, kMaxDepth> stack_;
  uint32_t depth_ = 0;
  Mode mode_ = Mode::kUndecided;
};

}  // namespace skep::btf
