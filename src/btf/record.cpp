// How special fields are found: by the name of a member's struct type, or by a type tag on what a pointer
// points to.
#include "btf/record.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

namespace skep::btf {
namespace {

constexpr uint32_t kMaxFields = 11;  // BTF_FIELDS_MAX of Linux
constexpr uint32_t kMaxDepth = 32;
constexpr uint32_t kPageSize = 4096;

using MapTypeSet = uint64_t;  // a set of map types
constexpr MapTypeSet maps(std::initializer_list<abi::bpf_map_type> types) {
  MapTypeSet set = 0;
  for (const auto type : types) set |= MapTypeSet{1} << type;
  return set;
}
constexpr MapTypeSet kLocalStorage = maps({abi::BPF_MAP_TYPE_SK_STORAGE, abi::BPF_MAP_TYPE_INODE_STORAGE,
                                           abi::BPF_MAP_TYPE_TASK_STORAGE, abi::BPF_MAP_TYPE_CGRP_STORAGE});
constexpr MapTypeSet kLockMaps =
    kLocalStorage | maps({abi::BPF_MAP_TYPE_HASH, abi::BPF_MAP_TYPE_ARRAY, abi::BPF_MAP_TYPE_CGROUP_STORAGE});
constexpr MapTypeSet kTimerMaps =
    maps({abi::BPF_MAP_TYPE_HASH, abi::BPF_MAP_TYPE_LRU_HASH, abi::BPF_MAP_TYPE_ARRAY});
constexpr MapTypeSet kKptrMaps =
    kLocalStorage |
    maps({abi::BPF_MAP_TYPE_HASH, abi::BPF_MAP_TYPE_PERCPU_HASH, abi::BPF_MAP_TYPE_LRU_HASH,
          abi::BPF_MAP_TYPE_LRU_PERCPU_HASH, abi::BPF_MAP_TYPE_ARRAY, abi::BPF_MAP_TYPE_PERCPU_ARRAY});
constexpr MapTypeSet kUptrMaps = maps({abi::BPF_MAP_TYPE_TASK_STORAGE});

struct FieldRow {
  std::string_view name;  // of the struct, or of the type tag
  FieldKind kind;
  uint32_t size;
  uint32_t alignment;
  bool is_unique;   // at most one in a struct; a nested struct counts by itself
  bool may_repeat;  // as an array
  MapTypeSet allowed_in;
};
constexpr std::array<FieldRow, 10> kStructs{{
    {"bpf_spin_lock", kSpinLock, 4, 4, true, false, kLockMaps},
    {"bpf_res_spin_lock", kResSpinLock, 4, 4, true, false, kLockMaps},
    {"bpf_timer", kTimer, 16, 8, true, false, kTimerMaps},
    {"bpf_wq", kWorkqueue, 16, 8, true, false, kTimerMaps},
    {"bpf_task_work", kTaskWork, 8, 8, true, false, kTimerMaps},
    {"bpf_list_head", kListHead, 16, 8, false, true, kTimerMaps},
    {"bpf_list_node", kListNode, 24, 8, false, false, 0},
    {"bpf_rb_root", kRbRoot, 16, 8, false, true, kTimerMaps},
    {"bpf_rb_node", kRbNode, 32, 8, false, false, 0},
    {"bpf_refcount", kRefcount, 4, 4, false, false, kKptrMaps},
}};
constexpr std::array<FieldRow, 4> kPointers{{
    {"kptr_untrusted", kKptrUntrusted, 8, 8, false, true, kKptrMaps},
    {"kptr", kKptrRef, 8, 8, false, true, kKptrMaps},
    {"percpu_kptr", kKptrPercpu, 8, 8, false, true, kKptrMaps},
    {"uptr", kUptr, 8, 8, false, true, kUptrMaps},
}};

const FieldRow* row_of(FieldKind kind) {
  for (const FieldRow& row : kStructs)
    if (row.kind == kind) return &row;
  for (const FieldRow& row : kPointers)
    if (row.kind == kind) return &row;
  return nullptr;
}

// Errors are positive errnos, 0 is success. Depth is at most kMaxDepth, and no struct is walked twice, so
// that the work is linear in the size of the BTF.
class Finder {
 public:
  Finder(const Btf& btf, uint32_t wanted) : btf_(btf), wanted_(wanted) {}

  int find(Type type, Record& record) {
    record = {};
    if (type.is(abi::BTF_KIND_STRUCT)) return in_struct(type, record.fields, 0);
    if (type.is(abi::BTF_KIND_DATASEC)) return in_section(type, record.fields);
    return 0;
  }
  // Is this a pointer with a well-formed kernel pointer tag?
  bool is_tagged_pointer(Type type) {
    Field field{};
    bool found = false;
    return pointer(type, field, found) == 0 && found;
  }

 private:
  int in_struct(Type type, std::vector<Field>& out, uint32_t depth) {
    if (const auto known = known_.find(type.id()); known != known_.end()) {
      if (out.size() + known->second.size() > kMaxFields) return E2BIG;
      out.insert(out.end(), known->second.begin(), known->second.end());
      return 0;
    }
    const size_t before = out.size();
    uint32_t seen = 0;
    int component = 0;
    for (const abi::btf_member& m : type.members()) {
      const uint32_t bits = type.member_bit_offset(m);
      if (bits % 8 != 0) return EINVAL;
      const Place place{type, component++, bits / 8, 0};
      if (const int error = in_variable(place, btf_.type(m.type), seen, out, depth)) return error;
    }
    known_.try_emplace(type.id(), out.begin() + static_cast<std::ptrdiff_t>(before), out.end());
    return 0;
  }

  int in_section(Type section, std::vector<Field>& out) {
    uint32_t seen = 0;
    for (const abi::btf_var_secinfo& v : section.secinfos()) {
      const Type variable = btf_.type(v.type);
      const Place place{variable, -1, v.offset, v.size};
      if (const int error = in_variable(place, btf_.type(variable.target()), seen, out, 0)) return error;
    }
    return 0;
  }

  struct Place {
    Type owner;     // whose decl tags say what a list or tree contains, for
    int component;  // this member, -1 for a variable
    uint32_t offset;
    uint32_t expected_size;  // of a variable, as its section has it; 0: any
  };

  int in_variable(const Place& place, Type type, uint32_t& seen, std::vector<Field>& out, uint32_t depth) {
    uint64_t count = 1;
    uint32_t dimensions = 0;
    for (; type && type.is_array() && dimensions < kMaxDepth; ++dimensions) {
      count = std::min<uint64_t>(count * type.array().nelems, UINT32_MAX);
      type = btf_.type(type.array().type);
    }
    if (dimensions == kMaxDepth) return E2BIG;
    if (count == 0 || !type) return 0;
    const FieldRow* row = struct_row(type);
    if (!row && type.is(abi::BTF_KIND_STRUCT)) {
      if (place.expected_size != 0 && place.expected_size != type.size() * count) return 0;
      return in_nested(place, type, count, out, depth + 1);
    }
    if (row && row->is_unique && (seen & row->kind)) return E2BIG;
    if (row) seen |= row->kind;
    // Linux does not look closer at what is out of line, so that even a broken one is no error.
    const FieldRow& shape = row ? *row : kPointers[0];
    if (place.expected_size != 0 && place.expected_size != shape.size * count) return 0;
    if (place.offset % shape.alignment != 0) return 0;
    Field field{};
    bool found = false;
    if (const int error = row ? special_struct(place, type, *row, field, found) : pointer(type, field, found))
      return error;
    if (!found) return 0;
    field.size = shape.size;
    field.offset = place.offset;
    if (out.size() >= kMaxFields) return E2BIG;
    out.push_back(field);
    return repeat(out, out.size() - 1, count, shape.size);
  }

  int in_nested(const Place& place, Type type, uint64_t count, std::vector<Field>& out, uint32_t depth) {
    if (depth >= kMaxDepth) return E2BIG;
    const size_t first = out.size();
    if (const int error = in_struct(type, out, depth)) return error;
    for (size_t i = first; i < out.size(); ++i) out[i].offset += place.offset;
    return repeat(out, first, count, type.size());
  }

  // Copies the fields from `first` on for each further element of an array.
  static int repeat(std::vector<Field>& out, size_t first, uint64_t count, uint32_t stride) {
    const size_t end = out.size();
    if (count == 1 || first == end) return 0;
    for (size_t i = first; i < end; ++i)
      if (!row_of(out[i].kind)->may_repeat) return EINVAL;
    if (count > kMaxFields || first + (end - first) * count > kMaxFields) return E2BIG;
    for (uint64_t element = 1; element < count; ++element)
      for (size_t i = first; i < end; ++i) {
        out.push_back(out[i]);
        out.back().offset += static_cast<uint32_t>(stride * element);
      }
    return 0;
  }

  const FieldRow* struct_row(Type type) const {
    const std::string_view name = btf_.name_of(type);
    for (const FieldRow& row : kStructs)
      if ((wanted_ & row.kind) && row.name == name) return &row;
    return nullptr;
  }

  int special_struct(const Place& place, Type type, const FieldRow& row, Field& field, bool& found) {
    if (!type.is(abi::BTF_KIND_STRUCT) || type.size() != row.size) return 0;
    field.kind = row.kind;
    found = true;
    return (row.kind & kGraphRoot) ? graph_root(place, field) : 0;
  }

  // __contains(type, node) is the decl tag "contains:type:node" of the head.
  int graph_root(const Place& place, Field& field) {
    const auto text = btf_.decl_tag_value(place.owner.id(), place.component, "contains:");
    if (!text) return EINVAL;
    const size_t colon = text->find(':');
    if (colon == std::string_view::npos) return EINVAL;
    const std::string_view node_name = text->substr(colon + 1);
    field.type_id = btf_.find(text->substr(0, colon), abi::BTF_KIND_STRUCT);
    if (field.type_id == 0) return ENOENT;
    if (node_name.empty()) return EINVAL;
    return graph_node(btf_.type(field.type_id), node_name, field);
  }

  int graph_node(Type owner, std::string_view node_name, Field& field) {
    const FieldRow& wanted = *row_of(field.kind == kListHead ? kListNode : kRbNode);
    bool found = false;
    for (const abi::btf_member& m : owner.members()) {
      if (btf_.name(m.name_off) != node_name) continue;
      const Type node = btf_.type(m.type);
      const uint32_t bits = owner.member_bit_offset(m);
      if (found || !node.is(abi::BTF_KIND_STRUCT) || btf_.name_of(node) != wanted.name) return EINVAL;
      if (bits % 8 != 0 || bits / 8 % wanted.alignment != 0) return EINVAL;
      field.node_offset = bits / 8;
      found = true;
    }
    return found ? 0 : ENOENT;
  }

  int pointer(Type type, Field& field, bool& found) {
    if (!(wanted_ & (kKptr | kUptr)) || !type || type.is(abi::BTF_KIND_STRUCT)) return 0;
    if (type.is(abi::BTF_KIND_VOLATILE)) type = btf_.type(type.target());
    if (!type || !type.is_ptr()) return 0;
    const Type tag = btf_.type(type.target());
    if (!tag || !tag.is(abi::BTF_KIND_TYPE_TAG) || tag.kind_flag()) return 0;
    const Type inner = btf_.type(tag.target());
    if (inner && inner.is(abi::BTF_KIND_TYPE_TAG)) return EINVAL;
    const auto row = std::ranges::find(kPointers, btf_.name_of(tag), &FieldRow::name);
    if (row == kPointers.end()) return EINVAL;
    if (!(row->kind & wanted_)) return 0;
    const Type pointee = btf_.skip_modifiers(tag.target());
    if (!pointee || !pointee.is(abi::BTF_KIND_STRUCT)) return EINVAL;
    field.kind = row->kind;
    field.type_id = pointee.id();
    found = true;
    return 0;
  }

  const Btf& btf_;
  const uint32_t wanted_;
  std::unordered_map<uint32_t, std::vector<Field>> known_;  // fields of structs already walked
};

// What must hold of the fields together.
int check_together(Record& record, uint32_t value_size) {
  for (uint64_t end = 0; const Field& f : record.fields) {
    if (uint64_t{f.offset} + f.size > value_size) return EFAULT;
    if (f.offset < end) return EEXIST;
    end = uint64_t{f.offset} + f.size;
    record.kinds |= f.kind;
  }
  const bool has_lock = record.has(kSpinLock | kResSpinLock);
  if (record.has(kSpinLock) && record.has(kResSpinLock)) return EINVAL;
  if (record.has(kGraphRoot) && !has_lock) return EINVAL;
  // An object on a list and in a tree has two owners, so it counts references.
  if (!record.has(kRefcount) && record.has(kListNode) && record.has(kRbNode)) return EINVAL;
  return 0;
}

int find_record(Finder& finder, Type type, uint32_t value_size, Record& record) {
  if (const int error = finder.find(type, record)) return error;
  return check_together(record, value_size);
}

// Ownership of objects by lists and trees must not form cycles: what is held may hold something itself only
// if it cannot be held; and a user page is pinned whole, so a pointer into one covers no more than that.
int check_ownership(const Btf& btf, Finder& objects, const Record& record) {
  for (const Field& f : record.fields) {
    const Type type = btf.type(f.type_id);
    if (f.kind == kUptr) {
      if (type.size() == 0) return EINVAL;
      if (type.size() > kPageSize) return E2BIG;
    }
    if (!(f.kind & kGraphRoot)) continue;
    Record held;
    if (find_record(objects, type, type.size(), held) != 0 || held.empty()) return EFAULT;
    if (record.has(kGraphNode) && held.has(kGraphRoot)) return ELOOP;
  }
  return 0;
}

}  // namespace

const Field* Record::first(uint32_t kind_bits) const {
  for (const Field& f : fields)
    if (f.kind & kind_bits) return &f;
  return nullptr;
}

const Field* Record::at(uint32_t offset) const {
  for (const Field& f : fields)
    if (f.offset == offset) return &f;
  return nullptr;
}

const Field* Record::overlapping(uint32_t offset, uint32_t size) const {
  for (const Field& f : fields)
    if (uint64_t{f.offset} < uint64_t{offset} + size && offset < uint64_t{f.offset} + f.size) return &f;
  return nullptr;
}

Result<Record> parse_record(const Btf& btf, Type type, uint32_t wanted, uint32_t value_size) {
  Finder finder(btf, wanted);
  Record record;
  if (const int error = find_record(finder, type, value_size, record)) return fail(error);
  return record;
}

int check_object_fields(const Btf& btf) {
  constexpr uint32_t kNamed = kSpinLock | kListHead | kListNode | kRbRoot | kRbNode | kRefcount;
  std::vector<uint32_t> special;
  for (const FieldRow& row : kStructs)
    if (row.kind & kNamed)
      if (const uint32_t id = btf.find(row.name, abi::BTF_KIND_STRUCT)) special.push_back(id);

  Finder finder(btf, kObjectFields);
  auto is_special = [&](const abi::btf_member& m) {
    return std::ranges::find(special, m.type) != special.end() || finder.is_tagged_pointer(btf.type(m.type));
  };
  std::vector<Record> records;
  for (uint32_t id = btf.first_id(); id < btf.end_id(); ++id) {
    const Type type = btf.type(id);
    if (!type.is(abi::BTF_KIND_STRUCT) || std::ranges::none_of(type.members(), is_special)) continue;
    Record record;
    if (const int error = find_record(finder, type, type.size(), record)) return error;
    if (record.empty()) return EFAULT;
    if (record.has(kGraphRoot)) records.push_back(std::move(record));
  }
  for (const Record& record : records)
    if (const int error = check_ownership(btf, finder, record)) return error;
  return 0;
}

Result<MapTypes> check_map_types(const Btf& btf, uint32_t key_type_id, uint32_t value_type_id,
                                 uint32_t key_size, uint32_t value_size, abi::bpf_map_type map_type,
                                 uint32_t map_flags, bool key_required) {
  MapTypes types;
  types.key = btf.type(0);
  if (key_type_id != 0) {
    const auto key = btf.sized(key_type_id);
    if (!key || key->size != key_size) return fail(EINVAL);
    types.key = key->type;
  } else if (key_required) {
    return fail(EINVAL);
  }
  const auto value = btf.sized(value_type_id);
  if (!value || value->size != value_size) return fail(EINVAL);
  types.value = value->type;

  // Linux takes fields that it cannot make sense of (two timers, say) for plain data: no helper will accept
  // them.
  Finder finder(btf, kMapFields);
  if (find_record(finder, types.value, value_size, types.record) != 0) types.record = {};
  if (types.record.empty()) return types;
  if (map_flags & (abi::BPF_F_RDONLY_PROG | abi::BPF_F_WRONLY_PROG)) return fail(EACCES);
  for (const Field& f : types.record.fields)
    if (!(row_of(f.kind)->allowed_in >> map_type & 1)) return fail(EOPNOTSUPP);
  Finder objects(btf, kObjectFields);
  if (const int error = check_ownership(btf, objects, types.record)) return fail(error);
  return types;
}

}  // namespace skep::btf
