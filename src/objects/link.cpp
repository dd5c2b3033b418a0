#include "objects/link.h"

namespace skep::objects {

Link::Link(uint32_t type, Ref<Program> program) : type_(type), program_(std::move(program)) {}
Link::~Link() = default;

Ref<Program> Link::program() const {
  std::lock_guard lock(mutex_);
  return program_;
}

Ref<Program> Link::exchange_program(Ref<Program> program) {
  std::lock_guard lock(mutex_);
  return std::exchange(program_, std::move(program));
}

Status Link::detach() { return fail(EOPNOTSUPP); }
Status Link::update(Ref<Program>, const Ref<Program>&) { return fail(EINVAL); }

}  // namespace skep::objects
