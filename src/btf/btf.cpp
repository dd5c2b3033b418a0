// Reading of a parsed BTF. How it comes to be is in parse.cpp.
#include "btf/btf.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace skep::btf {
namespace {

constexpr abi::btf_type kVoid{};
// Linux allows chains of 32 modifiers; kernel BTF is not checked for that here, so every walk has an end of
// its own.
constexpr int kMaxChain = 64;

constexpr uint32_t bit(uint32_t kind) { return 1u << kind; }
constexpr uint32_t kModifiers = bit(abi::BTF_KIND_TYPEDEF) | bit(abi::BTF_KIND_VOLATILE) |
                                bit(abi::BTF_KIND_CONST) | bit(abi::BTF_KIND_RESTRICT) |
                                bit(abi::BTF_KIND_TYPE_TAG);
constexpr uint32_t kSized = bit(abi::BTF_KIND_INT) | bit(abi::BTF_KIND_STRUCT) | bit(abi::BTF_KIND_UNION) |
                            bit(abi::BTF_KIND_ENUM) | bit(abi::BTF_KIND_DATASEC) | bit(abi::BTF_KIND_FLOAT) |
                            bit(abi::BTF_KIND_ENUM64);

}  // namespace

bool Type::is_modifier() const { return (kModifiers & bit(kind())) != 0; }
bool Type::has_size() const { return (kSized & bit(kind())) != 0; }

Type Btf::type(uint32_t id) const {
  if (id == 0) return {&kVoid, 0};
  if (id < first_id_) return base_ ? base_->type(id) : Type{};
  if (id - first_id_ >= offsets_.size()) return {};
  return {reinterpret_cast<const abi::btf_type*>(types_ + offsets_[id - first_id_]), id};
}

bool Btf::name_off_valid(uint32_t name_off) const {
  if (name_off < strings_start_) return base_ && base_->name_off_valid(name_off);
  return name_off - strings_start_ < strings_.size();
}

std::string_view Btf::name(uint32_t name_off) const {
  if (name_off < strings_start_) return base_ ? base_->name(name_off) : std::string_view{};
  if (name_off - strings_start_ >= strings_.size()) return {};
  return strings_.data() + (name_off - strings_start_);  // the section ends with a zero
}

void Btf::build_name_index() const {
  for (uint32_t id = first_id_; id < end_id(); ++id)
    if (type(id).name_off() != 0) ids_by_name_.push_back(id);
  std::ranges::sort(ids_by_name_, [this](uint32_t a, uint32_t b) {
    const int order = name_of(type(a)).compare(name_of(type(b)));
    return order != 0 ? order < 0 : a < b;
  });
}

uint32_t Btf::find(std::string_view wanted, uint32_t kind) const {
  std::call_once(names_once_, [this] { build_name_index(); });
  auto it =
      std::ranges::lower_bound(ids_by_name_, wanted, {}, [this](uint32_t id) { return name_of(type(id)); });
  for (; it != ids_by_name_.end() && name_of(type(*it)) == wanted; ++it)
    if (type(*it).is(kind)) return *it;
  return base_ ? base_->find(wanted, kind) : 0;
}

Type Btf::skip_modifiers(uint32_t id) const {
  Type found = type(id);
  for (int step = 0; found && found.is_modifier(); ++step) {
    if (step == kMaxChain) return {};
    const bool is_known = found.id() >= first_id_ && !resolved_ids_.empty();
    found = type(is_known ? resolved_ids_[found.id() - first_id_] : found.target());
  }
  return found;
}

std::optional<uint32_t> Btf::array_size(Type array) const {
  const uint32_t id = array.id();
  if (id < first_id_) return base_->array_size(array);
  if (!array_sizes_.empty()) return array_sizes_[id - first_id_];
  uint64_t count = 1;
  for (int step = 0; step < kMaxChain; ++step) {
    count *= array.array().nelems;
    if (count > UINT32_MAX) return std::nullopt;
    const Type element = skip_modifiers(array.array().type);
    if (!element) return std::nullopt;
    if (!element.is_array()) {
      const auto size = size_of(element.id());
      if (!size || count * *size > UINT32_MAX) return std::nullopt;
      return static_cast<uint32_t>(count * *size);
    }
    array = element;
  }
  return std::nullopt;
}

std::optional<Btf::Sized> Btf::sized(uint32_t id) const {
  Type found = skip_modifiers(id);
  if (found && found.is(abi::BTF_KIND_VAR)) found = skip_modifiers(found.target());
  if (!found) return std::nullopt;
  if (found.has_size()) return Sized{found, found.size()};
  if (found.is_ptr()) return Sized{found, sizeof(uint64_t)};
  if (!found.is_array()) return std::nullopt;
  const auto size = array_size(found);
  if (!size) return std::nullopt;
  return Sized{found, *size};
}

std::optional<uint32_t> Btf::size_of(uint32_t id) const {
  const auto found = sized(id);
  return found ? std::optional(found->size) : std::nullopt;
}

std::optional<int64_t> Btf::enumerator(Type type, std::string_view wanted) const {
  if (type.is(abi::BTF_KIND_ENUM)) {
    for (const auto& e : type.enumerators())
      if (name(e.name_off) == wanted)
        return type.kind_flag() ? int64_t{e.val} : int64_t{static_cast<uint32_t>(e.val)};
  } else if (type.is(abi::BTF_KIND_ENUM64)) {
    for (const auto& e : type.enumerators64())
      if (name(e.name_off) == wanted) return static_cast<int64_t>(uint64_t{e.val_hi32} << 32 | e.val_lo32);
  }
  return std::nullopt;
}

std::span<const uint32_t> Btf::decl_tags(uint32_t target) const {
  auto target_of = [this](uint32_t id) { return type(id).target(); };
  std::call_once(tags_once_, [&] {
    for (uint32_t id = first_id_; id < end_id(); ++id)
      if (type(id).is(abi::BTF_KIND_DECL_TAG)) decl_tags_.push_back(id);
    std::ranges::sort(decl_tags_, {}, [&](uint32_t id) { return std::pair(target_of(id), id); });
  });
  const auto found = std::ranges::equal_range(decl_tags_, target, {}, target_of);
  return {found.begin(), found.end()};
}

std::optional<std::string_view> Btf::decl_tag_value(uint32_t target, int component_idx,
                                                    std::string_view prefix) const {
  for (const uint32_t id : decl_tags(target)) {
    const std::string_view text = name_of(type(id));
    if (type(id).decl_tag().component_idx == component_idx && text.starts_with(prefix))
      return text.substr(prefix.size());
  }
  return std::nullopt;
}

std::optional<abi::btf_var_secinfo> Btf::variable_at(Type datasec, uint32_t offset) const {
  for (const auto& variable : datasec.secinfos())
    if (offset >= variable.offset && offset - variable.offset < variable.size) return variable;
  return std::nullopt;
}

std::string Btf::pretty_name(uint32_t id) const {
  static constexpr std::array<std::pair<uint32_t, std::string_view>, 6> kPrefixes{{
      {abi::BTF_KIND_STRUCT, "struct "},
      {abi::BTF_KIND_UNION, "union "},
      {abi::BTF_KIND_ENUM, "enum "},
      {abi::BTF_KIND_ENUM64, "enum "},
      {abi::BTF_KIND_CONST, "const "},
      {abi::BTF_KIND_VOLATILE, "volatile "},
  }};
  std::string before, behind;
  Type at = type(id);
  for (int step = 0; at && step < kMaxChain; ++step) {
    const uint32_t kind = at.kind();
    if (at.is_void()) return before + "void" + behind;
    if (at.is_ptr()) {
      behind = (behind.starts_with('*') ? "*" : " *") +
               std::string(behind.starts_with(' ') ? behind.substr(1) : behind);
    } else if (at.is_array()) {
      behind += fmt::format("[{}]", at.array().nelems);
    } else {
      for (const auto& [prefixed, prefix] : kPrefixes)
        if (prefixed == kind) before += prefix;
      if (at.is(abi::BTF_KIND_FWD)) before += at.kind_flag() ? "union " : "struct ";
      const bool passed_through = at.is_modifier() && !at.is(abi::BTF_KIND_TYPEDEF);
      if (!passed_through) {
        const std::string_view own = name_of(at);
        if (at.is_func_proto()) return before + "void ()" + behind;
        return before + std::string(own.empty() ? "(anon)" : own) + behind;
      }
    }
    at = type(at.is_array() ? at.array().type : at.target());
  }
  return before + "?" + behind;
}

}  // namespace skep::btf
