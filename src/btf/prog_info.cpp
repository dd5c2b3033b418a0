// func_info and line_info: as check_btf_func and check_btf_line of Linux answer.
#include "btf/prog_info.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace skep::btf {
namespace {

constexpr char kCountMismatch[] = "number of funcs in func_info doesn't match number of subprogs\n";

template <class... Args>
std::unexpected<Error> reject(LogSink* log, int error, fmt::format_string<Args...> format, Args&&... args) {
  if (log) log->write(fmt::format(format, std::forward<Args>(args)...));
  return fail(error);
}

bool bad_record_size(uint32_t size, uint32_t least) {
  return size < least || size > kMaxInfoRecordSize || size % sizeof(uint32_t) != 0;
}

// Records may be longer than we know them, as long as they say nothing more.
template <class Record>
bool read_record(const InfoRecords& records, uint32_t index, Record& record) {
  const auto bytes = records.bytes.subspan(size_t{records.record_size} * index, records.record_size);
  std::memcpy(&record, bytes.data(), sizeof record);
  return std::ranges::all_of(bytes.subspan(sizeof record), [](std::byte b) { return b == std::byte{0}; });
}

uint32_t readable(const InfoRecords& records) {
  return static_cast<uint32_t>(std::min<size_t>(records.count, records.bytes.size() / records.record_size));
}

bool is_func(const Btf& btf, uint32_t id) {
  const Type func = btf.type(id);
  return func && func.is_func();
}

}  // namespace

Result<std::vector<abi::bpf_func_info>> check_func_info_early(const Btf& btf, const InfoRecords& records,
                                                              LogSink* log) {
  if (bad_record_size(records.record_size, sizeof(abi::bpf_func_info)))
    return reject(log, EINVAL, "invalid func info rec size {}\n", records.record_size);
  std::vector<abi::bpf_func_info> info;
  for (uint32_t i = 0; i < readable(records); ++i) {
    abi::bpf_func_info record;
    if (!read_record(records, i, record)) return reject(log, E2BIG, "nonzero tailing record in func info");
    if (i == 0 && record.insn_off != 0)
      return reject(log, EINVAL, "nonzero insn_off {} for the first func info record", record.insn_off);
    if (i != 0 && record.insn_off <= info.back().insn_off)
      return reject(log, EINVAL, "same or smaller insn offset ({}) than previous func info record ({})",
                    record.insn_off, info.back().insn_off);
    if (!is_func(btf, record.type_id))
      return reject(log, EINVAL, "invalid type id {} in func info", static_cast<int32_t>(record.type_id));
    info.push_back(record);
  }
  // What the caller left unread counts too, so that check_func_info sees that there are more than
  // subprograms.
  if (info.size() != records.count) return reject(log, EINVAL, kCountMismatch);
  return info;
}

Status check_func_info(std::span<const abi::bpf_func_info> info, std::span<const uint32_t> subprog_starts,
                       LogSink* log) {
  if (info.size() != subprog_starts.size()) return reject(log, EINVAL, kCountMismatch);
  for (size_t i = 0; i < info.size(); ++i)
    if (info[i].insn_off != subprog_starts[i])
      return reject(log, EINVAL, "func_info BTF section doesn't match subprog layout in BPF program\n");
  return {};
}

bool returns_scalar(const Btf& btf, Type func) {
  const Type proto = btf.type(func.target());
  const Type returned = proto ? btf.skip_modifiers(proto.target()) : Type{};
  if (!returned) return false;
  return returned.is_any_enum() || (returned.is_int() && returned.size() <= sizeof(uint64_t));
}

Result<std::vector<abi::bpf_line_info>> check_line_info(const Btf& btf, const InfoRecords& records,
                                                        std::span<const abi::bpf_insn> insns,
                                                        std::span<const uint32_t> subprog_starts,
                                                        LogSink* log) {
  if (records.count > INT32_MAX / sizeof(abi::bpf_line_info)) return fail(EINVAL);
  if (bad_record_size(records.record_size, sizeof(abi::bpf_line_info))) return fail(EINVAL);
  std::vector<abi::bpf_line_info> info;
  size_t subprog = 0;
  uint32_t previous = 0;
  for (uint32_t i = 0; i < readable(records); ++i) {
    abi::bpf_line_info line;
    if (!read_record(records, i, line)) return reject(log, E2BIG, "nonzero tailing record in line_info");
    if ((i != 0 && line.insn_off <= previous) || line.insn_off >= insns.size())
      return reject(log, EINVAL, "Invalid line_info[{}].insn_off:{} (prev_offset:{} prog->len:{})\n", i,
                    line.insn_off, previous, insns.size());
    if (insns[line.insn_off].code == 0)
      return reject(log, EINVAL, "Invalid insn code at line_info[{}].insn_off\n", i);
    if (!btf.name_off_valid(line.line_off) || !btf.name_off_valid(line.file_name_off))
      return reject(log, EINVAL, "Invalid line_info[{}].line_off or .file_name_off\n", i);
    if (subprog != subprog_starts.size()) {
      if (line.insn_off == subprog_starts[subprog])
        ++subprog;
      else if (subprog_starts[subprog] < line.insn_off)
        return reject(log, EINVAL, "missing bpf_line_info for func#{}\n", subprog);
    }
    previous = line.insn_off;
    info.push_back(line);
  }
  if (subprog != subprog_starts.size())
    return reject(log, EINVAL, "missing bpf_line_info for {} funcs starting from func#{}\n",
                  subprog_starts.size() - subprog, subprog);
  if (info.size() != records.count) return fail(EFAULT);  // the caller read less than it promised
  return info;
}

std::string_view source_line(const Btf& btf, const abi::bpf_line_info& line) {
  std::string_view text = btf.name(line.line_off);
  const size_t begin = text.find_first_not_of(" \t\n\v\f\r");
  return begin == std::string_view::npos ? std::string_view{} : text.substr(begin);
}

std::string_view source_file(const Btf& btf, const abi::bpf_line_info& line) {
  return btf.name(line.file_name_off);
}

}  // namespace skep::btf
