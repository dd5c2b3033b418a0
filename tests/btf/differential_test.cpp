// Random BTF, mostly right and somewhat wrong: errno and log must be the live kernel's, line for line.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <random>

#include "btf/builder.h"
#include "btf/oracle.h"

namespace skep::btf_test {
namespace {

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  std::vector<std::byte> graph() {
    Builder b;
    count_ = 1 + below(24);
    wildness_ = below(4) == 0 ? 6 : 40;  // one in so many values is off
    b.integer("int", 4, 1);
    for (uint32_t i = 1; i < count_; ++i) type(b);
    abi::btf_header header{};
    auto bytes = b.bytes();
    std::memcpy(&header, bytes.data(), sizeof header);
    if (below(40) == 0) damage_header(header);
    std::memcpy(bytes.data(), &header, sizeof header);
    if (below(60) == 0) bytes.resize(below(static_cast<uint32_t>(bytes.size() + 1)));
    for (uint32_t flips = below(6) == 0 ? below(4) : 0; flips != 0 && !bytes.empty(); --flips)
      bytes[below(static_cast<uint32_t>(bytes.size()))] = static_cast<std::byte>(below(256));
    return bytes;
  }

 private:
  uint32_t below(uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n - 1)(random_); }
  bool wild() { return below(wildness_) == 0; }
  uint32_t odd() {
    static constexpr std::array<uint32_t, 9> kOdd{0, 1, 2, 31, 128, 0xffff, 0xfffff, 0x100000, 0xffffffff};
    return kOdd[below(kOdd.size())];
  }
  uint32_t pick(uint32_t usual) { return wild() ? odd() : usual; }
  uint32_t id() { return wild() ? odd() : below(count_ + 1); }
  std::string name(bool named = true) {
    static constexpr std::array<std::string_view, 12> kNames{
        "a", "foo", "bar_1", "_x", ".data", "x.y", "1bad", "sp ace", "\xe4\xf6", "tab\t", "kptr", "\xd7"};
    if (wild()) named = !named;
    if (!named) return "";
    if (below(200) == 0) return std::string(510 + below(4), 'n');
    return std::string(kNames[below(wild() ? kNames.size() : 4)]);
  }

  void damage_header(abi::btf_header& h) {
    switch (below(8)) {
      case 0:
        h.magic = static_cast<uint16_t>(odd());
        break;
      case 1:
        h.version = static_cast<uint8_t>(odd());
        break;
      case 2:
        h.flags = 1;
        break;
      case 3:
        h.hdr_len = below(2) ? odd() : 20 + below(12);
        break;
      case 4:
        h.type_off += below(2) ? 4 : odd();
        break;
      case 5:
        h.type_len += below(2) ? 4 : odd();
        break;
      case 6:
        h.str_off += below(2) ? 1 : odd();
        break;
      default:
        h.str_len += below(2) ? 1 : odd();
        break;
    }
  }

  void type(Builder& b) {
    const uint32_t kind = wild() ? below(32) : 1 + below(19);
    bool flag = below(8) == 0;
    const uint32_t vlen = below(4);
    auto head = [&](bool named, uint32_t rest, uint32_t length) {
      const uint32_t info =
          kind << 24 | pick(length) | (flag ? 1u << 31 : 0) | (below(300) == 0 ? 1u << 20 : 0);
      b.add_raw(below(300) == 0 ? odd() : b.name(name(named)), info, rest);
      return info & 0xffff;
    };
    auto only_if_wild = [&] { flag = flag && wild(); };
    switch (kind) {
      case abi::BTF_KIND_INT: {
        only_if_wild();
        const uint32_t bytes = 1u << below(5);
        head(true, pick(bytes), 0);
        const uint32_t bits = below(3) ? bytes * 8 : 1 + below(bytes * 8);
        b.word(pick(below(5)) << 24 | (below(6) ? 0 : below(9)) << 16 | bits);
        return;
      }
      case abi::BTF_KIND_ARRAY:
        only_if_wild();
        head(false, pick(0), 0);
        b.word(id());
        b.word(below(3) ? 1 : id());
        b.word(below(8) == 0 ? 1u << 28 : below(5));
        return;
      case abi::BTF_KIND_STRUCT:
      case abi::BTF_KIND_UNION: {
        uint32_t offset = 0;
        const uint32_t size = below(5) * 8 * vlen + below(12);
        for (uint32_t n = head(below(2), size, vlen) % 8, i = 0; i < n; ++i) {
          b.word(b.name(name(below(4))));
          b.word(id());
          b.word((flag && below(3) == 0 ? below(40) << 24 : 0) | pick(offset));
          if (kind == abi::BTF_KIND_STRUCT) offset += below(2) ? 64 : below(70);
        }
        return;
      }
      case abi::BTF_KIND_ENUM:
        for (uint32_t n = head(below(2), pick(1u << below(4)), vlen) % 8; n != 0; --n) {
          b.word(b.name(name()));
          b.word(odd());
        }
        return;
      case abi::BTF_KIND_ENUM64:
        for (uint32_t n = head(below(2), pick(1u << below(4)), vlen) % 8; n != 0; --n) {
          b.word(b.name(name()));
          b.word(odd());
          b.word(odd());
        }
        return;
      case abi::BTF_KIND_FWD:
        head(true, pick(0), 0);
        return;
      case abi::BTF_KIND_FUNC:
        only_if_wild();
        head(true, id(), below(3));
        return;
      case abi::BTF_KIND_FUNC_PROTO:
        only_if_wild();
        for (uint32_t n = head(false, id(), vlen) % 8; n != 0; --n) {
          b.word(b.name(name(below(6))));
          b.word(id());
        }
        return;
      case abi::BTF_KIND_VAR:
        only_if_wild();
        head(true, id(), 0);
        b.word(pick(below(3)));
        return;
      case abi::BTF_KIND_DATASEC: {
        only_if_wild();
        uint32_t offset = 0;
        for (uint32_t n = head(true, pick(64), vlen) % 8; n != 0; --n) {
          const uint32_t size = 1 + below(16);
          b.word(id());
          b.word(pick(offset));
          b.word(pick(size));
          offset += size;
        }
        return;
      }
      case abi::BTF_KIND_FLOAT:
        only_if_wild();
        head(true, pick(2u << below(4)), 0);
        return;
      case abi::BTF_KIND_DECL_TAG:
        head(true, id(), 0);
        b.word(below(2) ? 0xffffffff : pick(below(3)));
        return;
      default:
        only_if_wild();
        head(kind == abi::BTF_KIND_TYPEDEF || kind == abi::BTF_KIND_TYPE_TAG, id(), 0);
        return;
    }
  }

  std::mt19937 random_;
  uint32_t count_ = 0;
  uint32_t wildness_ = 40;
};

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte b : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(b));
  return text;
}

TEST(BtfDifferential, RandomGraphsGetTheKernelsVerdictAndLog) {
  if (!oracle_available()) GTEST_SKIP() << "bpf(2) is not permitted here: no kernel to compare with";
  const char* asked = std::getenv("SKEP_BTF_ROUNDS");
  const uint32_t rounds = asked ? static_cast<uint32_t>(std::atoi(asked)) : 20000;
  uint32_t accepted = 0, different = 0;
  for (uint32_t seed = 1; seed <= rounds && different < 5; ++seed) {
    const auto bytes = Generator(seed).graph();
    const Verdict kernel = ask_kernel(bytes);
    const Verdict ours = ask_ours(bytes);
    accepted += kernel.error == 0;
    if (kernel == ours) continue;
    ++different;
    ADD_FAILURE() << "seed " << seed << "\nkernel " << kernel.error << ":\n"
                  << kernel.log << "\nours " << ours.error << ":\n"
                  << ours.log << "\n"
                  << hex(bytes);
  }
  RecordProperty("accepted", static_cast<int>(accepted));
  // Both verdicts must be common, or the comparison says little.
  EXPECT_GT(accepted, rounds / 50);
  EXPECT_LT(accepted, rounds);
}

}  // namespace
}  // namespace skep::btf_test
