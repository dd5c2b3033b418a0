// Kernel: one virtual kernel instance: the tables of ids, and the switches of /proc/sys that matter to BPF.
//
// Owned by the host (supervisor, CLI, libskep); thread-safe. The tables hold no references: an object leaves
// them when its last reference (fd, pin, link, other object) is dropped.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "base/profile.h"
#include "exec/executable.h"
#include "objects/object.h"

namespace skep::objects {

// Ids of one kind: handed out in rising order and not reused soon, as Linux's cyclic idr does.
template <class T>
class IdTable {
 public:
  uint32_t add(T* object);
  void remove(uint32_t id);
  Ref<T> find(uint32_t id) const;                      // null when gone
  std::optional<uint32_t> next_after(uint32_t id) const;
  size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::map<uint32_t, T*> objects_;
  uint32_t last_ = 0;
};

struct KernelOptions {
  KernelProfile profile;
  exec::Engine engine = exec::Engine::kJit;
};

class Kernel {
 public:
  explicit Kernel(KernelOptions options = {});
  ~Kernel();

  const KernelOptions& options() const { return options_; }

  IdTable<maps::Map>& maps() { return maps_; }
  IdTable<Program>& programs() { return programs_; }
  IdTable<Link>& links() { return links_; }
  IdTable<BtfObject>& btfs() { return btfs_; }

  std::atomic<int> unprivileged_bpf_disabled{2};
  std::atomic<int> bpf_stats_enabled{0};
  std::atomic<int> jit_harden{0};

 private:
  KernelOptions options_;
  IdTable<maps::Map> maps_;
  IdTable<Program> programs_;
  IdTable<Link> links_;
  IdTable<BtfObject> btfs_;
};

}  // namespace skep::objects
