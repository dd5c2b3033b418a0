// Btf::parse: header and sections, then the two passes of checker.h, in the order of BPF_BTF_LOAD.
#include <algorithm>
#include <array>
#include <cstring>

#include "btf/btf.h"
#include "btf/checker.h"
#include "btf/kinds.h"
#include "btf/record.h"

namespace skep::btf {

class Parser {
 public:
  Parser(std::span<const std::byte> data, const ParseOptions& options)
      : data_(data), options_(options), btf_(Ref<Btf>::adopt(new Btf)), checker_(*btf_, options.log) {}

  Result<Ref<const Btf>> run() {
    btf_->base_ = options_.base;
    btf_->from_kernel_ = options_.from_kernel;
    if (options_.base) {
      btf_->first_id_ = options_.base->end_id();
      btf_->strings_start_ = options_.base->strings_end();
    }
    for (int (Parser::*step)() :
         {&Parser::header, &Parser::sections, &Parser::copy, &Parser::strings, &Parser::types})
      if (const int error = (this->*step)()) return fail(error);
    return Ref<const Btf>(btf_);
  }

 private:
  int header();
  int sections();
  int copy();
  int strings();
  int types();
  int index_only();
  int say(std::string_view text, int error = EINVAL) { return checker_.complain(error, "{}", text); }

  std::span<const std::byte> data_;
  const ParseOptions& options_;
  Ref<Btf> btf_;
  Checker checker_;
  abi::btf_header header_{};
};

int Parser::header() {
  constexpr size_t kLengthEnd = offsetof(abi::btf_header, hdr_len) + sizeof(header_.hdr_len);
  if (data_.size() < kLengthEnd) return say("hdr_len not found");
  uint32_t length;
  std::memcpy(&length, data_.data() + offsetof(abi::btf_header, hdr_len), sizeof length);
  if (data_.size() < length) return say("btf_header not found");
  // A longer header is of a later format: fine as long as it says nothing that we do not know.
  for (size_t i = sizeof header_; i < length; ++i)
    if (data_[i] != std::byte{0}) return say("Unsupported btf_header", E2BIG);
  std::memcpy(&header_, data_.data(), std::min<size_t>(length, sizeof header_));

  const abi::btf_header& h = header_;
  checker_.complain(0, "magic: 0x{:x}\nversion: {}\nflags: 0x{:x}\nhdr_len: {}\n", h.magic, h.version,
                    h.flags, h.hdr_len);
  checker_.complain(0, "type_off: {}\ntype_len: {}\nstr_off: {}\nstr_len: {}\nbtf_total_size: {}\n",
                    h.type_off, h.type_len, h.str_off, h.str_len, data_.size());
  if (h.magic != abi::BTF_MAGIC) return say("Invalid magic");
  if (h.version != abi::BTF_VERSION) return say("Unsupported version", kNotSupported);
  if (h.flags != 0) return say("Unsupported flags", kNotSupported);
  if (!options_.base && data_.size() == h.hdr_len) return say("No data");
  return 0;
}

int Parser::sections() {
  struct Section {
    uint32_t offset, length;
  };
  std::array<Section, 2> list{{{header_.type_off, header_.type_len}, {header_.str_off, header_.str_len}}};
  // Linux orders sections by the difference as a signed number, and by length where they begin together.
  const auto apart = static_cast<int32_t>(list[0].offset - list[1].offset);
  if (apart > 0 || (apart == 0 && static_cast<int32_t>(list[0].length - list[1].length) > 0))
    std::swap(list[0], list[1]);
  const uint32_t expected = static_cast<uint32_t>(data_.size()) - header_.hdr_len;
  uint32_t total = 0;
  for (const Section& s : list) {
    if (expected < s.offset) return say("Invalid section offset");
    if (total < s.offset) return say("Unsupported section found");
    if (total > s.offset) return say("Section overlap found");
    if (expected - total < s.length) return say("Total section length too long");
    total += s.length;
  }
  if (expected != total) return say("Unsupported section found");
  return 0;
}

int Parser::copy() {
  // One copy, placed so that type records are aligned whatever the header's length is.
  const size_t types_at = size_t{header_.hdr_len} + header_.type_off;
  const size_t shift = (4 - types_at % 4) % 4;
  btf_->storage_ = std::make_unique_for_overwrite<std::byte[]>(data_.size() + shift);
  std::memcpy(btf_->storage_.get() + shift, data_.data(), data_.size());
  btf_->data_ = btf_->storage_.get() + shift;
  btf_->size_ = data_.size();
  btf_->types_ = btf_->data_ + types_at;
  return 0;
}

int Parser::strings() {
  const uint64_t begin = uint64_t{header_.hdr_len} + header_.str_off;
  if (begin + header_.str_len != data_.size()) return say("String section is not at the end");
  if (options_.base && header_.str_len == 0) return 0;
  const auto* text = reinterpret_cast<const char*>(btf_->data_ + begin);
  if (header_.str_len == 0 || header_.str_len - 1 > abi::BTF_MAX_NAME_OFFSET ||
      text[header_.str_len - 1] != 0 || (!options_.base && text[0] != 0))
    return say("Invalid string section");
  btf_->strings_ = {text, header_.str_len};
  return 0;
}

int Parser::index_only() {
  for (uint32_t at = 0; at < header_.type_len;) {
    const uint32_t left = header_.type_len - at;
    if (left < sizeof(abi::btf_type)) return EINVAL;
    const Type type(reinterpret_cast<const abi::btf_type*>(btf_->types_ + at), btf_->end_id());
    if (type.kind() == abi::BTF_KIND_UNKN || type.kind() > abi::BTF_KIND_MAX) return EINVAL;
    const KindRow& row = kind_row(type.kind());
    const uint32_t used = sizeof(abi::btf_type) + row.fixed_size + row.item_size * type.vlen();
    if (left < used || btf_->end_id() > abi::BTF_MAX_TYPE) return EINVAL;
    btf_->offsets_.push_back(at);
    at += used;
  }
  return 0;
}

int Parser::types() {
  if (header_.type_off % sizeof(uint32_t) != 0) return say("Unaligned type_off");
  if (!options_.base && header_.type_len == 0) return say("No type found");
  // Reserved for the average record of compilers' output, never for more than the input could hold.
  btf_->offsets_.reserve(header_.type_len / 24);
  if (options_.from_kernel) return index_only();
  if (const int error = checker_.check_metas(header_.type_len)) return error;
  if (const int error = checker_.check_types()) return error;
  if (const int error = checker_.check_type_tags()) return error;
  return check_object_fields(*btf_);
}

Result<Ref<const Btf>> Btf::parse(std::span<const std::byte> data, const ParseOptions& options) {
  if (data.size() > abi::BTF_MAX_SIZE) return fail(E2BIG);
  return Parser(data, options).run();
}

}  // namespace skep::btf
