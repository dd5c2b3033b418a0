// Kernel: one virtual kernel instance: the tables of ids, and the switches of /proc/sys that matter to BPF.
//
// Owned by the host (supervisor, CLI, libskep); thread-safe. The tables hold no references: an object leaves
// them when its last reference (fd, pin, link, other object) is dropped. Objects may outlive the Kernel.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/profile.h"
#include "exec/executable.h"
#include "objects/btf_object.h"
#include "objects/id_table.h"
#include "objects/link.h"
#include "objects/map_state.h"
#include "objects/object.h"
#include "objects/perf_event.h"
#include "objects/program.h"

namespace skep::objects {

struct KernelOptions {
  KernelProfile profile;
  exec::Engine engine = exec::Engine::kJit;
};

class Kernel {
 public:
  explicit Kernel(KernelOptions options = {});
  ~Kernel();

  const KernelOptions& options() const { return options_; }

  // Give a new object its id. Once, before the object is handed to anybody.
  void publish(maps::Map& map);
  void publish(Program& program);
  void publish(Link& link);
  void publish(BtfObject& btf);

  IdTable<maps::Map>& maps() { return maps_; }
  IdTable<Program>& programs() { return programs_; }
  IdTable<Link>& links() { return links_; }
  IdTable<BtfObject>& btfs() { return btfs_; }

  std::atomic<int> unprivileged_bpf_disabled{2};
  std::atomic<int> jit_harden{0};
  // kernel.bpf_stats_enabled plus the number of open ENABLE_STATS fds.
  std::atomic<int>& bpf_stats_enabled() { return *bpf_stats_enabled_; }
  // The same, for whoever may outlive the kernel.
  const std::shared_ptr<std::atomic<int>>& bpf_stats_switch() const { return bpf_stats_enabled_; }

 private:
  KernelOptions options_;
  std::shared_ptr<std::atomic<int>> bpf_stats_enabled_ = std::make_shared<std::atomic<int>>(0);
  IdTable<maps::Map> maps_;
  IdTable<Program> programs_;
  IdTable<Link> links_;
  IdTable<BtfObject> btfs_;
};

}  // namespace skep::objects
