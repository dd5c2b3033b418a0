// The virtual file trees: where clients look for them, where they really stand, and which file system they
// pretend to be. One row a tree.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace skep::supervisor {

enum class Tree : uint8_t { kBpf, kCgroup, kTracing };

struct TreeRow {
  Tree tree;
  std::string_view mount_point;  // as clients spell it
  std::string_view alias;        // a second mount point, "" for none
  std::string_view directory;    // below the runtime directory
  std::string_view file_system;  // third column of /proc/mounts
  std::string_view options;      // fourth column of /proc/mounts
  uint32_t magic;                // f_type of statfs(2)
};

std::span<const TreeRow> trees();
const TreeRow& row(Tree tree);

// A path that lies in a tree.
struct TreePath {
  Tree tree;
  std::string inner;  // "/web/cgroup.procs"; "/" for the root of the tree
  std::string real;   // the file in the runtime directory
};

// Removes "." and "..", double and trailing slashes, by text alone. `path` is absolute.
std::string normalize(std::string_view path);

// Which tree an absolute path lies in: by its mount point, or because it names the runtime directory itself
// (as a client's /proc/self/cwd does without namespaces).
std::optional<TreePath> locate(std::string_view absolute, std::string_view runtime_directory);

}  // namespace skep::supervisor
