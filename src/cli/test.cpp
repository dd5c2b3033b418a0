// skep test: one program, run on given input.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "attach/attachments.h"
#include "base/rcu.h"
#include "cli/commands.h"
#include "cli/environment.h"
#include "cli/host.h"
#include "cli/loader.h"
#include "cli/output.h"
#include "helpers/test_run.h"
#include "maps/virtual_cpu.h"
#include "syscall/local_caller.h"

namespace skep::cli {
namespace {

// The program that was named, or the only one.
Result<std::string> choose_program(const ObjectFile& object, const std::string& name) {
  if (!name.empty()) return name;
  const std::vector<ProgramInfo> programs = object.programs();
  if (programs.size() == 1) return programs.front().name;
  std::string names;
  for (const ProgramInfo& program : programs) names += (names.empty() ? "" : ", ") + program.name;
  return fail(EINVAL, fmt::format("{}: choose one with --program: {}", object.path(), names));
}

Result<Ref<objects::Program>> program_of(int fd) {
  objects::FdObject found = SKEP_TRY(Host::instance().caller().object(fd));
  auto* program = std::get_if<Ref<objects::Program>>(&found.object);
  if (!program) return fail(EINVAL, "not a program");
  return *program;
}

Result<helpers::TestRunResult> run(const objects::Program& program, const TestOptions& options,
                                   TestEnvironment& environment) {
  const std::vector<std::byte> data =
      options.data.empty() ? std::vector<std::byte>() : SKEP_TRY(read_bytes(options.data));
  const std::vector<std::byte> ctx =
      options.ctx.empty() ? std::vector<std::byte>() : SKEP_TRY(read_bytes(options.ctx));
  const maps::VirtualCpu cpu;
  helpers::RunContext context;
  context.cpu = cpu.number();
  context.env = &environment;
  const helpers::TestRunInput input{.data = data,
                                    .ctx = ctx,
                                    .wants_data_out = !data.empty(),
                                    .wants_ctx_out = !ctx.empty(),
                                    .repeat = options.repeat,
                                    .max_ctx_offset = program.accepted().max_ctx_offset};
  const helpers::Runner runner = [&](void* ctx_in_memory, helpers::RunContext& run_context) {
    const RcuReadSection section;
    return program.run(ctx_in_memory, run_context);
  };
  return helpers::test_run(*program.spec().type, program.spec().expected_attach_type, input, runner, context);
}

void print_text(const helpers::TestRunResult& result, const std::string& printed) {
  fmt::print("return value: {}\nduration: {} ns\n", result.retval, result.duration_ns);
  if (!result.data.empty()) fmt::print("data: {}\n", to_hex(result.data));
  if (!result.ctx.empty()) fmt::print("context: {}\n", to_hex(result.ctx));
  if (!printed.empty()) fmt::print("printed:\n{}", printed);
}

void print_json(const helpers::TestRunResult& result, const std::string& printed) {
  nlohmann::ordered_json line;
  line["retval"] = result.retval;
  line["duration_ns"] = result.duration_ns;
  line["data"] = to_hex(result.data);
  line["ctx"] = to_hex(result.ctx);
  line["printed"] = printed;
  fmt::print("{}\n", line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

Status test(const TestOptions& options) {
  const ObjectFile object = SKEP_TRY(ObjectFile::open(options.object));
  const std::string name = SKEP_TRY(choose_program(object, options.program));
  const ObjectFile::Loaded loaded = SKEP_TRY(object.load_and_keep(name));
  const Ref<objects::Program> program = SKEP_TRY(program_of(loaded.program_fd()));
  TestEnvironment environment;
  const Result<helpers::TestRunResult> result = run(*program, options, environment);
  if (!result)
    return fail(result.error().code,
                result.error().message.empty()
                    ? fmt::format("{}: cannot run on this input: {} ({})", name,
                                  strerrorname_np(result.error().code), strerrordesc_np(result.error().code))
                    : result.error().message);
  options.json ? print_json(*result, environment.printed()) : print_text(*result, environment.printed());
  return {};
}

}  // namespace

int test_command(const TestOptions& options) {
  const Status done = test(options);
  return done ? 0 : complain(done.error());
}

}  // namespace skep::cli
