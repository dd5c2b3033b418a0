// RealFiles: what both implementations of VirtualFiles share: the trees, their pins and cgroups, and the
// handling of a trapped path syscall. The two differ in how a plain file is reached.
#pragma once

#include <memory>
#include <string>

#include "supervisor/files/cgroup_tree.h"
#include "supervisor/files/path_calls.h"
#include "supervisor/files/pins.h"
#include "supervisor/files/virtual_files.h"

namespace skep::supervisor {

class RealFiles : public VirtualFiles {
 public:
  Outcome handle(Client& client) override;
  void settle() override;
  Status pin(Client& client, int directory_fd, const std::string& path, objects::Object object) override;
  Result<objects::FdObject> get_pinned(Client& client, int directory_fd, const std::string& path) override;
  Result<Ref<attach::Cgroup>> cgroup_of_directory(const FileIdentity& identity) override;
  size_t pin_count() const override { return pins_.count(); }

 protected:
  explicit RealFiles(const FileServices& services) : services_(services) {}
  Status make_trees();  // the directories below the runtime directory

  const FileServices services_;

 private:
  // A path syscall on a file of ours that needs no computing: perform it, or let the client do it.
  virtual bool reaches_files_itself() const = 0;
  std::optional<Outcome> special(const PathCall& call, const PathUse& use);
  std::optional<Outcome> special_open(const PathUse& use, int flags);
  Result<std::optional<TreePath>> tree_path(Client& client, int directory_fd, const std::string& path) const;

  Pins pins_;
  std::unique_ptr<CgroupTree> cgroups_;
};

}  // namespace skep::supervisor
