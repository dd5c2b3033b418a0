// The BTF format, in the kernel's spelling: header, type records and what follows each, .BTF.ext records.
#pragma once

#include <cstddef>
#include <cstdint>

namespace skep::abi {

enum : uint32_t {
  BTF_MAGIC = 0xeb9f,
  BTF_VERSION = 1,
  BTF_MAX_TYPE = 0x000fffff,
  BTF_MAX_NAME_OFFSET = 0x00ffffff,
  BTF_MAX_VLEN = 0xffff,
  BTF_MAX_SIZE = 16 * 1024 * 1024,  // of a whole BTF
};

struct btf_header {
  uint16_t magic;
  uint8_t version;
  uint8_t flags;
  uint32_t hdr_len;
  uint32_t type_off;  // the offsets count from the end of the header
  uint32_t type_len;
  uint32_t str_off;
  uint32_t str_len;
};
static_assert(sizeof(btf_header) == 24);

enum : uint32_t {
  BTF_KIND_UNKN = 0,
  BTF_KIND_INT = 1,
  BTF_KIND_PTR = 2,
  BTF_KIND_ARRAY = 3,
  BTF_KIND_STRUCT = 4,
  BTF_KIND_UNION = 5,
  BTF_KIND_ENUM = 6,
  BTF_KIND_FWD = 7,
  BTF_KIND_TYPEDEF = 8,
  BTF_KIND_VOLATILE = 9,
  BTF_KIND_CONST = 10,
  BTF_KIND_RESTRICT = 11,
  BTF_KIND_FUNC = 12,
  BTF_KIND_FUNC_PROTO = 13,
  BTF_KIND_VAR = 14,
  BTF_KIND_DATASEC = 15,
  BTF_KIND_FLOAT = 16,
  BTF_KIND_DECL_TAG = 17,
  BTF_KIND_TYPE_TAG = 18,
  BTF_KIND_ENUM64 = 19,
  NR_BTF_KINDS,
  BTF_KIND_MAX = NR_BTF_KINDS - 1,
};

// info: |kind_flag:1|unused:2|kind:5|unused:8|vlen:16|
struct btf_type {
  uint32_t name_off;
  uint32_t info;
  union {
    uint32_t size;  // int, enum, struct, union, datasec, float, enum64
    uint32_t type;  // ptr, typedef, volatile, const, restrict, func, func_proto, var, decl_tag, type_tag
  };
};
static_assert(sizeof(btf_type) == 12);

constexpr uint32_t BTF_INFO_KIND(uint32_t info) { return (info >> 24) & 0x1f; }
constexpr uint32_t BTF_INFO_VLEN(uint32_t info) { return info & 0xffff; }
constexpr bool BTF_INFO_KFLAG(uint32_t info) { return (info >> 31) != 0; }

// What follows a BTF_KIND_INT: |unused:4|encoding:4|offset:8|unused:8|bits:8|
constexpr uint32_t BTF_INT_ENCODING(uint32_t data) { return (data >> 24) & 0x0f; }
constexpr uint32_t BTF_INT_OFFSET(uint32_t data) { return (data >> 16) & 0xff; }
constexpr uint32_t BTF_INT_BITS(uint32_t data) { return data & 0xff; }
enum : uint32_t { BTF_INT_SIGNED = 1, BTF_INT_CHAR = 2, BTF_INT_BOOL = 4 };

struct btf_enum {
  uint32_t name_off;
  int32_t val;
};
static_assert(sizeof(btf_enum) == 8);

struct btf_enum64 {
  uint32_t name_off;
  uint32_t val_lo32;
  uint32_t val_hi32;
};
static_assert(sizeof(btf_enum64) == 12);

struct btf_array {
  uint32_t type;
  uint32_t index_type;
  uint32_t nelems;
};
static_assert(sizeof(btf_array) == 12);

struct btf_member {
  uint32_t name_off;
  uint32_t type;
  uint32_t offset;  // in bits; with the type's kind_flag |bitfield size:8|bit offset:24|
};
static_assert(sizeof(btf_member) == 12);
constexpr uint32_t BTF_MEMBER_BITFIELD_SIZE(uint32_t offset) { return offset >> 24; }
constexpr uint32_t BTF_MEMBER_BIT_OFFSET(uint32_t offset) { return offset & 0xffffff; }

struct btf_param {
  uint32_t name_off;
  uint32_t type;
};
static_assert(sizeof(btf_param) == 8);

enum : uint32_t { BTF_VAR_STATIC = 0, BTF_VAR_GLOBAL_ALLOCATED = 1, BTF_VAR_GLOBAL_EXTERN = 2 };
enum btf_func_linkage : uint32_t { BTF_FUNC_STATIC = 0, BTF_FUNC_GLOBAL = 1, BTF_FUNC_EXTERN = 2 };

struct btf_var {
  uint32_t linkage;
};
static_assert(sizeof(btf_var) == 4);

struct btf_var_secinfo {
  uint32_t type;
  uint32_t offset;
  uint32_t size;
};
static_assert(sizeof(btf_var_secinfo) == 12);

struct btf_decl_tag {
  int32_t component_idx;  // -1: the type itself
};
static_assert(sizeof(btf_decl_tag) == 4);

// .BTF.ext of an object file (read by loaders; the kernel gets the records by BPF_PROG_LOAD).
struct btf_ext_header {
  uint16_t magic;
  uint8_t version;
  uint8_t flags;
  uint32_t hdr_len;
  uint32_t func_info_off;
  uint32_t func_info_len;
  uint32_t line_info_off;
  uint32_t line_info_len;
  uint32_t core_relo_off;  // absent where hdr_len is 24
  uint32_t core_relo_len;
};
static_assert(sizeof(btf_ext_header) == 32);

struct btf_ext_info_sec {
  uint32_t sec_name_off;
  uint32_t num_info;
};
static_assert(sizeof(btf_ext_info_sec) == 8);

struct bpf_func_info {
  uint32_t insn_off;
  uint32_t type_id;
};
static_assert(sizeof(bpf_func_info) == 8);

struct bpf_line_info {
  uint32_t insn_off;
  uint32_t file_name_off;
  uint32_t line_off;
  uint32_t line_col;  // |line:22|column:10|
};
static_assert(sizeof(bpf_line_info) == 16);
constexpr uint32_t BPF_LINE_INFO_LINE_NUM(uint32_t line_col) { return line_col >> 10; }
constexpr uint32_t BPF_LINE_INFO_LINE_COL(uint32_t line_col) { return line_col & 0x3ff; }

enum bpf_core_relo_kind : uint32_t {
  BPF_CORE_FIELD_BYTE_OFFSET = 0,
  BPF_CORE_FIELD_BYTE_SIZE = 1,
  BPF_CORE_FIELD_EXISTS = 2,
  BPF_CORE_FIELD_SIGNED = 3,
  BPF_CORE_FIELD_LSHIFT_U64 = 4,
  BPF_CORE_FIELD_RSHIFT_U64 = 5,
  BPF_CORE_TYPE_ID_LOCAL = 6,
  BPF_CORE_TYPE_ID_TARGET = 7,
  BPF_CORE_TYPE_EXISTS = 8,
  BPF_CORE_TYPE_SIZE = 9,
  BPF_CORE_ENUMVAL_EXISTS = 10,
  BPF_CORE_ENUMVAL_VALUE = 11,
  BPF_CORE_TYPE_MATCHES = 12,
};

struct bpf_core_relo {
  uint32_t insn_off;
  uint32_t type_id;
  uint32_t access_str_off;
  uint32_t kind;  // bpf_core_relo_kind
};
static_assert(sizeof(bpf_core_relo) == 16);

}  // namespace skep::abi
