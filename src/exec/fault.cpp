#include "exec/fault.h"

#include <signal.h>
#include <ucontext.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "base/rcu.h"

namespace skep::exec::fault {

// The sites of one image, sorted by pc. Linked into a list that only ever changes at its links, so that the
// handler can walk it while another thread adds or removes.
struct Block {
  std::vector<Site> sites;
  std::atomic<const Block*> next{nullptr};
};

namespace {

std::atomic<const Block*> first_block{nullptr};
std::mutex list_mutex;  // writers only

struct sigaction previous_segv;
struct sigaction previous_bus;

const Site* find_site(uintptr_t pc) {
  for (const Block* block = first_block.load(std::memory_order_acquire); block != nullptr;
       block = block->next.load(std::memory_order_acquire)) {
    const auto& sites = block->sites;
    if (pc < sites.front().pc || pc > sites.back().pc) continue;
    const auto it =
        std::lower_bound(sites.begin(), sites.end(), pc, [](const Site& s, uintptr_t p) { return s.pc < p; });
    if (it != sites.end() && it->pc == pc) return &*it;
  }
  return nullptr;
}

#if defined(__x86_64__)

// Index in gregs of a register in hardware numbering.
constexpr int kGregs[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                            REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

uintptr_t pc_of(const ucontext_t& context) {
  return static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
}

void resume_at(ucontext_t& context, const Site& site) {
  if (site.cleared != kNoRegister) context.uc_mcontext.gregs[kGregs[site.cleared]] = 0;
  context.uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(site.resume);
}

// Each routine faults at a labelled instruction only; skep_probe_failed returns {0, 0} to the routine's
// caller.
asm(R"(
.text
.p2align 4
skep_probe_load_1: movzbl (%rdi), %eax
  movl $1, %edx
  ret
skep_probe_load_2: movzwl (%rdi), %eax
  movl $1, %edx
  ret
skep_probe_load_4: movl (%rdi), %eax
  movl $1, %edx
  ret
skep_probe_load_8: movq (%rdi), %rax
  movl $1, %edx
  ret
skep_probe_store_1: movb %sil, (%rdi)
  movl $1, %edx
  ret
skep_probe_store_2: movw %si, (%rdi)
  movl $1, %edx
  ret
skep_probe_store_4: movl %esi, (%rdi)
  movl $1, %edx
  ret
skep_probe_store_8: movq %rsi, (%rdi)
  movl $1, %edx
  ret
skep_probe_swap_4: movl %esi, %eax
skep_probe_swap_4_site: lock cmpxchgl %edx, (%rdi)
  movl $1, %edx
  ret
skep_probe_swap_8: movq %rsi, %rax
skep_probe_swap_8_site: lock cmpxchgq %rdx, (%rdi)
  movl $1, %edx
  ret
skep_probe_failed: xorl %eax, %eax
  xorl %edx, %edx
  ret
)");

extern "C" {
Probe skep_probe_load_1(uint64_t address);
Probe skep_probe_load_2(uint64_t address);
Probe skep_probe_load_4(uint64_t address);
Probe skep_probe_load_8(uint64_t address);
Probe skep_probe_store_1(uint64_t address, uint64_t value);
Probe skep_probe_store_2(uint64_t address, uint64_t value);
Probe skep_probe_store_4(uint64_t address, uint64_t value);
Probe skep_probe_store_8(uint64_t address, uint64_t value);
Probe skep_probe_swap_4(uint64_t address, uint64_t expected, uint64_t desired);
Probe skep_probe_swap_8(uint64_t address, uint64_t expected, uint64_t desired);
extern const char skep_probe_swap_4_site[];
extern const char skep_probe_swap_8_site[];
void skep_probe_failed();
}

std::vector<Site> own_sites() {
  std::vector<Site> sites;
  const auto failed = reinterpret_cast<uintptr_t>(&skep_probe_failed);
  for (auto* routine : {&skep_probe_load_1, &skep_probe_load_2, &skep_probe_load_4, &skep_probe_load_8})
    sites.push_back({reinterpret_cast<uintptr_t>(routine), failed});
  for (auto* routine : {&skep_probe_store_1, &skep_probe_store_2, &skep_probe_store_4, &skep_probe_store_8})
    sites.push_back({reinterpret_cast<uintptr_t>(routine), failed});
  for (const char* site : {skep_probe_swap_4_site, skep_probe_swap_8_site})
    sites.push_back({reinterpret_cast<uintptr_t>(site), failed});
  return sites;
}

#else
#error "no fault sites for this architecture"
#endif

void forward(const struct sigaction& previous, int signal, siginfo_t* info, void* context) {
  if ((previous.sa_flags & SA_SIGINFO) != 0 && previous.sa_sigaction != nullptr)
    return previous.sa_sigaction(signal, info, context);
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) return previous.sa_handler(signal);
  // The instruction faults again and the default action ends the process with the right signal.
  ::signal(signal, SIG_DFL);
}

void on_fault(int signal, siginfo_t* info, void* raw_context) {
  auto& context = *static_cast<ucontext_t*>(raw_context);
  if (const Site* site = find_site(pc_of(context))) return resume_at(context, *site);
  forward(signal == SIGSEGV ? previous_segv : previous_bus, signal, info, raw_context);
}

const Block* link(std::vector<Site> sites) {
  if (sites.empty()) return nullptr;
  std::sort(sites.begin(), sites.end(), [](const Site& a, const Site& b) { return a.pc < b.pc; });
  auto* block = new Block{std::move(sites)};
  const std::scoped_lock lock(list_mutex);
  block->next.store(first_block.load(std::memory_order_relaxed), std::memory_order_relaxed);
  first_block.store(block, std::memory_order_release);
  return block;
}

void unlink(const Block* block) {
  if (block == nullptr) return;
  {
    const std::scoped_lock lock(list_mutex);
    const Block* next = block->next.load(std::memory_order_relaxed);
    if (first_block.load(std::memory_order_relaxed) == block) {
      first_block.store(next, std::memory_order_release);
    } else {
      const Block* before = first_block.load(std::memory_order_relaxed);
      while (before->next.load(std::memory_order_relaxed) != block)
        before = before->next.load(std::memory_order_relaxed);
      const_cast<Block*>(before)->next.store(next, std::memory_order_release);
    }
  }
  rcu_defer([block] { delete block; });
}

void install_once() {
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  SKEP_CHECK(sigaction(SIGSEGV, &action, &previous_segv) == 0);
  SKEP_CHECK(sigaction(SIGBUS, &action, &previous_bus) == 0);
  link(own_sites());
}

}  // namespace

void install() {
  static std::once_flag once;
  std::call_once(once, install_once);
}

Sites::Sites(std::vector<Site> sites) : block_(link(std::move(sites))) {}
Sites::Sites(Sites&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
Sites& Sites::operator=(Sites&& other) noexcept {
  std::swap(block_, other.block_);
  return *this;
}
Sites::~Sites() { unlink(block_); }

Probe load(uint64_t address, unsigned bytes) {
  switch (bytes) {
    case 1:
      return skep_probe_load_1(address);
    case 2:
      return skep_probe_load_2(address);
    case 4:
      return skep_probe_load_4(address);
    default:
      return skep_probe_load_8(address);
  }
}

bool store(uint64_t address, unsigned bytes, uint64_t value) {
  switch (bytes) {
    case 1:
      return skep_probe_store_1(address, value).ok != 0;
    case 2:
      return skep_probe_store_2(address, value).ok != 0;
    case 4:
      return skep_probe_store_4(address, value).ok != 0;
    default:
      return skep_probe_store_8(address, value).ok != 0;
  }
}

Probe compare_exchange(uint64_t address, unsigned bytes, uint64_t expected, uint64_t desired) {
  return bytes == 4 ? skep_probe_swap_4(address, expected, desired)
                    : skep_probe_swap_8(address, expected, desired);
}

}  // namespace skep::exec::fault
