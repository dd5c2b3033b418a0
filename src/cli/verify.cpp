// skep verify: the verdict of the verifier on every program of the given objects.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <cstring>

#include "cli/commands.h"
#include "cli/load_time.h"
#include "cli/loader.h"
#include "cli/output.h"

namespace skep::cli {
namespace {

constexpr uint32_t kLogLevelFull = 1;   // BPF_LOG_LEVEL1: every instruction on the path to the error
constexpr uint32_t kLogStatistics = 4;  // BPF_LOG_STATS

// The line of a verifier log that names the reason: the last one before the statistics.
std::string reason_of(const std::string& log) {
  std::string reason;
  for (size_t begin = 0; begin < log.size();) {
    const size_t end = std::min(log.find('\n', begin), log.size());
    const std::string line = log.substr(begin, end - begin);
    begin = end + 1;
    if (line.empty() || line.starts_with("processed ") || line.starts_with("verification time") ||
        line.starts_with("stack depth"))
      continue;
    reason = line;
  }
  return reason;
}

// Two loads: the first measures without the cost of logging, the second tells why a program was refused.
LoadResult load_and_explain(const ObjectFile& object, const std::string& program, bool want_log) {
  LoadResult result = object.load(program, kLogStatistics);
  if (result.accepted && !want_log) return result;
  LoadResult logged = object.load(program, kLogLevelFull | kLogStatistics);
  logged.time_us = result.time_us;
  return logged;
}

void print_json(const ObjectFile& object, const ProgramInfo& program, const LoadResult& result) {
  nlohmann::ordered_json line;
  line["object"] = object.path();
  line["section"] = program.section;
  line["program"] = program.name;
  line["type"] = program.type;
  line["verdict"] = result.accepted ? "accept" : "reject";
  line["errno"] = result.error;
  line["insns"] = program.insn_count;
  line["processed"] = result.processed;
  line["time_us"] = result.time_us;
  line["log"] = result.log.empty() ? result.message : result.log;
  // A log may quote bytes of the object that are no UTF-8: replaced, never thrown on.
  fmt::print("{}\n", line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void print_text(const ObjectFile& object, const ProgramInfo& program, const LoadResult& result, bool log) {
  fmt::print("{}: {} ({}, {} insns): ", object.path(), program.name, program.section, program.insn_count);
  if (result.accepted) {
    fmt::print("accepted, {} insns processed in {} us\n", result.processed, result.time_us);
  } else {
    const std::string reason = result.log.empty() ? result.message : reason_of(result.log);
    fmt::print("rejected, {} ({}){}{}\n",
               strerrorname_np(result.error) ? strerrorname_np(result.error) : "errno", result.error,
               reason.empty() ? "" : ": ", reason);
  }
  if (log && !result.log.empty()) fmt::print("{}", result.log);
}

// True when every program of the object loads.
bool verify_object(const ObjectFile& object, const VerifyOptions& options) {
  bool all = true;
  for (const ProgramInfo& program : object.programs()) {
    const LoadResult result = load_and_explain(object, program.name, options.log);
    all = all && result.accepted;
    if (options.json)
      print_json(object, program, result);
    else
      print_text(object, program, result, options.log);
  }
  return all;
}

}  // namespace

int verify_command(const VerifyOptions& options) {
  if (options.live) use_live_kernel();
  int status = 0;
  for (const std::string& path : options.objects) {
    const Result<ObjectFile> object = ObjectFile::open(path);
    if (!object) {
      status = complain(object.error());
    } else if (object->programs().empty()) {
      status = complain(path + ": no programs");
    } else if (!verify_object(*object, options)) {
      status = 1;
    }
  }
  return status;
}

}  // namespace skep::cli
