#include "supervisor/files/fdinfo.h"

#include <fmt/format.h>

#include "abi/bpf.h"
#include "maps/prog_array.h"
#include "objects/btf_object.h"
#include "objects/link.h"
#include "objects/perf_event.h"
#include "objects/program.h"

namespace skep::supervisor {
namespace {

std::string tag_text(const uint8_t (&tag)[8]) {
  std::string text;
  for (const uint8_t byte : tag) text += fmt::format("{:02x}", byte);
  return text;
}

std::string lines_of(const Ref<maps::Map>& map) {
  const maps::MapSpec& spec = map->spec();
  std::string text = fmt::format(
      "map_type:\t{}\nkey_size:\t{}\nvalue_size:\t{}\nmax_entries:\t{}\nmap_flags:\t{:#x}\nmap_extra:\t{:#x}"
      "\n"
      "memlock:\t{}\nmap_id:\t{}\nfrozen:\t{}\n",
      spec.type, spec.key_size, spec.value_size, spec.max_entries, spec.flags, spec.extra,
      map->memory_usage(), map->id(), map->frozen() ? 1 : 0);
  if (spec.type == abi::BPF_MAP_TYPE_PROG_ARRAY)
    if (const auto owner = static_cast<const maps::ProgArrayMap&>(*map).owner())
      text += fmt::format("owner_prog_type:\t{}\nowner_jited:\t{}\n", owner->prog_type, owner->jited ? 1 : 0);
  return text;
}

std::string lines_of(const Ref<objects::Program>& program) {
  constexpr uint64_t kPage = 4096;
  const objects::RunStatistics& statistics = program->run_statistics();
  const uint64_t bytes = program->accepted().xlated.size() * sizeof(isa::Insn);
  return fmt::format(
      "prog_type:\t{}\nprog_jited:\t{}\nprog_tag:\t{}\nmemlock:\t{}\nprog_id:\t{}\nrun_time_ns:\t{}\nrun_cnt:"
      "\t{}\n"
      "recursion_misses:\t{}\nverified_insns:\t{}\n",
      program->spec().type->type, program->image()->code().empty() ? 0 : 1, tag_text(program->spec().tag),
      (bytes / kPage + 1) * kPage, program->id(), statistics.time_ns.load(), statistics.count.load(),
      statistics.misses.load(), program->statistics().insns_processed);
}

// The word that Linux prints for a link type, and the lines that are the type's own.
std::string lines_of(const Ref<objects::Link>& link) {
  const objects::LinkDetails details = link->details();
  const char* word = "";
  std::string own;
  switch (link->type()) {
    case abi::BPF_LINK_TYPE_CGROUP:
      word = "cgroup";
      own = fmt::format("cgroup_id:\t{}\nattach_type:\t{}\n", details.info.cgroup.cgroup_id,
                        details.info.cgroup.attach_type);
      break;
    case abi::BPF_LINK_TYPE_RAW_TRACEPOINT:
      word = "raw_tracepoint";
      own = fmt::format("tp_name:\t{}\n", details.text);
      break;
    case abi::BPF_LINK_TYPE_PERF_EVENT:
      word = "perf";
      own = fmt::format("tp_name:\t{}\nevent_type:\ttracepoint\n", details.text);
      break;
    default:
      break;
  }
  std::string text = fmt::format("link_type:\t{}\nlink_id:\t{}\n", word, link->id());
  if (const Ref<objects::Program> program = link->program())
    text += fmt::format("prog_tag:\t{}\nprog_id:\t{}\n", tag_text(program->spec().tag), program->id());
  return text + own;
}

std::string lines_of(const Ref<objects::BtfObject>& btf) { return fmt::format("btf_id:\t{}\n", btf->id()); }
std::string lines_of(const Ref<objects::PerfEvent>&) { return {}; }

}  // namespace

std::string fdinfo_lines(const objects::Object& object) {
  return std::visit([](const auto& reference) { return lines_of(reference); }, object);
}

}  // namespace skep::supervisor
