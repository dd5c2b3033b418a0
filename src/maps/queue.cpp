// queue and stack: bounded lists of values without keys, one ring of slots under one lock.
//
// head_ counts all values ever put in, tail_ all that left at the other end, so head_ - tail_ is the number
// of values and the slot of value n is n % max_entries.
#include <cstring>
#include <vector>

#include "abi/bpf.h"
#include "maps/factories.h"
#include "maps/map.h"
#include "maps/memory.h"
#include "maps/rules.h"
#include "maps/spin_lock.h"
#include "maps/words.h"

namespace skep::maps {
namespace {

constexpr uint64_t kQueueOverhead = 312;

class QueueMap final : public Map {
 public:
  QueueMap(const MapSpec& spec, const MapTypeRow& row, Memory memory)
      : Map(spec, row),
        last_in_first_out_(spec.type == abi::BPF_MAP_TYPE_STACK),
        stride_(round_up(spec.value_size, 8)),
        memory_(std::move(memory)) {}

  int push(const void* value, uint64_t flags) noexcept override;
  int pop(void* value) noexcept override { return take(value, true); }
  int peek(void* value) noexcept override { return take(value, false); }

  int sys_lookup(std::span<const std::byte>, std::span<std::byte> value, uint64_t) override {
    return peek(value.data());
  }
  int sys_update(std::span<const std::byte>, std::span<const std::byte> value, uint64_t flags) override {
    return push(value.data(), flags);
  }
  int sys_delete(std::span<const std::byte>) override { return -EINVAL; }
  int sys_lookup_and_delete(std::span<const std::byte>, std::span<std::byte> value, uint64_t flags) override {
    return flags != 0 ? -EINVAL : pop(value.data());
  }
  int sys_next_key(std::span<const std::byte>, std::span<std::byte>) override { return -EINVAL; }
  uint64_t memory_usage() const override {
    return kQueueOverhead + (uint64_t{spec().max_entries} + 1) * spec().value_size;
  }

 private:
  std::byte* slot(uint64_t number) const { return memory_.data() + number % spec().max_entries * stride_; }
  int take(void* value, bool remove) noexcept;

  const bool last_in_first_out_;
  const uint64_t stride_;
  Memory memory_;
  std::atomic<bool> locked_{false};
  uint64_t head_ = 0, tail_ = 0;  // under locked_
};

int QueueMap::push(const void* value, uint64_t flags) noexcept {
  if (flags != abi::BPF_ANY && flags != abi::BPF_EXIST) return -EINVAL;
  SpinGuard guard(locked_);
  if (head_ - tail_ == spec().max_entries) {
    if (flags != abi::BPF_EXIST) return -E2BIG;
    ++tail_;  // BPF_EXIST: the oldest value gives way
  }
  copy_in(slot(head_++), value, spec().value_size);
  return 0;
}

int QueueMap::take(void* value, bool remove) noexcept {
  SpinGuard guard(locked_);
  if (head_ == tail_) {
    std::memset(value, 0, spec().value_size);
    return -ENOENT;
  }
  copy_out(value, slot(last_in_first_out_ ? head_ - 1 : tail_), spec().value_size);
  if (remove) last_in_first_out_ ? --head_ : ++tail_;
  return 0;
}

}  // namespace

// Linux: queue_stack_map_alloc_check.
Status check_queue(const MapSpec& spec) {
  constexpr uint32_t kAllowed = abi::BPF_F_NUMA_NODE | kAccessFlags;
  if (spec.max_entries == 0 || spec.key_size != 0 || spec.value_size == 0 || (spec.flags & ~kAllowed) ||
      !program_access_ok(spec.flags))
    return fail(EINVAL);
  return spec.value_size > kMaxAllocation ? fail(E2BIG) : Status{};
}

Result<Ref<Map>> create_queue(const MapSpec& spec, const MapTypeRow& row) {
  Memory memory = SKEP_TRY(Memory::anonymous(uint64_t{spec.max_entries} * round_up(spec.value_size, 8)));
  return make_ref<QueueMap>(spec, row, std::move(memory));
}

}  // namespace skep::maps
