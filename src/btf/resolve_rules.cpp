// Pass 2 of the check, kind by kind: what a type may refer to. Depth-first with Checker's own stack: a rule
// that needs a type first pushes it and returns, and is called again when that is done.
#include <cerrno>

#include "btf/kinds.h"

namespace skep::btf {

bool Checker::is_resolved(uint32_t id) const {
  if (id == 0) return false;
  return id < btf_.first_id_ || visits_[id - btf_.first_id_] == Visit::kResolved;
}

// A kind at which the walk may stop for what is being resolved: a pointer ends a struct's walk, so that a
// struct may point to itself, and a struct ends a pointer's.
bool Checker::is_sink(Type type) const {
  switch (mode_) {
    case Mode::kUndecided:
      return !kind_row(type.kind()).needs_resolve;
    case Mode::kPointer:
      return !type.is_modifier() && !type.is_ptr();
    case Mode::kStructOrArray:
      return !type.is_modifier() && !type.is_array() && !type.is_struct_or_union();
  }
  return false;
}

int Checker::push(Type type) {
  if (depth_ == kMaxDepth) return E2BIG;
  // Of the base everything is resolved; only an own type comes here.
  Visit& visit = visits_[type.id() - btf_.first_id_];
  if (visit != Visit::kNot) return EEXIST;
  visit = Visit::kOpen;
  stack_[depth_++] = {type, type.id(), 0};
  if (mode_ == Mode::kUndecided) {
    if (type.is_ptr())
      mode_ = Mode::kPointer;
    else if (type.is_struct_or_union() || type.is_array())
      mode_ = Mode::kStructOrArray;
  }
  return 0;
}

void Checker::pop_resolved(uint32_t resolved_id, uint32_t resolved_size) {
  const uint32_t index = stack_[--depth_].id - btf_.first_id_;
  btf_.array_sizes_[index] = resolved_size;
  btf_.resolved_ids_[index] = resolved_id;
  visits_[index] = Visit::kResolved;
}

Type Checker::resolved_target(uint32_t id) const {
  if (id < btf_.first_id_) return btf_.skip_modifiers(id);
  return btf_.type(btf_.resolved_ids_[id - btf_.first_id_]);
}

std::optional<Btf::Sized> Checker::sized(uint32_t id) const {
  if (id < btf_.first_id_) return btf_.sized(id);
  Type type = btf_.type(id);
  if (has_no_size(type)) return std::nullopt;
  if (type.is_modifier() || type.is(abi::BTF_KIND_VAR)) {
    type = resolved_target(id);
    if (has_no_size(type)) return std::nullopt;
    if (type.id() < btf_.first_id_) return btf_.sized(type.id());
  }
  if (type.has_size()) return Btf::Sized{type, type.size()};
  if (type.is_ptr()) return Btf::Sized{type, sizeof(uint64_t)};
  if (type.is_array()) return Btf::Sized{type, btf_.array_sizes_[type.id() - btf_.first_id_]};
  return std::nullopt;
}

bool Checker::resolve_state_is_valid(Type type) const {
  const uint32_t index = type.id() - btf_.first_id_;
  if (visits_[index] != Visit::kResolved) return false;
  const uint32_t id = btf_.resolved_ids_[index];
  const uint32_t size = btf_.array_sizes_[index];
  if (type.is_struct_or_union() || type.is(abi::BTF_KIND_DATASEC)) return id == 0 && size == 0;
  if (type.is(abi::BTF_KIND_DECL_TAG) || type.is_func()) return id != 0 && size == 0;
  if (type.is_modifier() || type.is_ptr() || type.is(abi::BTF_KIND_VAR)) {
    const Type target = btf_.type(id);
    return target && !target.is_modifier() && !target.is(abi::BTF_KIND_VAR) &&
           !target.is(abi::BTF_KIND_DATASEC);
  }
  if (type.is_array()) {
    const auto element = sized(type.array().type);
    return element && !element->type.is_modifier() && type.array().nelems * element->size == size;
  }
  return false;
}

int Checker::resolve(Type type) {
  const uint32_t outer = log_id_;
  mode_ = Mode::kUndecided;
  depth_ = 0;
  int error = push(type);
  while (error == 0 && depth_ != 0) {
    Vertex& top = stack_[depth_ - 1];
    log_id_ = top.id;
    error = kind_row(top.type.kind()).resolve(*this, top);
  }
  log_id_ = type.id();
  if (error == E2BIG)
    log_type(type, 0, fmt::format("Exceeded max resolving depth:{}", kMaxDepth));
  else if (error == EEXIST)
    log_type(type, 0, "Loop detected");
  else if (error == 0 && !resolve_state_is_valid(type))
    error = log_type(type, EINVAL, "Invalid resolve state");
  log_id_ = outer;
  return error;
}

int Checker::check_func_proto(Type proto) {
  auto first_resolve = [this](Type type) {
    return kind_row(type.kind()).needs_resolve && !is_resolved(type.id()) ? resolve(type) : 0;
  };
  if (proto.target() != 0) {
    const Type returned = btf_.type(proto.target());
    if (!returned || only_refers(returned)) return log_type(proto, EINVAL, "Invalid return type");
    if (const int error = first_resolve(returned)) return error;
    if (!sized(returned.id())) return log_type(proto, EINVAL, "Invalid return type");
  }
  auto params = proto.params();
  if (params.empty()) return 0;
  if (params.back().type == 0) {  // varargs
    if (params.back().name_off != 0)
      return log_type(proto, EINVAL, fmt::format("Invalid arg#{}", params.size()));
    params = params.first(params.size() - 1);
  }
  for (size_t i = 0; i < params.size(); ++i) {
    auto bad = [&] { return log_type(proto, EINVAL, fmt::format("Invalid arg#{}", i + 1)); };
    const Type type = btf_.type(params[i].type);
    if (params[i].type == 0 || !type || only_refers(type)) return bad();
    if (params[i].name_off != 0 &&
        (!btf_.name_off_valid(params[i].name_off) || !name_is_identifier(params[i].name_off)))
      return bad();
    if (const int error = first_resolve(type)) return error;
    if (!sized(type.id())) return bad();
  }
  return 0;
}

namespace resolving {
namespace {

// True when `type` has to be resolved before the rule can go on; the rule then returns what push says.
bool must_wait_for(const Checker& checker, Type type) {
  return !checker.is_sink(type) && !checker.is_resolved(type.id());
}

// void, fwd and func_proto may be referred to though they have no size.
bool may_lack_size(Type type) { return type.is_void() || type.is(abi::BTF_KIND_FWD) || type.is_func_proto(); }

// A modifier stops at a pointer for a struct's sake (see is_sink); who refers to the modifier by a pointer or
// a variable wants that pointer resolved after all.
std::optional<Type> unresolved_pointer_behind(const Checker& checker, Type type) {
  if (!type.is_modifier()) return std::nullopt;
  const Type target = checker.resolved_target(type.id());
  if (target && target.is_ptr() && must_wait_for(checker, target)) return target;
  return std::nullopt;
}

int refers_to_any(Checker& checker, Checker::Vertex& vertex, Type next) {
  uint32_t id = next.id();
  if (const auto found = checker.sized(id)) {
    id = found->type.id();
  } else {
    if (checker.is_resolved(id)) next = checker.resolved_target(id);
    if (!next || !may_lack_size(next)) return checker.log_type(vertex.type, EINVAL, "Invalid type_id");
    id = next.id();
  }
  checker.pop_resolved(id, 0);
  return 0;
}

}  // namespace

int modifier(Checker& checker, Checker::Vertex& vertex) {
  const Type next = checker.btf_.type(vertex.type.target());
  if (!next || only_refers(next)) return checker.log_type(vertex.type, EINVAL, "Invalid type_id");
  if (must_wait_for(checker, next)) return checker.push(next);
  return refers_to_any(checker, vertex, next);
}

int pointer(Checker& checker, Checker::Vertex& vertex) {
  const Type next = checker.btf_.type(vertex.type.target());
  if (!next || only_refers(next)) return checker.log_type(vertex.type, EINVAL, "Invalid type_id");
  if (must_wait_for(checker, next)) return checker.push(next);
  if (const auto inner = unresolved_pointer_behind(checker, next)) return checker.push(*inner);
  return refers_to_any(checker, vertex, next);
}

int variable(Checker& checker, Checker::Vertex& vertex) {
  const Type next = checker.btf_.type(vertex.type.target());
  if (!next || only_refers(next)) return checker.log_type(vertex.type, EINVAL, "Invalid type_id");
  if (must_wait_for(checker, next)) return checker.push(next);
  if (const auto inner = unresolved_pointer_behind(checker, next)) return checker.push(*inner);
  const auto found = checker.sized(next.id());
  if (!found) return checker.log_type(vertex.type, EINVAL, "Invalid type_id");
  checker.pop_resolved(found->type.id(), 0);
  return 0;
}

int array(Checker& checker, Checker::Vertex& vertex) {
  const abi::btf_array& array = vertex.type.array();
  const Type index = checker.btf_.type(array.index_type);
  if (has_no_size(index) || only_refers(index)) return checker.log_type(vertex.type, EINVAL, "Invalid index");
  if (must_wait_for(checker, index)) return checker.push(index);
  const auto index_found = checker.sized(index.id());
  if (!index_found || !index_found->type.is_int() || !is_regular_int(index_found->type))
    return checker.log_type(vertex.type, EINVAL, "Invalid index");

  const Type element = checker.btf_.type(array.type);
  if (has_no_size(element) || only_refers(element))
    return checker.log_type(vertex.type, EINVAL, "Invalid elem");
  if (must_wait_for(checker, element)) return checker.push(element);
  const auto found = checker.sized(element.id());
  if (!found) return checker.log_type(vertex.type, EINVAL, "Invalid elem");
  if (found->type.is_int() && !is_regular_int(found->type))
    return checker.log_type(vertex.type, EINVAL, "Invalid array of int");
  const uint64_t size = uint64_t{found->size} * array.nelems;
  if (size > UINT32_MAX) return checker.log_type(vertex.type, EINVAL, "Array size overflows U32_MAX");
  checker.pop_resolved(found->type.id(), static_cast<uint32_t>(size));
  return 0;
}

namespace {

int check_fit(Checker& checker, Type owner, const abi::btf_member& m) {
  const Type type = checker.btf_.type(m.type);
  const KindRow& row = kind_row(type.kind());
  return (owner.kind_flag() ? row.check_bitfield_member : row.check_member)(checker, owner, m, type);
}

}  // namespace

int structure(Checker& checker, Checker::Vertex& vertex) {
  const auto members = vertex.type.members();
  if (vertex.next_member != 0)  // whose type has just been resolved
    if (const int error = check_fit(checker, vertex.type, members[vertex.next_member - 1])) return error;
  for (uint32_t i = vertex.next_member; i < members.size(); ++i) {
    const Type type = checker.btf_.type(members[i].type);
    if (has_no_size(type) || only_refers(type))
      return checker.log_member(vertex.type, members[i], EINVAL, "Invalid member");
    if (must_wait_for(checker, type)) {
      vertex.next_member = i + 1;
      return checker.push(type);
    }
    if (const int error = check_fit(checker, vertex.type, members[i])) return error;
  }
  checker.pop_resolved(0, 0);
  return 0;
}

int function(Checker& checker, Checker::Vertex& vertex) {
  const Type proto = checker.btf_.type(vertex.type.target());
  if (!proto || !proto.is_func_proto()) return checker.log_type(vertex.type, EINVAL, "Invalid type_id");
  const auto params = proto.params();
  for (size_t i = 0; i < params.size(); ++i)
    if (params[i].name_off == 0 && params[i].type != 0)
      return checker.log_type(vertex.type, EINVAL, fmt::format("Invalid arg#{}", i + 1));
  checker.pop_resolved(proto.id(), 0);
  return 0;
}

int section(Checker& checker, Checker::Vertex& vertex) {
  checker.mode_ = Checker::Mode::kUndecided;
  const auto variables = vertex.type.secinfos();
  for (uint32_t i = vertex.next_member; i < variables.size(); ++i) {
    const abi::btf_var_secinfo& v = variables[i];
    const Type type = checker.btf_.type(v.type);
    if (!type || !type.is(abi::BTF_KIND_VAR))
      return checker.log_variable(vertex.type, v, EINVAL, "Not a VAR kind member");
    if (must_wait_for(checker, type)) {
      vertex.next_member = i + 1;
      return checker.push(type);
    }
    const auto found = checker.sized(type.target());
    if (!found) return checker.log_variable(vertex.type, v, EINVAL, "Invalid type");
    if (v.size < found->size) return checker.log_variable(vertex.type, v, EINVAL, "Invalid size");
  }
  checker.pop_resolved(0, 0);
  return 0;
}

int decl_tag(Checker& checker, Checker::Vertex& vertex) {
  const Type next = checker.btf_.type(vertex.type.target());
  const bool can_be_tagged = next && (next.is_func() || next.is_struct_or_union() ||
                                      next.is(abi::BTF_KIND_VAR) || next.is(abi::BTF_KIND_TYPEDEF));
  if (!can_be_tagged) return checker.log_type(vertex.type, EINVAL, "Invalid type_id");
  if (must_wait_for(checker, next)) return checker.push(next);
  const int32_t component = vertex.type.decl_tag().component_idx;
  if (component != -1) {
    if (next.is(abi::BTF_KIND_VAR) || next.is(abi::BTF_KIND_TYPEDEF))
      return checker.log_type(vertex.type, EINVAL, "Invalid component_idx");
    const uint32_t count = next.is_func() ? checker.btf_.type(next.target()).vlen() : next.vlen();
    if (static_cast<uint32_t>(component) >= count)
      return checker.log_type(vertex.type, EINVAL, "Invalid component_idx");
  }
  checker.pop_resolved(next.id(), 0);
  return 0;
}

}  // namespace resolving
}  // namespace skep::btf
