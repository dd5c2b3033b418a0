#include "supervisor/files/trees.h"

#include <vector>

#include "base/check.h"

namespace skep::supervisor {
namespace {

constexpr TreeRow kTrees[] = {
    {Tree::kBpf, "/sys/fs/bpf", "", "bpf", "bpf", "rw,nosuid,nodev,noexec,relatime,mode=700", 0xcafe4a11},
    {Tree::kCgroup, "/sys/fs/cgroup", "", "cgroup", "cgroup2", "rw,nosuid,nodev,noexec,relatime", 0x63677270},
    {Tree::kTracing, "/sys/kernel/tracing", "/sys/kernel/debug/tracing", "tracing", "tracefs",
     "rw,nosuid,nodev,noexec,relatime", 0x74726163},
};

// The rest of `path` below `prefix` ("" for the prefix itself); nullopt when it lies elsewhere.
std::optional<std::string_view> below(std::string_view path, std::string_view prefix) {
  if (prefix.empty() || !path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  return path;
}

}  // namespace

std::span<const TreeRow> trees() { return kTrees; }

const TreeRow& row(Tree tree) {
  const TreeRow& found = kTrees[static_cast<size_t>(tree)];
  SKEP_CHECK(found.tree == tree);
  return found;
}

std::string normalize(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..")
      parts.push_back(part);
    else if (!parts.empty())
      parts.pop_back();
  }
  std::string result;
  for (const std::string_view part : parts) (result += '/') += part;
  return result.empty() ? "/" : result;
}

std::optional<TreePath> locate(std::string_view absolute, std::string_view runtime_directory) {
  const std::string path = normalize(absolute);
  for (const TreeRow& tree : kTrees) {
    const std::string real_root = std::string(runtime_directory) + "/" + std::string(tree.directory);
    for (const std::string_view prefix : {tree.mount_point, tree.alias, std::string_view(real_root)}) {
      const auto rest = below(path, prefix);
      if (!rest) continue;
      return TreePath{tree.tree, rest->empty() ? "/" : std::string(*rest), real_root + std::string(*rest)};
    }
  }
  return std::nullopt;
}

}  // namespace skep::supervisor
