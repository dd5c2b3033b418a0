// Btf: one checked, immutable BTF object; the way in is Btf::parse.
//
// The bytes are kept as they came; types are found by an index of offsets and read through the view `Type`,
// so that nothing is allocated per type. Ids count from 1 (0 is void); with a base, the base's ids and
// strings come first. What parse has accepted is safe to walk: every id is valid, every name terminated,
// every reference chain ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abi/btf.h"
#include "base/ref.h"
#include "base/result.h"
#include "btf/log.h"

namespace skep::btf {

class Btf;

// A view of one type; cheap to copy, valid as long as its Btf.
class Type {
 public:
  Type() = default;
  Type(const abi::btf_type* raw, uint32_t id) : raw_(raw), id_(id) {}

  explicit operator bool() const { return raw_ != nullptr; }
  uint32_t id() const { return id_; }
  uint32_t kind() const { return abi::BTF_INFO_KIND(raw_->info); }  // abi::BTF_KIND_*, BTF_KIND_UNKN for void
  uint32_t vlen() const { return abi::BTF_INFO_VLEN(raw_->info); }
  bool kind_flag() const { return abi::BTF_INFO_KFLAG(raw_->info); }
  uint32_t name_off() const { return raw_->name_off; }
  uint32_t size() const { return raw_->size; }    // of kinds that carry a size
  uint32_t target() const { return raw_->type; }  // of kinds that refer to one type
  const abi::btf_type* raw() const { return raw_; }

  bool is(uint32_t kind_wanted) const { return kind() == kind_wanted; }
  bool is_void() const { return id_ == 0; }
  bool is_int() const { return is(abi::BTF_KIND_INT); }
  bool is_ptr() const { return is(abi::BTF_KIND_PTR); }
  bool is_array() const { return is(abi::BTF_KIND_ARRAY); }
  bool is_struct_or_union() const { return is(abi::BTF_KIND_STRUCT) || is(abi::BTF_KIND_UNION); }
  bool is_any_enum() const { return is(abi::BTF_KIND_ENUM) || is(abi::BTF_KIND_ENUM64); }
  bool is_func() const { return is(abi::BTF_KIND_FUNC); }
  bool is_func_proto() const { return is(abi::BTF_KIND_FUNC_PROTO); }
  bool is_modifier() const;  // typedef, const, volatile, restrict, type_tag
  bool has_size() const;     // carries its size: int, struct, union, enum, enum64, float, datasec

  // What follows the type record; ask only of the matching kind.
  uint32_t int_data() const { return *behind<uint32_t>(); }
  const abi::btf_array& array() const { return *behind<abi::btf_array>(); }
  const abi::btf_var& var() const { return *behind<abi::btf_var>(); }
  const abi::btf_decl_tag& decl_tag() const { return *behind<abi::btf_decl_tag>(); }
  std::span<const abi::btf_member> members() const { return {behind<abi::btf_member>(), vlen()}; }
  std::span<const abi::btf_enum> enumerators() const { return {behind<abi::btf_enum>(), vlen()}; }
  std::span<const abi::btf_enum64> enumerators64() const { return {behind<abi::btf_enum64>(), vlen()}; }
  std::span<const abi::btf_param> params() const { return {behind<abi::btf_param>(), vlen()}; }
  std::span<const abi::btf_var_secinfo> secinfos() const { return {behind<abi::btf_var_secinfo>(), vlen()}; }
  // In bits from the start of the struct, and the width of a bitfield (0: not a bitfield).
  uint32_t member_bit_offset(const abi::btf_member& member) const {
    return kind_flag() ? abi::BTF_MEMBER_BIT_OFFSET(member.offset) : member.offset;
  }
  uint32_t member_bitfield_size(const abi::btf_member& member) const {
    return kind_flag() ? abi::BTF_MEMBER_BITFIELD_SIZE(member.offset) : 0;
  }

 private:
  template <class T>
  const T* behind() const {
    return reinterpret_cast<const T*>(raw_ + 1);
  }

  const abi::btf_type* raw_ = nullptr;
  uint32_t id_ = 0;
};

struct ParseOptions {
  Ref<const Btf> base;     // split BTF: where ids and strings go on from
  LogSink* log = nullptr;  // gets the lines of Linux's BTF verifier at log level 1
  // BTF that the host's kernel has made for itself: only what memory safety needs is checked.
  bool from_kernel = false;
};

class Btf final : public RefCounted {
 public:
  // Checks as BPF_BTF_LOAD does, with its errno. E2BIG beyond abi::BTF_MAX_SIZE.
  static Result<Ref<const Btf>> parse(std::span<const std::byte> data, const ParseOptions& options = {});

  std::span<const std::byte> data() const { return {data_, size_}; }  // as it was loaded
  const Ref<const Btf>& base() const { return base_; }
  bool from_kernel() const { return from_kernel_; }
  uint32_t first_id() const { return first_id_; }  // 1, or the base's end_id
  uint32_t end_id() const { return first_id_ + static_cast<uint32_t>(offsets_.size()); }

  Type type(uint32_t id) const;                    // void for 0; an empty view for an id that does not exist
  std::string_view name(uint32_t name_off) const;  // "" for 0 and for an offset out of range
  bool name_off_valid(uint32_t name_off) const;
  uint32_t strings_end() const { return strings_start_ + static_cast<uint32_t>(strings_.size()); }
  std::string_view name_of(Type type) const { return name(type.name_off()); }

  // The first id of that name and kind, 0 where there is none. Looks into the base last.
  uint32_t find(std::string_view name, uint32_t kind) const;

  // Through typedef, const, volatile, restrict and type_tag.
  Type skip_modifiers(uint32_t id) const;
  // The type that carries the size, through modifiers and variables, and its size in bytes; nothing for types
  // without a size (void, fwd, func, func_proto, decl_tag).
  struct Sized {
    Type type;
    uint32_t size;
  };
  std::optional<Sized> sized(uint32_t id) const;
  std::optional<uint32_t> size_of(uint32_t id) const;

  // A value of an enum or enum64 by its name.
  std::optional<int64_t> enumerator(Type type, std::string_view name) const;
  // The decl_tags of a type, by rising id: ids of BTF_KIND_DECL_TAG.
  std::span<const uint32_t> decl_tags(uint32_t target) const;
  // The text behind `prefix` in the first decl_tag of that component (a member, an argument; -1: the type
  // itself) that begins with it. E.g. decl_tag_value(func, 2, "arg:").
  std::optional<std::string_view> decl_tag_value(uint32_t target, int component_idx,
                                                 std::string_view prefix) const;
  // The variable of a datasec that covers byte `offset`.
  std::optional<abi::btf_var_secinfo> variable_at(Type datasec, uint32_t offset) const;
  // As C writes it: "struct foo *", "int", "const char *", "u32[4]".
  std::string pretty_name(uint32_t id) const;

 private:
  friend class Parser;
  friend class Checker;
  Btf() = default;

  void build_name_index() const;
  std::optional<uint32_t> array_size(Type array) const;

  std::unique_ptr<std::byte[]> storage_;
  const std::byte* data_ = nullptr;  // inside storage_, so that the type section is aligned
  size_t size_ = 0;
  const std::byte* types_ = nullptr;
  std::string_view strings_;
  uint32_t strings_start_ = 0;  // the base's string length
  uint32_t first_id_ = 1;
  bool from_kernel_ = false;
  Ref<const Btf> base_;
  std::vector<uint32_t> offsets_;  // of type first_id_ + i, from types_

  // Of type first_id_ + i, so that no question walks a long chain; empty for kernel BTF, whose chains are
  // short.
  std::vector<uint32_t> array_sizes_;   // 0 for other kinds
  std::vector<uint32_t> resolved_ids_;  // of modifiers: what is behind all of them

  // Built on the first question.
  mutable std::once_flag names_once_;
  mutable std::vector<uint32_t> ids_by_name_;  // sorted by (name, id); named types only
  mutable std::once_flag tags_once_;
  mutable std::vector<uint32_t> decl_tags_;  // sorted by target
};

}  // namespace skep::btf
