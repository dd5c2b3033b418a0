// The special fields of a map value or an allocated object: locks, timers, kernel pointers, lists, trees.
//
// Ways in: parse_record (a struct's fields as btf_parse_fields of Linux finds them) and check_map_types (what
// BPF_MAP_CREATE asks of the key's and the value's BTF).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "abi/bpf.h"
#include "btf/btf.h"

namespace skep::btf {

// Bits, so that sets of kinds can be asked for.
enum FieldKind : uint32_t {
  kSpinLock = 1 << 0,
  kTimer = 1 << 1,
  kKptrUntrusted = 1 << 2,  // __kptr_untrusted: "unref" in Linux
  kKptrRef = 1 << 3,        // __kptr
  kKptrPercpu = 1 << 4,     // __percpu_kptr
  kListHead = 1 << 5,
  kListNode = 1 << 6,
  kRbRoot = 1 << 7,
  kRbNode = 1 << 8,
  kRefcount = 1 << 9,
  kWorkqueue = 1 << 10,
  kUptr = 1 << 11,
  kResSpinLock = 1 << 12,
  kTaskWork = 1 << 13,
  kKptr = kKptrUntrusted | kKptrRef | kKptrPercpu,
  kGraphRoot = kListHead | kRbRoot,
  kGraphNode = kListNode | kRbNode,
  kMapFields = kSpinLock | kResSpinLock | kTimer | kKptr | kListHead | kRbRoot | kRefcount | kWorkqueue |
               kUptr | kTaskWork,
  kObjectFields = kSpinLock | kResSpinLock | kListHead | kListNode | kRbRoot | kRbNode | kRefcount | kKptr,
};

struct Field {
  FieldKind kind;
  uint32_t offset;
  uint32_t size;
  // kKptr, kUptr: the struct pointed to. kGraphRoot: the struct that the list or tree holds.
  uint32_t type_id = 0;
  uint32_t node_offset = 0;  // kGraphRoot: where in that struct the node lies
};

struct Record {
  std::vector<Field> fields;  // by rising offset; none overlap
  uint32_t kinds = 0;         // FieldKind bits

  bool empty() const { return fields.empty(); }
  bool has(uint32_t kind_bits) const { return (kinds & kind_bits) != 0; }
  const Field* first(uint32_t kind_bits) const;  // nullptr: none
  const Field* at(uint32_t offset) const;        // the field that begins exactly there
  // The field that shares a byte with [offset, offset + size); nullptr: none.
  const Field* overlapping(uint32_t offset, uint32_t size) const;
};

// The part of BPF_BTF_LOAD that looks for such fields in every struct; a positive errno, 0 is success.
int check_object_fields(const Btf& btf);

// The fields of the kinds wanted in a struct or datasec; an empty record where there are none.
Result<Record> parse_record(const Btf& btf, Type type, uint32_t wanted, uint32_t value_size);

struct MapTypes {
  Type key;  // void where the key is not described
  Type value;
  Record record;
};
// What MAP_CREATE checks for every map type: sizes that match and fields that this map type may hold. Checks
// of single map types (an array's 4-byte integer key, say) are the map's own; `key_required` is false for the
// types that have such a check, since only they may leave the key undescribed.
Result<MapTypes> check_map_types(const Btf& btf, uint32_t key_type_id, uint32_t value_type_id,
                                 uint32_t key_size, uint32_t value_size, abi::bpf_map_type map_type,
                                 uint32_t map_flags, bool key_required);

}  // namespace skep::btf
