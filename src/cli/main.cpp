// skep: the command line. Parses options and hands them to the subcommand; nothing else happens here.
#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/commands.h"
#include "cli/host.h"
#include "cli/run.h"

namespace {

using namespace skep;

std::string parse_kernel(KernelVersion& version, const std::string& text) {
  int major = 0, minor = 0, end = 0;
  if (std::sscanf(text.c_str(), "%d.%d%n", &major, &minor, &end) != 2 ||
      text[static_cast<size_t>(end)] != '\0')
    return "not a kernel version (such as 5.10): " + text;
  if (v(major, minor) < v(5, 10) || kNewestProfile.version < v(major, minor))
    return "kernel versions 5.10 to 6.18 are known, not " + text;
  version = v(major, minor);
  return {};
}

// --kernel and --engine, which every subcommand that loads programs takes.
void add_kernel_options(CLI::App* command, objects::KernelOptions& options) {
  command
      ->add_option_function<std::string>(
          "--kernel",
          [&options](const std::string& text) {
            if (const std::string error = parse_kernel(options.profile.version, text); !error.empty())
              throw CLI::ValidationError("--kernel", error);
          },
          "verify and answer as this Linux version")
      ->type_name("X.Y");
  static const std::map<std::string, exec::Engine> engines{{"interp", exec::Engine::kInterpreter},
                                                           {"jit", exec::Engine::kJit}};
  command->add_option("--engine", options.engine, "interp or jit")
      ->transform(CLI::CheckedTransformer(engines, CLI::ignore_case).description(""))
      ->type_name("interp|jit");
}

int run_skep(int argc, char** argv) {
  CLI::App app{"Linux's eBPF subsystem as an ordinary user-space program", "skep"};
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", "skep " SKEP_VERSION);
  objects::KernelOptions kernel;

  cli::RunOptions run;
  CLI::App* run_command = app.add_subcommand("run", "run a command in which bpf(2) works");
  add_kernel_options(run_command, kernel);
  cli::add_run_options(*run_command, run);

  cli::VerifyOptions verify;
  CLI::App* verify_command =
      app.add_subcommand("verify", "tell whether the programs of objects load, and why not");
  add_kernel_options(verify_command, kernel);
  verify_command->add_option("objects", verify.objects, "ELF objects")->required()->type_name("OBJ");
  verify_command->add_flag("--log", verify.log, "print the verifier's log of every program");
  verify_command->add_flag("--json", verify.json, "one JSON object a line for each program");
  verify_command->add_flag("--live", verify.live, "ask the running kernel instead (needs its permission)");

  cli::TestOptions test;
  CLI::App* test_command = app.add_subcommand("test", "run one program on given input");
  add_kernel_options(test_command, kernel);
  test_command->add_option("object", test.object, "ELF object")->required()->type_name("OBJ");
  test_command->add_option("--program", test.program, "its name; may be left out when there is one")
      ->type_name("NAME");
  test_command->add_option("--data", test.data, "packet or option bytes")->type_name("FILE|hex:BYTES");
  test_command->add_option("--ctx", test.ctx, "context as the program sees it")->type_name("FILE|hex:BYTES");
  test_command->add_option("--repeat", test.repeat, "number of runs")->check(CLI::Range(1u, 1u << 30));
  test_command->add_flag("--json", test.json, "print the result as one JSON object");

  cli::DisasmOptions disasm;
  CLI::App* disasm_command = app.add_subcommand("disasm", "print the instructions of an object's programs");
  disasm_command->add_option("object", disasm.object, "ELF object")->required()->type_name("OBJ");
  disasm_command->add_option("--program", disasm.program, "this program only")->type_name("NAME");
  disasm_command->add_flag("--bytes", disasm.bytes, "show the raw bytes too");

  cli::StatusOptions status;
  CLI::App* status_command = app.add_subcommand("status", "counts of a running supervisor, as JSON");
  status_command->add_option("pid", status.pid, "process id of its skep run")->type_name("PID");

  CLI::App* matrix_command =
      app.add_subcommand("support-matrix", "print what is supported, made from the tables");

  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty()) throw CLI::RequiredError("A subcommand");
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "skep: %s\n", error.what());
    return 2;
  }
  cli::Host::configure(kernel);
  int exit_status = 2;
  if (*run_command) {
    run.kernel = kernel;
    exit_status = cli::run_command(run);
  }
  if (*verify_command) exit_status = cli::verify_command(verify);
  if (*test_command) exit_status = cli::test_command(test);
  if (*disasm_command) exit_status = cli::disasm_command(disasm);
  if (*status_command) exit_status = cli::status_command(status);
  if (*matrix_command) exit_status = cli::support_matrix_command();
  if (std::fflush(stdout) != 0) {
    std::fprintf(stderr, "skep: cannot write the output: %s\n", std::strerror(errno));
    return 1;
  }
  return exit_status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_skep(argc, argv);
  } catch (const std::exception& error) {
    // fmt reports a full disk or a closed pipe so; nothing of ours throws.
    std::fputs("skep: ", stderr);
    std::fputs(error.what(), stderr);
    std::fputs("\n", stderr);
    return 1;
  }
}
