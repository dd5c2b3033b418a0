// The path syscalls: which argument is a path, in which mode the call is trapped, and how it is performed on
// the real file. One row a syscall; traps.def takes its `files` rows from here.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "supervisor/client.h"
#include "supervisor/files/client_path.h"
#include "supervisor/files/trees.h"
#include "supervisor/outcome.h"

namespace skep::supervisor {

// A path syscall on a file of a tree, ready to be performed.
struct PathUse {
  Client& client;
  const TreePath& path;
  const FileIdentityOfClient& identity;
};

// When a call is trapped although mounts make paths reach the real files.
enum class Trapped : uint8_t {
  kPathsOnly,  // without namespaces only
  kAlways,     // its result must be computed or judged in both modes
};

struct PathCall {
  int nr;
  int8_t directory_arg;  // argument that is the directory fd; -1: relative to the working directory
  int8_t path_arg;       // argument that is the path; -1: the call names an open file (directory_arg)
  Trapped trapped;
  Outcome (*perform)(const PathUse& use);
};

std::span<const PathCall> path_calls();
const PathCall* find_path_call(int nr);

}  // namespace skep::supervisor
