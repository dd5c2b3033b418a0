#include "case_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "abi/bpf.h"
#include "isa/text.h"
#include "progtypes/prog_type.h"

namespace skep::testing {
namespace {

struct Word {
  const char* name;
  uint32_t value;
};
constexpr Word kProgFlags[] = {{"strict_alignment", abi::BPF_F_STRICT_ALIGNMENT},
                               {"any_alignment", abi::BPF_F_ANY_ALIGNMENT},
                               {"test_state_freq", abi::BPF_F_TEST_STATE_FREQ},
                               {"test_reg_invariants", abi::BPF_F_TEST_REG_INVARIANTS},
                               {"sleepable", abi::BPF_F_SLEEPABLE},
                               {"xdp_has_frags", abi::BPF_F_XDP_HAS_FRAGS}};
constexpr Word kMapFlags[] = {{"rdonly_prog", abi::BPF_F_RDONLY_PROG},
                              {"wronly_prog", abi::BPF_F_WRONLY_PROG},
                              {"mmapable", abi::BPF_F_MMAPABLE}};

template <size_t N>
Result<uint32_t> word(const Word (&words)[N], const std::string& name) {
  for (const Word& known : words)
    if (name == known.name) return known.value;
  return fail(EINVAL, fmt::format("unknown word '{}'", name));
}

template <class Row>
Result<uint32_t> number_of(std::span<const Row> rows, const std::string& name) {
  for (const Row& row : rows)
    if (row.name == name) return row.type;
  return fail(EINVAL, fmt::format("unknown type '{}'", name));
}

Result<std::vector<std::byte>> parse_hex(const std::string& text) {
  std::vector<std::byte> bytes;
  if (text.size() % 2 != 0) return fail(EINVAL, "odd number of digits");
  for (size_t i = 0; i < text.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoul(text.substr(i, 2), nullptr, 16)));
  return bytes;
}

Result<CaseMap> parse_map(std::istringstream& words) {
  CaseMap map;
  std::string type, option;
  words >> type >> map.spec.key_size >> map.spec.value_size >> map.spec.max_entries;
  map.spec.type = SKEP_TRY(number_of(maps::table(), type));
  while (words >> option) {
    if (option == "frozen") {
      map.frozen = true;
    } else if (option.starts_with("data=")) {
      map.data = SKEP_TRY(parse_hex(option.substr(5)));
    } else {
      map.spec.flags |= SKEP_TRY(word(kMapFlags, option));
    }
  }
  return map;
}

// Collects a case line by line. Raw instructions stand as a marked placeholder until the text is assembled.
class Builder {
 public:
  explicit Builder(Case start) : case_(std::move(start)) {}

  Status add(const std::string& line) {
    if (!line.starts_with('.')) {
      text_ += line + '\n';
      return {};
    }
    std::istringstream words(line);
    std::string key, value;
    words >> key;
    if (key == ".repeat") return repeat(words);
    if (key == ".raw") return raw(words);
    if (key == ".lookup") return lookup(words);
    if (key == ".map") {
      case_.maps.push_back(SKEP_TRY(parse_map(words)));
      return {};
    }
    while (words >> value) SKEP_TRY(set(key, value));
    return {};
  }

  Result<Case> finish() {
    auto insns = isa::assemble(text_);
    if (!insns) return fail(EINVAL, insns.error().message);
    for (isa::Insn& insn : *insns)
      if (insn.code == kMark.code && insn.dst == kMark.dst && insn.imm >= kMark.imm &&
          insn.imm < kMark.imm + static_cast<int>(raw_.size()))
        insn = raw_[static_cast<size_t>(insn.imm - kMark.imm)];
    case_.insns = std::move(*insns);
    return std::move(case_);
  }

 private:
  static constexpr isa::Insn kMark = {.code = 0xa4, .dst = 9, .imm = 0x5ce40000};  // w9 ^= ...

  Status set(const std::string& key, const std::string& value) {
    if (key == ".type") {
      case_.type = SKEP_TRY(number_of(progtypes::prog_types(), value));
    } else if (key == ".attach") {
      case_.attach_type = SKEP_TRY(number_of(progtypes::attach_types(), value));
    } else if (key == ".flags") {
      case_.flags |= SKEP_TRY(word(kProgFlags, value));
    } else if (key == ".needs" && value == "kernel_types") {
      case_.needs_kernel_types = true;
    } else if (key == ".license") {
      case_.gpl = false;
    } else if (key == ".level") {
      case_.log_level = static_cast<uint32_t>(std::stoul(value));
    } else {
      return fail(EINVAL, fmt::format("unknown directive '{}'", key));
    }
    return {};
  }

  Status raw(std::istringstream& words) {
    std::string fields[5];
    for (std::string& field : fields)
      if (!(words >> field)) return fail(EINVAL, ".raw needs five fields");
    const auto field = [&](int i) { return std::stoll(fields[i], nullptr, 0); };
    text_ += fmt::format("w9 ^= {}\n", kMark.imm + static_cast<int>(raw_.size()));
    isa::Insn insn;
    insn.code = static_cast<uint8_t>(field(0));
    insn.dst = static_cast<uint8_t>(field(1) & 15);
    insn.src = static_cast<uint8_t>(field(2) & 15);
    insn.off = static_cast<int16_t>(field(3));
    insn.imm = static_cast<int32_t>(field(4));
    raw_.push_back(insn);
    return {};
  }

  Status lookup(std::istringstream& words) {
    uint32_t map = 0;
    words >> map;
    const size_t found = labels_++;
    text_ += fmt::format(
        "*(u64 *)(r10 -8) = 0\nr2 = r10\nr2 += -8\nr1 = map[fd:{}]\ncall bpf_map_lookup_elem#1\n"
        "if r0 != 0x0 goto .found{}\nexit\n.found{}:\n",
        map, found, found);
    return {};
  }

  Status repeat(std::istringstream& words) {
    uint32_t count = 0;
    std::string line;
    words >> count;
    std::getline(words >> std::ws, line);
    for (uint32_t i = 0; i < count; ++i) {
      std::string turn = line;
      for (size_t at; (at = turn.find("{i}")) != std::string::npos;) turn.replace(at, 3, std::to_string(i));
      SKEP_TRY(add(turn));
    }
    return {};
  }

  Case case_;
  std::string text_;
  std::vector<isa::Insn> raw_;
  size_t labels_ = 0;
};

}  // namespace

Result<std::vector<Case>> read_cases(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(ENOENT, path);
  std::vector<Case> cases;
  std::optional<Builder> builder;
  std::string line;
  int number = 0, title = 0;
  const auto at = [&](int where, const Error& error) {
    return fail(EINVAL, fmt::format("{}:{}: {}", path, where, error.message));
  };
  const auto close = [&]() -> Status {
    if (!builder) return {};
    auto finished = builder->finish();
    if (!finished) return at(title, finished.error());
    cases.push_back(std::move(*finished));
    return {};
  };
  while (std::getline(file, line)) {
    ++number;
    if (line.starts_with('[')) {
      SKEP_TRY(close());
      title = number;
      builder.emplace(Case{.family = std::filesystem::path(path).stem().string(),
                           .name = line.substr(1, line.find(']') - 1)});
    } else if (builder) {
      if (auto added = builder->add(line); !added) return at(number, added.error());
    }
  }
  SKEP_TRY(close());
  return cases;
}

}  // namespace skep::testing
