// Which programs run at which tracepoint, and the events and links that put them there. Firing is in
// fire.cpp.
#include "attach/trace/tracepoints.h"

#include <algorithm>

#include "abi/bpf.h"
#include "attach/trace/hooks.h"
#include "base/rcu.h"

namespace skep::attach {
namespace {

constexpr size_t kMaxPrograms = 64;  // BPF_TRACE_MAX_PROGS

uint32_t record_size(const Tracepoint& tracepoint) {
  const TracepointField& last = tracepoint.fields.back();
  return uint32_t{last.offset} + last.size;
}

}  // namespace

Tracepoints::State::State() : hooks(all_tracepoints().size()) {}

Tracepoints::Hook& Tracepoints::State::hook(const Tracepoint& tracepoint) {
  return hooks[static_cast<size_t>(&tracepoint - all_tracepoints().data())];
}

void Tracepoints::State::notify() {
  std::function<void()> call;
  {
    std::lock_guard lock(mutex);
    call = listener;
  }
  if (call) call();
}

Status Tracepoints::State::add(HookList& list, HookEntry entry, bool unique) {
  std::unique_ptr<const HookArray> old;
  {
    std::lock_guard lock(mutex);
    const HookArray* const now = list.load(std::memory_order_relaxed);
    HookArray fresh = now != nullptr ? *now : HookArray{};
    const bool known =
        std::ranges::any_of(fresh, [&](const HookEntry& e) { return e.program == entry.program; });
    if (unique && known) return fail(EEXIST);
    if (fresh.size() >= kMaxPrograms) return fail(E2BIG);
    fresh.push_back(std::move(entry));
    old.reset(list.exchange(new HookArray(std::move(fresh)), std::memory_order_acq_rel));
  }
  if (old) rcu_synchronize();
  notify();
  return {};
}

void Tracepoints::State::remove(HookList& list, const void* owner) {
  std::unique_ptr<const HookArray> old;
  {
    std::lock_guard lock(mutex);
    const HookArray* const now = list.load(std::memory_order_relaxed);
    if (now == nullptr) return;
    HookArray fresh = *now;
    if (std::erase_if(fresh, [&](const HookEntry& e) { return e.owner == owner; }) == 0) return;
    old.reset(
        list.exchange(fresh.empty() ? nullptr : new HookArray(std::move(fresh)), std::memory_order_acq_rel));
  }
  rcu_synchronize();
  notify();
}

Tracepoints::Hook::~Hook() {
  delete perf.load(std::memory_order_relaxed);
  delete raw.load(std::memory_order_relaxed);
}

// A tracepoint opened by perf_event_open.
class TracepointEvent final : public objects::PerfEvent {
 public:
  TracepointEvent(std::shared_ptr<Tracepoints::State> state, const Tracepoint& tracepoint)
      : state_(std::move(state)), tracepoint_(tracepoint) {}
  ~TracepointEvent() override { clear_program(); }

  const std::string& name() const override { return tracepoint_.name; }
  uint32_t tracepoint_id() const override { return tracepoint_.id; }

  Status set_program(Ref<objects::Program> program, uint64_t cookie) override {
    if (program->type() != abi::BPF_PROG_TYPE_TRACEPOINT) return fail(EINVAL);
    if (program->accepted().max_ctx_offset > record_size(tracepoint_)) return fail(EACCES);
    std::lock_guard lock(mutex_);
    if (program_) return fail(EEXIST);
    SKEP_TRY(state_->add(state_->hook(tracepoint_).perf, {program, cookie, this}, true));
    program_ = std::move(program);
    return {};
  }
  void clear_program() override {
    Ref<objects::Program> old;
    std::lock_guard lock(mutex_);
    if (!program_) return;
    state_->remove(state_->hook(tracepoint_).perf, this);
    old = std::move(program_);
  }
  Ref<objects::Program> program() const override {
    std::lock_guard lock(mutex_);
    return program_;
  }

 private:
  const std::shared_ptr<Tracepoints::State> state_;
  const Tracepoint& tracepoint_;
  mutable std::mutex mutex_;
  Ref<objects::Program> program_;
};

class RawTracepointLink final : public objects::Link {
 public:
  RawTracepointLink(std::shared_ptr<Tracepoints::State> state, const Tracepoint& tracepoint,
                    Ref<objects::Program> program, uint64_t cookie)
      : Link(abi::BPF_LINK_TYPE_RAW_TRACEPOINT, std::move(program)),
        state_(std::move(state)),
        tracepoint_(tracepoint),
        cookie_(cookie) {}
  ~RawTracepointLink() override { state_->remove(state_->hook(tracepoint_).raw, this); }

  Status attach() { return state_->add(state_->hook(tracepoint_).raw, {program(), cookie_, this}, false); }

  objects::LinkDetails details() const override {
    objects::LinkDetails details;
    details.info.raw_tracepoint.cookie = cookie_;
    details.text_offset = offsetof(abi::bpf_link_info, raw_tracepoint.tp_name);
    details.end = offsetof(abi::bpf_link_info, raw_tracepoint.cookie) + sizeof(uint64_t);
    details.text = tracepoint_.name;
    return details;
  }

 private:
  const std::shared_ptr<Tracepoints::State> state_;
  const Tracepoint& tracepoint_;
  const uint64_t cookie_;
};

class PerfEventLink final : public objects::Link {
 public:
  PerfEventLink(Ref<objects::PerfEvent> event, Ref<objects::Program> program, uint64_t cookie)
      : Link(abi::BPF_LINK_TYPE_PERF_EVENT, std::move(program)), event_(std::move(event)), cookie_(cookie) {}
  ~PerfEventLink() override {
    if (attached_) event_->clear_program();
  }

  Status attach() {
    SKEP_TRY(event_->set_program(program(), cookie_));
    attached_ = true;
    return {};
  }

  objects::LinkDetails details() const override {
    objects::LinkDetails details;
    details.info.perf_event.type = abi::BPF_PERF_EVENT_TRACEPOINT;
    details.info.perf_event.tracepoint.cookie = cookie_;
    details.text_offset = offsetof(abi::bpf_link_info, perf_event.tracepoint.tp_name);
    details.end = offsetof(abi::bpf_link_info, perf_event.tracepoint.cookie) + sizeof(uint64_t);
    details.text = event_->name();
    return details;
  }

 private:
  const Ref<objects::PerfEvent> event_;
  const uint64_t cookie_;
  bool attached_ = false;
};

Tracepoints::Tracepoints() : state_(std::make_shared<State>()) {}
Tracepoints::~Tracepoints() = default;

Result<Ref<objects::PerfEvent>> Tracepoints::open(uint32_t id) {
  const Tracepoint* const tracepoint = find_tracepoint(id);
  if (tracepoint == nullptr) return fail(ENOENT);
  return Ref<objects::PerfEvent>(make_ref<TracepointEvent>(state_, *tracepoint));
}

Result<Ref<objects::Link>> Tracepoints::raw_link(std::string_view name, Ref<objects::Program> program,
                                                 uint64_t cookie) {
  const Tracepoint* const tracepoint = find_raw_tracepoint(name);
  if (tracepoint == nullptr) return fail(ENOENT);
  if (program->accepted().max_ctx_offset > tracepoint->raw_args * sizeof(uint64_t)) return fail(EINVAL);
  auto link = make_ref<RawTracepointLink>(state_, *tracepoint, std::move(program), cookie);
  SKEP_TRY(link->attach());
  return Ref<objects::Link>(std::move(link));
}

Result<Ref<objects::Link>> Tracepoints::perf_link(Ref<objects::PerfEvent> event,
                                                  Ref<objects::Program> program, uint64_t cookie) {
  auto link = make_ref<PerfEventLink>(std::move(event), std::move(program), cookie);
  SKEP_TRY(link->attach());
  return Ref<objects::Link>(std::move(link));
}

bool Tracepoints::wants(const Tracepoint& tracepoint) const {
  const Hook& hook = state_->hook(tracepoint);
  return hook.perf.load(std::memory_order_relaxed) != nullptr ||
         hook.raw.load(std::memory_order_relaxed) != nullptr;
}

void Tracepoints::on_change(std::function<void()> listener) {
  std::lock_guard lock(state_->mutex);
  state_->listener = std::move(listener);
}

}  // namespace skep::attach
