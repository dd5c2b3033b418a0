// Writes BTF byte by byte, right or wrong as a test wants it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "abi/btf.h"

namespace skep::btf_test {

class Builder {
 public:
  uint32_t name(std::string_view text) {
    if (text.empty()) return 0;
    const auto at = static_cast<uint32_t>(strings_.size());
    strings_ += text;
    strings_ += '\0';
    return at;
  }

  // A type record and the words behind it; the id it gets.
  uint32_t add(uint32_t kind, std::string_view type_name, uint32_t size_or_type, uint32_t vlen = 0,
               std::initializer_list<uint32_t> behind = {}, bool kind_flag = false) {
    return add_raw(name(type_name), kind << 24 | vlen | (kind_flag ? 1u << 31 : 0), size_or_type, behind);
  }
  uint32_t add_raw(uint32_t name_off, uint32_t info, uint32_t size_or_type,
                   std::initializer_list<uint32_t> behind = {}) {
    words_.insert(words_.end(), {name_off, info, size_or_type});
    words_.insert(words_.end(), behind);
    return ++last_id_;
  }
  void word(uint32_t value) { words_.push_back(value); }

  uint32_t integer(std::string_view type_name, uint32_t bytes, uint32_t encoding = 0) {
    return add(abi::BTF_KIND_INT, type_name, bytes, 0, {encoding << 24 | bytes * 8});
  }
  uint32_t pointer(uint32_t to) { return add(abi::BTF_KIND_PTR, "", to); }
  uint32_t array(uint32_t of, uint32_t index, uint32_t count) {
    return add(abi::BTF_KIND_ARRAY, "", 0, 0, {of, index, count});
  }
  struct Member {
    std::string_view name;
    uint32_t type;
    uint32_t bit_offset;
  };
  uint32_t structure(std::string_view type_name, uint32_t size, std::initializer_list<Member> members,
                     uint32_t kind = abi::BTF_KIND_STRUCT) {
    const uint32_t id = add(kind, type_name, size, static_cast<uint32_t>(members.size()));
    for (const Member& m : members) words_.insert(words_.end(), {name(m.name), m.type, m.bit_offset});
    return id;
  }

  std::vector<std::byte> bytes() const {
    const auto type_len = static_cast<uint32_t>(words_.size() * 4);
    const abi::btf_header header{abi::BTF_MAGIC,
                                 abi::BTF_VERSION,
                                 0,
                                 sizeof(abi::btf_header),
                                 0,
                                 type_len,
                                 type_len,
                                 static_cast<uint32_t>(strings_.size())};
    return bytes(header);
  }
  std::vector<std::byte> bytes(const abi::btf_header& header) const {
    std::vector<std::byte> out(sizeof header + words_.size() * 4 + strings_.size());
    std::memcpy(out.data(), &header, sizeof header);
    if (!words_.empty()) std::memcpy(out.data() + sizeof header, words_.data(), words_.size() * 4);
    std::memcpy(out.data() + sizeof header + words_.size() * 4, strings_.data(), strings_.size());
    return out;
  }

 private:
  std::vector<uint32_t> words_;
  std::string strings_{'\0'};
  uint32_t last_id_ = 0;
};

}  // namespace skep::btf_test
