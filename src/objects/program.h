// Program: a loaded program object. Immutable after load but for its statistics; run through run().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "base/ref.h"
#include "exec/executable.h"
#include "helpers/run_context.h"
#include "objects/id_table.h"
#include "objects/object.h"
#include "progtypes/prog_type.h"
#include "verifier/verifier.h"

namespace skep::objects {

class BtfObject;

// Everything known at load, pure data.
struct ProgramSpec {
  const progtypes::ProgTypeRow* type = nullptr;
  uint32_t expected_attach_type = 0;
  uint32_t flags = 0;
  bool gpl_compatible = false;
  std::string name;  // at most 15 bytes
  uint32_t created_by_uid = 0;
  uint64_t load_time_ns = 0;  // CLOCK_BOOTTIME
  uint8_t tag[8] = {};
  uint32_t ifindex = 0;
  std::vector<isa::Insn> original;              // as loaded
  std::vector<std::byte> func_info, line_info;  // records as loaded, cut or padded to this version's size
  uint32_t func_info_rec_size = 0, line_info_rec_size = 0;
};

// Run statistics, kept while the kernel's bpf_stats_enabled is not zero.
struct RunStatistics {
  std::atomic<uint64_t> count{0}, time_ns{0}, misses{0};
};

class Program : public RefCounted {
 public:
  Program(ProgramSpec spec, verifier::Accepted accepted, verifier::Statistics statistics,
          Ref<exec::Image> image, Ref<BtfObject> btf);
  ~Program() override;

  const ProgramSpec& spec() const { return spec_; }
  uint32_t type() const { return spec_.type->type; }
  const verifier::Accepted& accepted() const { return accepted_; }
  const verifier::Statistics& statistics() const { return statistics_; }
  const Ref<exec::Image>& image() const { return image_; }
  const Ref<BtfObject>& btf() const { return btf_; }
  uint32_t id() const { return id_; }
  bool jited() const { return !image_->code().empty(); }

  // Maps bound by PROG_BIND_MAP, in addition to those that the code uses. False: known already.
  bool bind_map(Ref<maps::Map> map);
  std::vector<Ref<maps::Map>> maps() const;  // used_maps then bound ones

  // Runs the program once. Inside an RCU read section and with a virtual CPU held (run.cpu).
  uint64_t run(void* ctx, helpers::RunContext& run) const {
    if (!statistics_enabled_->load(std::memory_order_relaxed)) [[likely]]
      return image_->run(ctx, run);
    return run_measured(ctx, run);
  }
  const RunStatistics& run_statistics() const { return run_statistics_; }

 private:
  friend class Kernel;
  uint64_t run_measured(void* ctx, helpers::RunContext& run) const;

  ProgramSpec spec_;
  verifier::Accepted accepted_;
  verifier::Statistics statistics_;
  Ref<exec::Image> image_;
  Ref<BtfObject> btf_;
  mutable RunStatistics run_statistics_;
  std::shared_ptr<std::atomic<int>> statistics_enabled_;
  mutable std::mutex mutex_;
  std::vector<Ref<maps::Map>> bound_;
  uint32_t id_ = 0;
  IdLease lease_;
};

}  // namespace skep::objects
