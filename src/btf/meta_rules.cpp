// Pass 1 of the check, kind by kind: what a record may hold, looked at by itself. Order of the checks is
// Linux's, since the first that fails decides what the log says.
#include <cerrno>

#include "btf/kinds.h"

namespace skep::btf::meta {
namespace {

constexpr bool valid_id(uint32_t id) { return id <= abi::BTF_MAX_TYPE; }
constexpr uint32_t bytes_for_bits(uint32_t bits) { return bits / 8 + (bits % 8 != 0); }

bool bad_optional_identifier(const Checker& checker, Type type) {
  return type.name_off() != 0 && !checker.name_is_identifier(type.name_off());
}

}  // namespace

int integer(Checker& checker, Type type) {
  constexpr uint32_t kDataBits = 0x0fffffff;
  constexpr uint32_t kMaxBits = 128;
  if (type.vlen() != 0) return checker.log_type(type, EINVAL, "vlen != 0");
  if (type.kind_flag()) return checker.log_type(type, EINVAL, "Invalid btf_info kind_flag");
  const uint32_t data = type.int_data();
  if (data & ~kDataBits) return checker.log_basic(type, EINVAL, fmt::format("Invalid int_data:{:x}", data));
  const uint32_t bits = abi::BTF_INT_BITS(data) + abi::BTF_INT_OFFSET(data);
  if (bits > kMaxBits) return checker.log_type(type, EINVAL, fmt::format("nr_bits exceeds {}", kMaxBits));
  if (bytes_for_bits(bits) > type.size()) return checker.log_type(type, EINVAL, "nr_bits exceeds type_size");
  const uint32_t encoding = abi::BTF_INT_ENCODING(data);
  if (encoding != 0 && encoding != abi::BTF_INT_SIGNED && encoding != abi::BTF_INT_CHAR &&
      encoding != abi::BTF_INT_BOOL)
    return checker.log_type(type, kNotSupported, "Unsupported encoding");
  return checker.log_type(type);
}

int reference(Checker& checker, Type type) {
  if (type.vlen() != 0) return checker.log_type(type, EINVAL, "vlen != 0");
  const bool is_tag = type.is(abi::BTF_KIND_TYPE_TAG);
  if (type.kind_flag() && !is_tag) return checker.log_type(type, EINVAL, "Invalid btf_info kind_flag");
  if (!valid_id(type.target())) return checker.log_type(type, EINVAL, "Invalid type_id");
  if (type.is(abi::BTF_KIND_TYPEDEF)) {
    if (type.name_off() == 0 || !checker.name_is_identifier(type.name_off()))
      return checker.log_type(type, EINVAL, "Invalid name");
  } else if (is_tag) {
    if (checker.btf_.name(type.name_off()).empty()) return checker.log_type(type, EINVAL, "Invalid name");
  } else if (type.name_off() != 0) {
    return checker.log_type(type, EINVAL, "Invalid name");
  }
  return checker.log_type(type);
}

int forward(Checker& checker, Type type) {
  if (type.vlen() != 0) return checker.log_type(type, EINVAL, "vlen != 0");
  if (type.target() != 0) return checker.log_type(type, EINVAL, "type != 0");
  if (type.name_off() == 0 || !checker.name_is_identifier(type.name_off()))
    return checker.log_type(type, EINVAL, "Invalid name");
  return checker.log_type(type);
}

int array(Checker& checker, Type type) {
  if (type.name_off() != 0) return checker.log_type(type, EINVAL, "Invalid name");
  if (type.vlen() != 0) return checker.log_type(type, EINVAL, "vlen != 0");
  if (type.kind_flag()) return checker.log_type(type, EINVAL, "Invalid btf_info kind_flag");
  if (type.size() != 0) return checker.log_type(type, EINVAL, "size != 0");
  const abi::btf_array& array = type.array();
  if (array.type == 0 || !valid_id(array.type)) return checker.log_type(type, EINVAL, "Invalid elem");
  if (array.index_type == 0 || !valid_id(array.index_type))
    return checker.log_type(type, EINVAL, "Invalid index");
  return checker.log_type(type);
}

int structure(Checker& checker, Type type) {
  if (bad_optional_identifier(checker, type)) return checker.log_type(type, EINVAL, "Invalid name");
  checker.log_type(type);
  const bool is_union = type.is(abi::BTF_KIND_UNION);
  uint32_t last_offset = 0;
  for (const abi::btf_member& member : type.members()) {
    if (!checker.btf_.name_off_valid(member.name_off))
      return checker.log_member(type, member, EINVAL,
                                fmt::format("Invalid member name_offset:{}", member.name_off));
    if (member.name_off != 0 && !checker.name_is_identifier(member.name_off))
      return checker.log_member(type, member, EINVAL, "Invalid name");
    if (member.type == 0 || !valid_id(member.type))
      return checker.log_member(type, member, EINVAL, "Invalid type_id");
    const uint32_t offset = type.member_bit_offset(member);
    // A union's members all begin at 0; a struct's may not go backwards, though they may overlap.
    if ((is_union && offset != 0) || last_offset > offset)
      return checker.log_member(type, member, EINVAL, "Invalid member bits_offset");
    if (bytes_for_bits(offset) > type.size())
      return checker.log_member(type, member, EINVAL, "Member bits_offset exceeds its struct size");
    checker.log_member(type, member);
    last_offset = offset;
  }
  return 0;
}

namespace {

template <class Enumerator, class Show>
int check_enumerators(Checker& checker, Type type, std::span<const Enumerator> enumerators, Show show) {
  for (const Enumerator& e : enumerators) {
    if (!checker.btf_.name_off_valid(e.name_off))
      return checker.complain(EINVAL, "\tInvalid name_offset:{}", e.name_off);
    if (e.name_off == 0 || !checker.name_is_identifier(e.name_off))
      return checker.log_type(type, EINVAL, "Invalid name");
    if (checker.log_) checker.complain(0, "\t{} val={}\n", checker.btf_.name(e.name_off), show(e));
  }
  return 0;
}

}  // namespace

int enumeration(Checker& checker, Type type) {
  const uint32_t size = type.size();
  if (size > 8 || (size & (size - 1)) != 0 || size == 0)
    return checker.log_type(type, EINVAL, "Unexpected size");
  if (bad_optional_identifier(checker, type)) return checker.log_type(type, EINVAL, "Invalid name");
  checker.log_type(type);
  const bool is_signed = type.kind_flag();
  if (type.is(abi::BTF_KIND_ENUM))
    return check_enumerators(checker, type, type.enumerators(), [is_signed](const abi::btf_enum& e) {
      return is_signed ? fmt::format("{}", e.val) : fmt::format("{}", static_cast<uint32_t>(e.val));
    });
  return check_enumerators(checker, type, type.enumerators64(), [is_signed](const abi::btf_enum64& e) {
    const uint64_t value = uint64_t{e.val_hi32} << 32 | e.val_lo32;
    return is_signed ? fmt::format("{}", static_cast<int64_t>(value)) : fmt::format("{}", value);
  });
}

int prototype(Checker& checker, Type type) {
  if (type.name_off() != 0) return checker.log_type(type, EINVAL, "Invalid name");
  if (type.kind_flag()) return checker.log_type(type, EINVAL, "Invalid btf_info kind_flag");
  return checker.log_type(type);
}

int function(Checker& checker, Type type) {
  if (type.name_off() == 0 || !checker.name_is_identifier(type.name_off()))
    return checker.log_type(type, EINVAL, "Invalid name");
  if (type.vlen() > abi::BTF_FUNC_GLOBAL) return checker.log_type(type, EINVAL, "Invalid func linkage");
  if (type.kind_flag()) return checker.log_type(type, EINVAL, "Invalid btf_info kind_flag");
  return checker.log_type(type);
}

int variable(Checker& checker, Type type) {
  if (type.vlen() != 0) return checker.log_type(type, EINVAL, "vlen != 0");
  if (type.kind_flag()) return checker.log_type(type, EINVAL, "Invalid btf_info kind_flag");
  if (type.name_off() == 0 || !checker.name_is_identifier(type.name_off()))
    return checker.log_type(type, EINVAL, "Invalid name");
  if (type.target() == 0 || !valid_id(type.target()))
    return checker.log_type(type, EINVAL, "Invalid type_id");
  const uint32_t linkage = type.var().linkage;
  if (linkage != abi::BTF_VAR_STATIC && linkage != abi::BTF_VAR_GLOBAL_ALLOCATED)
    return checker.log_type(type, EINVAL, "Linkage not supported");
  return checker.log_type(type);
}

int section(Checker& checker, Type type) {
  if (type.size() == 0) return checker.log_type(type, EINVAL, "size == 0");
  if (type.kind_flag()) return checker.log_type(type, EINVAL, "Invalid btf_info kind_flag");
  if (type.name_off() == 0 || !checker.name_is_section(type.name_off()))
    return checker.log_type(type, EINVAL, "Invalid name");
  checker.log_type(type);
  uint32_t last_end = 0;  // wraps as Linux's does; the sum then finds the error
  uint64_t sum = 0;
  for (const abi::btf_var_secinfo& v : type.secinfos()) {
    if (v.type == 0 || !valid_id(v.type)) return checker.log_variable(type, v, EINVAL, "Invalid type_id");
    if (v.offset < last_end || v.offset >= type.size())
      return checker.log_variable(type, v, EINVAL, "Invalid offset");
    if (v.size == 0 || v.size > type.size()) return checker.log_variable(type, v, EINVAL, "Invalid size");
    last_end = v.offset + v.size;
    if (last_end > type.size()) return checker.log_variable(type, v, EINVAL, "Invalid offset+size");
    checker.log_variable(type, v);
    sum += v.size;
  }
  if (type.size() < sum) return checker.log_type(type, EINVAL, "Invalid btf_info size");
  return 0;
}

int floating(Checker& checker, Type type) {
  if (type.vlen() != 0) return checker.log_type(type, EINVAL, "vlen != 0");
  if (type.kind_flag()) return checker.log_type(type, EINVAL, "Invalid btf_info kind_flag");
  const uint32_t size = type.size();
  if (size != 2 && size != 4 && size != 8 && size != 12 && size != 16)
    return checker.log_type(type, EINVAL, "Invalid type_size");
  return checker.log_type(type);
}

int decl_tag(Checker& checker, Type type) {
  if (checker.btf_.name(type.name_off()).empty()) return checker.log_type(type, EINVAL, "Invalid value");
  if (type.vlen() != 0) return checker.log_type(type, EINVAL, "vlen != 0");
  if (type.decl_tag().component_idx < -1) return checker.log_type(type, EINVAL, "Invalid component_idx");
  return checker.log_type(type);
}

}  // namespace skep::btf::meta
