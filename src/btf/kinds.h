// The table of BTF kinds: what the two passes and the log do with each. Internal to btf/.
#pragma once

#include <cstdint>
#include <string>

#include "btf/checker.h"

namespace skep::btf {

struct KindRow {
  const char* name;
  uint32_t fixed_size;  // bytes behind the record, and
  uint32_t item_size;   // bytes for each of vlen
  bool needs_resolve;
  int (*check_meta)(Checker&, Type);
  std::string (*details)(const Btf&, Type);
  int (*resolve)(Checker&, Checker::Vertex&);  // null for kinds that stand alone
  // Does a member of this kind fit its struct? Null for kinds that cannot be members. The second is asked
  // where the struct has its kind_flag, so that members may be bitfields.
  using MemberRule = int(Checker&, Type owner, const abi::btf_member&, Type member_type);
  MemberRule* check_member;
  MemberRule* check_bitfield_member;
};

const KindRow& kind_row(uint32_t kind);

namespace meta {
int integer(Checker&, Type);
int reference(Checker&, Type);
int forward(Checker&, Type);
int array(Checker&, Type);
int structure(Checker&, Type);
int enumeration(Checker&, Type);
int function(Checker&, Type);
int prototype(Checker&, Type);
int variable(Checker&, Type);
int section(Checker&, Type);
int floating(Checker&, Type);
int decl_tag(Checker&, Type);
}  // namespace meta

namespace resolving {
int modifier(Checker&, Checker::Vertex&);
int pointer(Checker&, Checker::Vertex&);
int array(Checker&, Checker::Vertex&);
int structure(Checker&, Checker::Vertex&);
int function(Checker&, Checker::Vertex&);
int variable(Checker&, Checker::Vertex&);
int section(Checker&, Checker::Vertex&);
int decl_tag(Checker&, Checker::Vertex&);
}  // namespace resolving

namespace member {
KindRow::MemberRule integer, integer_bitfield, pointer, sized_type, enumeration, enumeration_bitfield,
    floating, modifier, modifier_bitfield, plain_bitfield, unsupported, unsupported_bitfield;
}  // namespace member

// An int of 8, 16, 32, 64 or 128 bits at offset 0; Linux does not ask whether they fill its size.
bool is_regular_int(Type type);
bool has_no_size(Type type);  // also of an id that does not exist
bool only_refers(Type type);  // var, decl_tag, datasec: nothing may refer to them but by their own rules

}  // namespace skep::btf
