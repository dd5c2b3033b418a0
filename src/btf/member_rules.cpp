// Whether a member fits its struct, by the kind of the member's type. Offsets are in bits, as BTF has them.
#include <cerrno>

#include <algorithm>

#include "btf/kinds.h"

namespace skep::btf::member {
namespace {

constexpr uint32_t kMaxCopyBits = 128;
constexpr uint32_t kIntBits = 32;

constexpr uint32_t bytes_for_bits(uint32_t bits) { return bits / 8 + (bits % 8 != 0); }

// Room for `size` bytes from the byte that holds bit `offset`.
bool fits(Type owner, uint32_t offset, uint32_t size) {
  const uint32_t begin = offset / 8;
  return owner.size() >= begin && owner.size() - begin >= size;
}

int aligned_and_fits(Checker& checker, Type owner, const abi::btf_member& m, uint32_t size) {
  if (m.offset % 8 != 0) return checker.log_member(owner, m, EINVAL, "Member is not byte aligned");
  if (!fits(owner, m.offset, size)) return checker.log_member(owner, m, EINVAL, "Member exceeds struct_size");
  return 0;
}

// The member as the plain rules want it: its offset without a bitfield size in it.
abi::btf_member without_width(const abi::btf_member& m) {
  return {m.name_off, m.type, abi::BTF_MEMBER_BIT_OFFSET(m.offset)};
}

int bits_fit(Checker& checker, Type owner, const abi::btf_member& m, uint32_t offset, uint32_t bits) {
  const uint32_t copied = bits + offset % 8;
  if (copied > kMaxCopyBits) return checker.log_member(owner, m, EINVAL, "nr_copy_bits exceeds 128");
  if (!fits(owner, offset, bytes_for_bits(copied)))
    return checker.log_member(owner, m, EINVAL, "Member exceeds struct_size");
  return 0;
}

}  // namespace

int integer(Checker& checker, Type owner, const abi::btf_member& m, Type type) {
  const uint32_t own_offset = abi::BTF_INT_OFFSET(type.int_data());
  if (UINT32_MAX - m.offset < own_offset)
    return checker.log_member(owner, m, EINVAL, "bits_offset exceeds U32_MAX");
  return bits_fit(checker, owner, m, m.offset + own_offset, abi::BTF_INT_BITS(type.int_data()));
}

int integer_bitfield(Checker& checker, Type owner, const abi::btf_member& m, Type type) {
  if (!is_regular_int(type)) return checker.log_member(owner, m, EINVAL, "Invalid member base type");
  const uint32_t offset = abi::BTF_MEMBER_BIT_OFFSET(m.offset);
  const uint32_t own_bits = abi::BTF_INT_BITS(type.int_data());
  uint32_t bits = abi::BTF_MEMBER_BITFIELD_SIZE(m.offset);
  if (bits == 0) {
    if (offset % 8 != 0) return checker.log_member(owner, m, EINVAL, "Invalid member offset");
    bits = own_bits;
  } else if (bits > own_bits) {
    return checker.log_member(owner, m, EINVAL, "Invalid member bitfield_size");
  }
  return bits_fit(checker, owner, m, offset, bits);
}

int pointer(Checker& checker, Type owner, const abi::btf_member& m, Type) {
  return aligned_and_fits(checker, owner, m, sizeof(uint64_t));
}

int sized_type(Checker& checker, Type owner, const abi::btf_member& m, Type type) {
  const auto found = checker.sized(type.id());
  return aligned_and_fits(checker, owner, m, found ? found->size : 0);
}

int enumeration(Checker& checker, Type owner, const abi::btf_member& m, Type type) {
  return aligned_and_fits(checker, owner, m, type.size());
}

int enumeration_bitfield(Checker& checker, Type owner, const abi::btf_member& m, Type) {
  const uint32_t offset = abi::BTF_MEMBER_BIT_OFFSET(m.offset);
  uint32_t bits = abi::BTF_MEMBER_BITFIELD_SIZE(m.offset);
  if (bits == 0) {
    if (offset % 8 != 0) return checker.log_member(owner, m, EINVAL, "Member is not byte aligned");
    bits = kIntBits;
  } else if (bits > kIntBits) {
    return checker.log_member(owner, m, EINVAL, "Invalid member bitfield_size");
  }
  if (owner.size() < bytes_for_bits(offset + bits))
    return checker.log_member(owner, m, EINVAL, "Member exceeds struct_size");
  return 0;
}

int floating(Checker& checker, Type owner, const abi::btf_member& m, Type type) {
  // Some compilers give members of 12 bytes (x87) an alignment of 4; nothing wants more than a pointer's.
  const uint32_t align_bits = 8 * std::min<uint32_t>(sizeof(uint64_t), type.size());
  if (m.offset % align_bits != 0)
    return checker.log_member(owner, m, EINVAL, "Member is not properly aligned");
  if (!fits(owner, m.offset, type.size()))
    return checker.log_member(owner, m, EINVAL, "Member exceeds struct_size");
  return 0;
}

int modifier(Checker& checker, Type owner, const abi::btf_member& m, Type type) {
  const auto found = checker.sized(type.id());
  if (!found) return checker.log_member(owner, m, EINVAL, "Invalid member");
  const abi::btf_member resolved{m.name_off, found->type.id(), m.offset};
  return kind_row(found->type.kind()).check_member(checker, owner, resolved, found->type);
}

int modifier_bitfield(Checker& checker, Type owner, const abi::btf_member& m, Type type) {
  const auto found = checker.sized(type.id());
  if (!found) return checker.log_member(owner, m, EINVAL, "Invalid member");
  const abi::btf_member resolved{m.name_off, found->type.id(), m.offset};
  return kind_row(found->type.kind()).check_bitfield_member(checker, owner, resolved, found->type);
}

int plain_bitfield(Checker& checker, Type owner, const abi::btf_member& m, Type type) {
  if (abi::BTF_MEMBER_BITFIELD_SIZE(m.offset) != 0)
    return checker.log_member(owner, m, EINVAL, "Invalid member bitfield_size");
  return kind_row(type.kind()).check_member(checker, owner, without_width(m), type);
}

int unsupported(Checker& checker, Type owner, const abi::btf_member&, Type) {
  return checker.log_basic(owner, EINVAL, "Unsupported check_member");
}

int unsupported_bitfield(Checker& checker, Type owner, const abi::btf_member&, Type) {
  return checker.log_basic(owner, EINVAL, "Unsupported check_kflag_member");
}

}  // namespace skep::btf::member
