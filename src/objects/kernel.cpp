#include "objects/kernel.h"

namespace skep::objects {

Kernel::Kernel(KernelOptions options) : options_(options) {}
Kernel::~Kernel() = default;

void Kernel::publish(Program& program) {
  auto entry = programs_.add(&program);
  program.id_ = entry.id;
  program.lease_ = std::move(entry.lease);
  program.statistics_enabled_ = bpf_stats_enabled_;
  program.image_->program_id = entry.id;
  program.image_->owner = &program;
}

void Kernel::publish(Link& link) {
  auto entry = links_.add(&link);
  link.id_ = entry.id;
  link.lease_ = std::move(entry.lease);
}

void Kernel::publish(BtfObject& btf) {
  auto entry = btfs_.add(&btf);
  btf.id_ = entry.id;
  btf.lease_ = std::move(entry.lease);
}

}  // namespace skep::objects
