#include "comparison.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "abi/info.h"
#include "abi/insn.h"
#include "isa/text.h"
#include "isolated.h"
#include "progtypes/prog_type.h"

namespace skep::testing {
namespace {

constexpr int kNoFd = 1000;  // what a map load outside the list of maps names

bool names_map(const isa::Insn& insn) {
  return insn.code == (abi::BPF_LD | abi::BPF_IMM | abi::BPF_DW) &&
         (insn.src == abi::BPF_PSEUDO_MAP_FD || insn.src == abi::BPF_PSEUDO_MAP_VALUE);
}

bool is_statistics(std::string_view line) {
  return line.starts_with("processed ") || line.starts_with("stack depth ");
}

uint32_t number_after(std::string_view log, std::string_view key) {
  const size_t at = log.rfind(key);
  uint32_t number = 0;
  if (at != std::string_view::npos)
    std::from_chars(log.data() + at + key.size(), log.data() + log.size(), number);
  return number;
}

// "N: (18) r1 = 0xffff..." of a map, also with a column between: the address differs, and with it the place
// of what stands behind it.
std::string without_addresses(std::string_view line, std::span<const isa::Insn> insns) {
  const size_t at = line.find(" (18) r");
  const size_t colon = at == std::string_view::npos ? at : line.substr(0, at + 1).rfind(": ");
  if (colon == std::string_view::npos) return std::string(line);
  size_t begin = colon;
  while (begin > 0 && isdigit(static_cast<unsigned char>(line[begin - 1]))) --begin;
  size_t index = insns.size();
  std::from_chars(line.data() + begin, line.data() + colon, index);
  const size_t value = line.find("0x", at);
  if (index >= insns.size() || insns[index].src == 0 || value == std::string_view::npos)
    return std::string(line);
  size_t end = value + 2;
  while (end < line.size() && isxdigit(static_cast<unsigned char>(line[end]))) ++end;
  while (end < line.size() && line[end] == ' ') ++end;
  return fmt::format("{}ADDRESS {}", line.substr(0, value), line.substr(end));
}

void read_log(std::string_view log, std::span<const isa::Insn> insns, Verdict& verdict) {
  verdict.processed = number_after(log, "\nprocessed ");
  if (log.starts_with("processed ")) verdict.processed = number_after(log, "processed ");
  while (!log.empty()) {
    const size_t end = std::min(log.find('\n'), log.size());
    std::string_view line = log.substr(0, end);
    log.remove_prefix(std::min(end + 1, log.size()));
    // Some reasons have no newline, so that the statistics follow on the same line.
    line = line.substr(0, line.find("verification time "));
    if (!is_statistics(line) && !line.empty()) verdict.reason = without_addresses(line, insns);
    verdict.log += without_addresses(line, insns) + '\n';
  }
}

}  // namespace

Prepared::Prepared(const Case& test) : case_(test) {
  for (const CaseMap& map : case_.maps)
    if (error_.empty()) add(map);
  set_insns(case_.insns);
}

void Prepared::add(const CaseMap& map) {
  const maps::MapSpec& spec = map.spec;
  auto there = live::create_map(spec.type, spec.key_size, spec.value_size, spec.max_entries, spec.flags);
  auto here = maps::create(spec);
  if (!there || !here) {
    error_ = fmt::format("map {} cannot be made: kernel {}, ours {}", live_.size(),
                         there ? 0 : there.error().code, here ? 0 : here.error().code);
    return;
  }
  live_.push_back(std::move(*there));
  ours_.push_back(*here);
  if (!map.data.empty()) {
    std::vector<std::byte> value(spec.value_size), key(spec.key_size);
    std::memcpy(value.data(), map.data.data(), std::min(value.size(), map.data.size()));
    const Status updated = live::update(live_.back().get(), key.data(), value.data());
    if (!updated || ours_.back()->sys_update(key, value, 0) != 0) error_ = "map data refused";
  }
  if (map.frozen && (!live::freeze(live_.back().get()) || !ours_.back()->freeze()))
    error_ = "map does not freeze";
}

void Prepared::set_insns(const std::vector<isa::Insn>& insns) {
  insns_ = insns;
  for (size_t i = 0; i < insns_.size(); ++i) {
    if (!names_map(insns_[i])) continue;
    const auto index = static_cast<size_t>(insns_[i].imm);
    insns_[i].imm = index < live_.size() ? live_[index].get() : kNoFd;
    ++i;
  }
}

live::Loaded Prepared::load(uint32_t log_level, uint32_t log_size) const {
  live::LoadOptions options;
  options.type = case_.type;
  options.expected_attach_type = case_.attach_type;
  options.flags = case_.flags;
  options.license = case_.gpl ? "GPL" : "Apache-2.0";
  options.log_level = log_level;
  options.log_size = log_size;
  return live::load(insns_, options);
}

verifier::Request Prepared::request(uint32_t log_level, uint64_t log_size) const {
  verifier::Request request;
  request.insns = insns_;
  request.type = progtypes::find_prog_type(case_.type);
  request.expected_attach_type = progtypes::effective_attach_type(*request.type, case_.attach_type);
  request.prog_flags = case_.flags;
  request.gpl_compatible = case_.gpl;
  request.log = {.level = log_level, .capacity = log_size};
  request.resolve_map = [this](int fd) -> Result<Ref<maps::Map>> {
    for (size_t i = 0; i < live_.size(); ++i)
      if (live_[i].get() == fd) return ours_[i];
    return fail(EBADF);
  };
  return request;
}

Verdict Prepared::ask_kernel(uint32_t log_level) const {
  Verdict verdict;
  const live::Loaded loaded = load(log_level);
  verdict.error = loaded.error;
  verdict.log_true_size = loaded.log_true_size;
  read_log(loaded.log, insns_, verdict);
  if (loaded)
    if (auto info = live::info<abi::bpf_prog_info>(loaded.fd.get()); info)
      verdict.xlated = info->xlated_prog_len / sizeof(isa::Insn);
  return verdict;
}

Verdict Prepared::ask_ours(uint32_t log_level) const {
  const auto type = progtypes::find_prog_type(case_.type);
  if (auto allowed = progtypes::check_expected_attach_type(*type, case_.attach_type); !allowed)
    return {.error = allowed.error().code};
  const Isolated ran = run_isolated([&] {
    const verifier::Outcome outcome = verifier::check(request(log_level));
    int error = outcome.accepted ? 0 : outcome.rejection.code;
    if (outcome.accepted && outcome.log_truncated) error = ENOSPC;
    if (!outcome.accepted && error == 0) error = -1;  // a refusal without an errno is a fault of ours
    return fmt::format("{} {} {} {}\n{}", error, outcome.accepted ? outcome.accepted->xlated.size() : 0,
                       outcome.statistics.insns_processed, outcome.log_true_size, outcome.log);
  });
  Verdict verdict;
  if (!ran.failure.empty()) {
    verdict.broken = ran.failure;
    return verdict;
  }
  unsigned long true_size = 0;
  unsigned processed = 0;
  if (sscanf(ran.answer.c_str(), "%d %u %u %lu", &verdict.error, &verdict.xlated, &processed, &true_size) !=
      4)
    verdict.broken = "no answer";
  verdict.log_true_size = true_size;
  read_log(std::string_view(ran.answer).substr(ran.answer.find('\n') + 1), insns_, verdict);
  return verdict;
}

std::string first_difference(const std::string& ours, const std::string& kernel) {
  size_t line = 0;
  while (line < std::min(ours.size(), kernel.size())) {
    const size_t end = ours.find('\n', line);
    const size_t kernel_end = kernel.find('\n', line);
    if (end != kernel_end || ours.compare(line, end - line, kernel, line, end - line) != 0) break;
    line = end + 1;
  }
  const auto at = [&](const std::string& log) {
    return line < log.size() ? log.substr(line, log.find('\n', line) - line) : std::string("(end)");
  };
  return fmt::format("\n      ours   {}\n      kernel {}", at(ours), at(kernel));
}

std::string describe_case(const Case& test) {
  std::string text =
      fmt::format("[{}: {}]\n.type {}\n", test.family, test.name, progtypes::prog_types()[test.type].name);
  if (test.attach_type != 0) text += fmt::format("; expected attach type {}\n", test.attach_type);
  if (test.flags != 0) text += fmt::format("; flags {:#x}\n", test.flags);
  for (const CaseMap& map : test.maps)
    text += fmt::format(".map {} {} {} {}\n", maps::table()[map.spec.type - 1].name, map.spec.key_size,
                        map.spec.value_size, map.spec.max_entries);
  const std::span<const isa::Insn> insns = test.insns;
  const size_t shown = std::min<size_t>(insns.size(), 200);
  for (size_t i = 0; i < shown; ++i) {
    text += fmt::format("{}: {}\n", i, isa::print(insns.subspan(i), isa::symbolic_naming()));
    if (const isa::InsnDesc* desc = isa::describe(insns[i]); desc != nullptr && isa::slots(*desc) == 2) ++i;
  }
  if (shown < insns.size()) text += fmt::format("; ... {} instructions\n", insns.size());
  return text;
}

}  // namespace skep::testing
