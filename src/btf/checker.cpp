// The walk of both passes and the log's line formats; the rules of single kinds are in *_rules.cpp.
#include "btf/checker.h"

#include <cstring>

#include "btf/kinds.h"

namespace skep::btf {
namespace {

constexpr uint32_t kInfoBits = 0x9f00ffff;  // vlen, kind, kind_flag
constexpr size_t kMaxIdentifier = 512;      // KSYM_NAME_LEN

// Linux's ctype table is Latin-1: its letters count, which a C locale's do not.
bool is_letter(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}
bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
bool is_printable(uint8_t c) { return (c >= 0x20 && c < 0x7f) || c >= 0xa0; }

}  // namespace

std::string_view shown_name(const Btf& btf, uint32_t name_off) {
  if (name_off == 0) return "(anon)";
  return btf.name_off_valid(name_off) ? btf.name(name_off) : "(invalid-name-offset)";
}

int Checker::log_type(Type type, int error, std::string_view message) {
  if (!log_) return error;
  const KindRow& row = kind_row(type.kind());
  log_->write(fmt::format("[{}] {} {} {}{}{}\n", log_id_, row.name, shown_name(btf_, type.name_off()),
                          row.details(btf_, type), message.empty() ? "" : " ", message));
  return error;
}

int Checker::log_basic(Type type, int error, std::string_view message) {
  if (!log_) return error;
  log_->write(fmt::format("[{}] {} {}{}{}\n", log_id_, kind_row(type.kind()).name,
                          shown_name(btf_, type.name_off()), message.empty() ? "" : " ", message));
  return error;
}

int Checker::log_member(Type owner, const abi::btf_member& member, int error, std::string_view message) {
  if (!log_) return error;
  // Pass 1 has just written the struct's own line; pass 2 comes here only to complain.
  if (!in_meta_pass_) log_type(owner);
  std::string text = fmt::format("\t{} type_id={}", shown_name(btf_, member.name_off), member.type);
  if (owner.kind_flag()) text += fmt::format(" bitfield_size={}", owner.member_bitfield_size(member));
  log_->write(fmt::format("{} bits_offset={}{}{}\n", text, owner.member_bit_offset(member),
                          message.empty() ? "" : " ", message));
  return error;
}

int Checker::log_variable(Type section, const abi::btf_var_secinfo& variable, int error,
                          std::string_view message) {
  if (!log_) return error;
  if (!in_meta_pass_) log_type(section);
  log_->write(fmt::format("\t type_id={} offset={} size={}{}{}\n", variable.type, variable.offset,
                          variable.size, message.empty() ? "" : " ", message));
  return error;
}

bool Checker::name_is_identifier(uint32_t name_off) const {
  const std::string_view name = btf_.name(name_off);
  if (name.empty() || name.size() > kMaxIdentifier) return false;
  bool is_first = true;
  for (const char raw : name) {
    const auto c = static_cast<uint8_t>(raw);
    if (!is_letter(c) && c != '_' && c != '.' && (is_first || !is_digit(c))) return false;
    is_first = false;
  }
  return true;
}

bool Checker::name_is_section(uint32_t name_off) const {
  const std::string_view name = btf_.name(name_off);
  if (name.empty() || name.size() > kMaxIdentifier) return false;
  for (const char c : name)
    if (!is_printable(static_cast<uint8_t>(c))) return false;
  return true;
}

int Checker::check_meta(const abi::btf_type* raw, uint32_t left, uint32_t& used) {
  if (left < sizeof(*raw))
    return complain(EINVAL, "[{}] meta_left:{} meta_needed:{}", log_id_, left, sizeof(*raw));
  left -= sizeof(*raw);
  if (raw->info & ~kInfoBits) return complain(EINVAL, "[{}] Invalid btf_info:{:x}", log_id_, raw->info);
  const Type type(raw, log_id_);
  if (type.kind() > abi::BTF_KIND_MAX || type.kind() == abi::BTF_KIND_UNKN)
    return complain(EINVAL, "[{}] Invalid kind:{}", log_id_, type.kind());
  if (!btf_.name_off_valid(raw->name_off))
    return complain(EINVAL, "[{}] Invalid name_offset:{}", log_id_, raw->name_off);

  const KindRow& row = kind_row(type.kind());
  const uint32_t needed = row.fixed_size + row.item_size * type.vlen();
  if (left < needed) return log_basic(type, EINVAL, fmt::format("meta_left:{} meta_needed:{}", left, needed));
  used = sizeof(*raw) + needed;
  return row.check_meta(*this, type);
}

int Checker::check_metas(uint32_t type_section_length) {
  in_meta_pass_ = true;
  log_id_ = btf_.first_id_;
  for (uint32_t at = 0; at < type_section_length;) {
    uint32_t used = 0;
    const auto* raw = reinterpret_cast<const abi::btf_type*>(btf_.types_ + at);
    if (const int error = check_meta(raw, type_section_length - at, used)) return error;
    if (log_id_ > abi::BTF_MAX_TYPE) return complain(E2BIG, "Too many types");
    btf_.offsets_.push_back(at);
    at += used;
    ++log_id_;
  }
  return 0;
}

int Checker::check_types() {
  in_meta_pass_ = false;
  const size_t count = btf_.offsets_.size();
  visits_.assign(count, Visit::kNot);
  btf_.resolved_ids_.assign(count, 0);
  btf_.array_sizes_.assign(count, 0);
  for (uint32_t id = btf_.first_id_; id < btf_.end_id(); ++id) {
    const Type type = btf_.type(id);
    log_id_ = id;
    if (kind_row(type.kind()).needs_resolve && !is_resolved(id))
      if (const int error = resolve(type)) return error;
    if (type.is_func_proto())
      if (const int error = check_func_proto(type)) return error;
  }
  return 0;
}

int Checker::check_type_tags() {
  // Tags come first in a chain of modifiers, so none may stand right behind another kind of modifier.
  for (uint32_t id = btf_.first_id_; id < btf_.end_id(); ++id) {
    const Type type = btf_.type(id);
    if (!type.is_modifier() || type.is(abi::BTF_KIND_TYPE_TAG)) continue;
    if (btf_.type(type.target()).is(abi::BTF_KIND_TYPE_TAG))
      return complain(EINVAL, "Type tags don't precede modifiers");
  }
  return 0;
}

}  // namespace skep::btf
