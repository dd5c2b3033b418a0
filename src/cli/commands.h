// The subcommands of skep: each takes its parsed options and returns the exit status of the process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace skep::cli {

struct VerifyOptions {
  std::vector<std::string> objects;
  bool log = false;   // print the full verifier log of every program
  bool json = false;  // one JSON object a line
  bool live = false;  // ask the running kernel instead
};
int verify_command(const VerifyOptions& options);

struct TestOptions {
  std::string object;
  std::string program;  // may be empty when the object has one program
  std::string data;     // FILE or hex:BYTES
  std::string ctx;      // FILE or hex:BYTES
  uint32_t repeat = 1;
  bool json = false;
};
int test_command(const TestOptions& options);

struct DisasmOptions {
  std::string object;
  std::string program;  // empty: all
  bool bytes = false;   // show the raw bytes beside the text
};
int disasm_command(const DisasmOptions& options);

struct StatusOptions {
  uint32_t pid = 0;  // supervisor; 0: the one of this process tree, or the only one of this user
};
int status_command(const StatusOptions& options);

// Prints docs/support-matrix.md, made from the tables.
int support_matrix_command();

}  // namespace skep::cli
