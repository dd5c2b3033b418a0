#include "syscall/support_matrix.h"

#include <array>

#include <fmt/format.h>

#include "helpers/proto.h"
#include "maps/map.h"
#include "progtypes/prog_type.h"
#include "syscall/call.h"

namespace skep::syscall {
namespace {

std::string version(KernelVersion v) { return fmt::format("{}.{}", v.major, v.minor); }
std::string_view yes_no(bool yes) { return yes ? "yes" : "no"; }

std::string_view support_name(Support support) {
  static constexpr std::array<std::string_view, 3> kNames = {"no", "partly", "yes"};
  return kNames[static_cast<size_t>(support)];
}

std::string command_section(KernelProfile profile) {
  std::string text = "## Commands of bpf(2)\n\n| command | since | supported | note |\n|---|---|---|---|\n";
  for (const Command& row : commands())
    if (profile.has(row.since))
      text += fmt::format("| `BPF_{}` | {} | {} | {} |\n", row.name, version(row.since),
                          support_name(row.support), row.note);
  return text;
}

std::string prog_type_section(KernelProfile profile) {
  std::string text =
      "## Program types\n\n| type | since | loads | context | test run on Linux |\n|---|---|---|---|---|\n";
  for (const progtypes::ProgTypeRow& row : progtypes::prog_types()) {
    if (!profile.has(row.since) || row.type == abi::BPF_PROG_TYPE_UNSPEC) continue;
    text += fmt::format(
        "| `{}` | {} | {} | {} | {} |\n", row.name, version(row.since), yes_no(row.context != nullptr),
        row.context != nullptr ? fmt::format("`{}`", row.context->name) : "", yes_no(row.test_run));
  }
  return text;
}

bool attaches(const progtypes::AttachTypeRow& row) {
  const auto* type = progtypes::find_prog_type(row.prog_type);
  const bool built = type != nullptr && type->context != nullptr;
  return built && (row.cgroup_slot >= 0 || row.type == abi::BPF_PERF_EVENT);
}

std::string attach_type_section(KernelProfile profile) {
  std::string text =
      "## Attach types\n\n| attach type | program type | since | attaches |\n|---|---|---|---|\n";
  for (const progtypes::AttachTypeRow& row : progtypes::attach_types()) {
    if (!profile.has(row.since)) continue;
    const auto* type = progtypes::find_prog_type(row.prog_type);
    text += fmt::format("| `{}` | `{}` | {} | {} |\n", row.name, type != nullptr ? type->name : "",
                        version(row.since), yes_no(attaches(row)));
  }
  return text;
}

std::string map_type_section(KernelProfile profile) {
  std::string text = "## Map types\n\n| type | since | supported | note |\n|---|---|---|---|\n";
  for (const maps::MapTypeRow& row : maps::table())
    if (profile.has(row.since))
      text += fmt::format("| `{}` | {} | {} | {} |\n", row.name, version(row.since),
                          row.note.empty() ? "yes" : "partly", row.note);
  return text;
}

std::string helper_section(KernelProfile profile) {
  std::string text = "## Helpers\n\n| id | helper | since | program types |\n|---|---|---|---|\n";
  for (const helpers::HelperProto& row : helpers::table()) {
    if (row.impl == nullptr || !profile.has(row.since)) continue;
    std::string types;
    for (const progtypes::ProgTypeRow& type : progtypes::prog_types())
      if (type.context != nullptr && (row.programs >> type.type & 1) != 0)
        types += fmt::format("{}{}", types.empty() ? "" : ", ", type.name);
    text += fmt::format("| {} | `bpf_{}` | {} | {} |\n", row.id, row.name, version(row.since), types);
  }
  return text;
}

}  // namespace

std::string support_matrix_markdown(KernelProfile profile) {
  return fmt::format(
      "# What is supported (as Linux {})\n\nGenerated from the tables of the source; a command or type "
      "that is not supported answers as on a kernel\nthat was built without it.\n\n{}\n{}\n{}\n{}\n{}",
      version(profile.version), command_section(profile), prog_type_section(profile),
      attach_type_section(profile), map_type_section(profile), helper_section(profile));
}

}  // namespace skep::syscall
