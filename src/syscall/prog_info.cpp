// abi::bpf_prog_info: what bpftool shows of a program. Each list is written as far as the client's capacity
// goes, and its full length is reported.
#include <algorithm>
#include <array>

#include "btf/prog_info.h"
#include "objects/tag.h"
#include "syscall/info.h"

namespace skep::syscall {
namespace {

// Where a program's machine code would lie in a kernel. Clients get this in place of our own addresses.
uint64_t kernel_address(const objects::Program& program) {
  return 0xffffffffc0000000 + (uint64_t{program.id()} << 16);
}

template <class T>
Status give_list(Caller& caller, std::span<const T> list, uint64_t to, uint32_t& count) {
  const size_t given = std::min<size_t>(count, list.size());
  count = static_cast<uint32_t>(list.size());
  return given == 0 ? Status{} : caller.write(to, std::as_bytes(list.first(given)));
}

// What a program's functions look like to the client; one function when it is not jited.
struct Functions {
  std::vector<uint64_t> addresses;
  std::vector<uint32_t> lengths;
  std::vector<std::array<uint8_t, 8>> tags;
};

Functions functions_of(const objects::Program& program, KernelProfile profile) {
  Functions all;
  const auto& subprogs = program.accepted().executable.subprogs;
  const auto offsets = program.image()->code_offsets();
  const auto code_size = static_cast<uint32_t>(program.image()->code().size());
  const auto& xlated = program.accepted().xlated;
  const size_t count = std::max<size_t>(subprogs.size(), 1);
  const auto code_start = [&](size_t i) -> uint32_t {
    if (i == 0) return 0;
    if (i >= count) return code_size;
    return subprogs[i].start < offsets.size() ? offsets[subprogs[i].start] : code_size;
  };
  for (size_t i = 0; i < count; ++i) {
    all.addresses.push_back(kernel_address(program) + code_start(i));
    all.lengths.push_back(code_start(i + 1) - code_start(i));
    std::array<uint8_t, 8> tag;
    std::ranges::copy(program.spec().tag, tag.begin());
    if (count > 1 && subprogs[i].end <= xlated.size()) {
      const auto body = std::span(xlated).subspan(subprogs[i].start, subprogs[i].end - subprogs[i].start);
      tag = objects::program_tag(std::as_bytes(body), profile);
    }
    all.tags.push_back(tag);
  }
  return all;
}

// Moves records from instructions as loaded to instructions as rewritten. A record whose instruction is gone
// stands for the next one, unless that has its own.
template <class Record>
std::vector<Record> moved_records(std::span<const std::byte> bytes, std::span<const uint32_t> to_original) {
  std::vector<Record> records(bytes.size() / sizeof(Record));
  if (!records.empty()) std::memcpy(records.data(), bytes.data(), records.size() * sizeof(Record));
  std::vector<Record> moved;
  size_t position = 0;
  for (Record& record : records) {
    while (position < to_original.size() && to_original[position] < record.insn_off) ++position;
    if (position == to_original.size()) break;
    record.insn_off = static_cast<uint32_t>(position);
    if (!moved.empty() && moved.back().insn_off == record.insn_off)
      moved.back() = record;
    else
      moved.push_back(record);
  }
  return moved;
}

Status set_record_sizes(abi::bpf_prog_info& info) {
  const auto agree = [](uint32_t count, uint32_t& size, uint32_t known) {
    if ((count != 0 || size != 0) && size != known) return false;
    size = known;
    return true;
  };
  const bool all = agree(info.nr_func_info, info.func_info_rec_size, sizeof(abi::bpf_func_info)) &&
                   agree(info.nr_line_info, info.line_info_rec_size, sizeof(abi::bpf_line_info)) &&
                   agree(info.nr_jited_line_info, info.jited_line_info_rec_size, sizeof(uint64_t));
  return all ? Status{} : Status(fail(EINVAL));
}

// Where the code of each line begins. What is shown and what runs differ in length: both know the instruction
// as loaded. The first line of a function begins with the function, as clients expect.
std::vector<uint64_t> addresses_of_lines(const objects::Program& program, const Functions& functions,
                                         std::span<const abi::bpf_line_info> lines) {
  const auto offsets = program.image()->code_offsets();
  const std::vector<uint32_t>& running = program.accepted().running_to_original;
  const std::vector<exec::Subprog>& subprogs = program.accepted().executable.subprogs;
  std::vector<uint64_t> addresses;
  size_t at = 0;
  for (const abi::bpf_line_info& line : lines) {
    const uint32_t original = program.accepted().xlated_to_original[line.insn_off];
    while (at < running.size() && running[at] < original) ++at;
    if (at >= offsets.size()) break;
    uint64_t address = kernel_address(program) + offsets[at];
    for (size_t i = 0; i < subprogs.size(); ++i)
      if (subprogs[i].start == at) address = functions.addresses[i];
    addresses.push_back(address);
  }
  return addresses;
}

void set_identity(abi::bpf_prog_info& info, const objects::Program& program) {
  const objects::ProgramSpec& spec = program.spec();
  info.type = program.type();
  info.id = program.id();
  std::ranges::copy(spec.tag, info.tag);
  info.load_time = spec.load_time_ns;
  info.created_by_uid = spec.created_by_uid;
  info.gpl_compatible = spec.gpl_compatible;
  std::memset(info.name, 0, sizeof(info.name));
  std::memcpy(info.name, spec.name.data(), spec.name.size());
  info.run_time_ns = program.run_statistics().time_ns;
  info.run_cnt = program.run_statistics().count;
  info.recursion_misses = program.run_statistics().misses;
  info.verified_insns = program.statistics().insns_processed;
  if (program.btf()) info.btf_id = program.btf()->id();
}

// What a client without CAP_BPF gets instead of code.
void hide_code(abi::bpf_prog_info& info) {
  info.jited_prog_len = 0;
  info.xlated_prog_len = 0;
  info.nr_jited_ksyms = 0;
  info.nr_jited_func_lens = 0;
  info.nr_func_info = 0;
  info.nr_line_info = 0;
  info.nr_jited_line_info = 0;
}

Status give_code(Caller& caller, const objects::Program& program, KernelProfile profile,
                 abi::bpf_prog_info& info) {
  const auto& accepted = program.accepted();
  SKEP_TRY(give_list(caller, std::as_bytes(std::span(accepted.xlated)), info.xlated_prog_insns,
                     info.xlated_prog_len));
  SKEP_TRY(give_list(caller, program.image()->code(), info.jited_prog_insns, info.jited_prog_len));

  const Functions functions = functions_of(program, profile);
  SKEP_TRY(give_list(caller, std::span<const uint64_t>(functions.addresses), info.jited_ksyms,
                     info.nr_jited_ksyms));
  SKEP_TRY(give_list(caller, std::span<const uint32_t>(functions.lengths), info.jited_func_lens,
                     info.nr_jited_func_lens));
  SKEP_TRY(give_list(caller, std::span<const std::array<uint8_t, 8>>(functions.tags), info.prog_tags,
                     info.nr_prog_tags));

  const auto func_info =
      moved_records<abi::bpf_func_info>(program.spec().func_info, accepted.xlated_to_original);
  SKEP_TRY(
      give_list(caller, std::span<const abi::bpf_func_info>(func_info), info.func_info, info.nr_func_info));
  const auto line_info =
      moved_records<abi::bpf_line_info>(program.spec().line_info, accepted.xlated_to_original);
  SKEP_TRY(
      give_list(caller, std::span<const abi::bpf_line_info>(line_info), info.line_info, info.nr_line_info));

  const std::vector<uint64_t> line_addresses = addresses_of_lines(program, functions, line_info);
  return give_list(caller, std::span<const uint64_t>(line_addresses), info.jited_line_info,
                   info.nr_jited_line_info);
}

}  // namespace

Status fill_info(const InfoBuffer& buffer, const objects::Program& program) {
  Call& call = buffer.call;
  abi::bpf_prog_info info = {};
  const auto bytes = std::as_writable_bytes(std::span(&info, 1));
  const uint32_t known =
      SKEP_TRY(buffer.read(bytes, offsetof(abi::bpf_prog_info, attach_btf_id) + sizeof(info.attach_btf_id)));

  std::vector<uint32_t> map_ids;
  for (const Ref<maps::Map>& map : program.maps()) map_ids.push_back(map->id());
  SKEP_TRY(give_list(call.caller, std::span<const uint32_t>(map_ids), info.map_ids, info.nr_map_ids));
  SKEP_TRY(set_record_sizes(info));
  set_identity(info, program);
  info.ifindex = 0;
  info.netns_dev = info.netns_ino = 0;
  info.attach_btf_id = info.attach_btf_obj_id = 0;
  if (call.caller.credentials().bpf)
    SKEP_TRY(give_code(call.caller, program, call.kernel.options().profile, info));
  else
    hide_code(info);
  return buffer.write(bytes, known);
}

}  // namespace skep::syscall
