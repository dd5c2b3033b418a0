// The rows of the kinds, and what the log says of each.
#include "btf/kinds.h"

#include <array>

namespace skep::btf {
namespace {

std::string none(const Btf&, Type) { return {}; }

std::string of_int(const Btf&, Type type) {
  static constexpr std::array<const char*, 5> kEncodings{"(none)", "SIGNED", "CHAR", "UNKN", "BOOL"};
  const uint32_t data = type.int_data();
  const uint32_t encoding = abi::BTF_INT_ENCODING(data);
  return fmt::format("size={} bits_offset={} nr_bits={} encoding={}", type.size(), abi::BTF_INT_OFFSET(data),
                     abi::BTF_INT_BITS(data), encoding < kEncodings.size() ? kEncodings[encoding] : "UNKN");
}

std::string of_reference(const Btf&, Type type) { return fmt::format("type_id={}", type.target()); }

std::string of_array(const Btf&, Type type) {
  const abi::btf_array& array = type.array();
  return fmt::format("type_id={} index_type_id={} nr_elems={}", array.type, array.index_type, array.nelems);
}

std::string of_list(const Btf&, Type type) {
  return fmt::format("size={} vlen={}", type.size(), type.vlen());
}

std::string of_forward(const Btf&, Type type) { return type.kind_flag() ? "union" : "struct"; }

std::string of_prototype(const Btf& btf, Type type) {
  std::string text = fmt::format("return={} args=(", type.target());
  const auto params = type.params();
  for (size_t i = 0; i < params.size(); ++i) {
    const bool is_last = i + 1 == params.size();
    if (is_last && params[i].type == 0)
      text += "vararg";
    else
      text += fmt::format("{} {}", params[i].type, shown_name(btf, params[i].name_off));
    if (!is_last) text += ", ";
  }
  if (params.empty()) text += "void";
  return text + ")";
}

std::string of_variable(const Btf&, Type type) {
  return fmt::format("type_id={} linkage={}", type.target(), type.var().linkage);
}

std::string of_floating(const Btf&, Type type) { return fmt::format("size={}", type.size()); }

std::string of_decl_tag(const Btf&, Type type) {
  return fmt::format("type={} component_idx={}", type.target(), type.decl_tag().component_idx);
}

constexpr auto kNoMember = member::unsupported;
constexpr auto kNoBitfield = member::unsupported_bitfield;

constexpr KindRow reference_row(const char* name, std::string (*details)(const Btf&, Type) = of_reference) {
  return {name,
          0,
          0,
          true,
          meta::reference,
          details,
          resolving::modifier,
          member::modifier,
          member::modifier_bitfield};
}
constexpr KindRow structure_row(const char* name) {
  return {name,
          0,
          sizeof(abi::btf_member),
          true,
          meta::structure,
          of_list,
          resolving::structure,
          member::sized_type,
          member::plain_bitfield};
}

constexpr std::array<KindRow, abi::NR_BTF_KINDS> kRows{{
    {"UNKNOWN", 0, 0, false, nullptr, none, nullptr, nullptr, nullptr},
    {"INT", 4, 0, false, meta::integer, of_int, nullptr, member::integer, member::integer_bitfield},
    {"PTR", 0, 0, true, meta::reference, of_reference, resolving::pointer, member::pointer,
     member::plain_bitfield},
    {"ARRAY", sizeof(abi::btf_array), 0, true, meta::array, of_array, resolving::array, member::sized_type,
     member::plain_bitfield},
    structure_row("STRUCT"),
    structure_row("UNION"),
    {"ENUM", 0, sizeof(abi::btf_enum), false, meta::enumeration, of_list, nullptr, member::enumeration,
     member::enumeration_bitfield},
    {"FWD", 0, 0, false, meta::forward, of_forward, nullptr, kNoMember, kNoBitfield},
    reference_row("TYPEDEF"),
    reference_row("VOLATILE"),
    reference_row("CONST"),
    reference_row("RESTRICT"),
    {"FUNC", 0, 0, true, meta::function, of_reference, resolving::function, kNoMember, kNoBitfield},
    {"FUNC_PROTO", 0, sizeof(abi::btf_param), false, meta::prototype, of_prototype, nullptr, kNoMember,
     kNoBitfield},
    {"VAR", sizeof(abi::btf_var), 0, true, meta::variable, of_variable, resolving::variable, kNoMember,
     kNoBitfield},
    {"DATASEC", 0, sizeof(abi::btf_var_secinfo), true, meta::section, of_list, resolving::section, kNoMember,
     kNoBitfield},
    {"FLOAT", 0, 0, false, meta::floating, of_floating, nullptr, member::floating, member::plain_bitfield},
    {"DECL_TAG", sizeof(abi::btf_decl_tag), 0, true, meta::decl_tag, of_decl_tag, resolving::decl_tag,
     kNoMember, kNoBitfield},
    reference_row("TYPE_TAG"),
    {"ENUM64", 0, sizeof(abi::btf_enum64), false, meta::enumeration, of_list, nullptr, member::enumeration,
     member::enumeration_bitfield},
}};

}  // namespace

const KindRow& kind_row(uint32_t kind) { return kRows[kind]; }

bool is_regular_int(Type type) {
  const uint32_t data = type.int_data();
  const uint32_t bits = abi::BTF_INT_BITS(data);
  const uint32_t bytes = bits / 8;
  return bits % 8 == 0 && abi::BTF_INT_OFFSET(data) == 0 &&
         (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8 || bytes == 16);
}

bool has_no_size(Type type) {
  return !type || type.is_void() || type.is(abi::BTF_KIND_FWD) || type.is_func() || type.is_func_proto() ||
         type.is(abi::BTF_KIND_DECL_TAG);
}

bool only_refers(Type type) {
  return type.is(abi::BTF_KIND_VAR) || type.is(abi::BTF_KIND_DECL_TAG) || type.is(abi::BTF_KIND_DATASEC);
}

}  // namespace skep::btf
