#include "objects/program.h"

#include <algorithm>
#include <ctime>

#include "objects/btf_object.h"

namespace skep::objects {
namespace {

uint64_t monotonic_ns() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

Program::Program(ProgramSpec spec, verifier::Accepted accepted, verifier::Statistics statistics,
                 Ref<exec::Image> image, Ref<BtfObject> btf)
    : spec_(std::move(spec)),
      accepted_(std::move(accepted)),
      statistics_(statistics),
      image_(std::move(image)),
      btf_(std::move(btf)),
      statistics_enabled_(std::make_shared<std::atomic<int>>(0)) {}

Program::~Program() = default;

bool Program::bind_map(Ref<maps::Map> map) {
  std::lock_guard lock(mutex_);
  if (std::ranges::find(accepted_.used_maps, map) != accepted_.used_maps.end()) return false;
  if (std::ranges::find(bound_, map) != bound_.end()) return false;
  bound_.push_back(std::move(map));
  return true;
}

std::vector<Ref<maps::Map>> Program::maps() const {
  std::lock_guard lock(mutex_);
  std::vector<Ref<maps::Map>> all = accepted_.used_maps;
  all.insert(all.end(), bound_.begin(), bound_.end());
  return all;
}

uint64_t Program::run_measured(void* ctx, helpers::RunContext& run) const {
  const uint64_t start = monotonic_ns();
  const uint64_t result = image_->run(ctx, run);
  run_statistics_.count.fetch_add(1, std::memory_order_relaxed);
  run_statistics_.time_ns.fetch_add(monotonic_ns() - start, std::memory_order_relaxed);
  return result;
}

}  // namespace skep::objects
