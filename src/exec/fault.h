// Faults of running programs: a probe load outside mapped memory reads as zero instead of ending the process.
//
// A fault site is one machine instruction that may fault, and what happens then: a register becomes zero and
// the thread goes on elsewhere. Images register their sites; the SIGSEGV and SIGBUS handler looks the
// faulting pc up and hands every other fault to the handler that was there before.
//
// The handler takes no lock and allocates nothing. An image's sites are freed after an RCU grace period, and
// programs run inside read sections, so the handler never meets freed sites.
#pragma once

#include <cstdint>
#include <vector>

namespace skep::exec::fault {

inline constexpr uint8_t kNoRegister = 0xff;

struct Site {
  uintptr_t pc;      // the instruction that may fault
  uintptr_t resume;  // where to go on
  uint8_t cleared =
      kNoRegister;  // machine register that becomes zero, in hardware numbering (rax 0, rcx 1, ...)
};

// Installs the handler; any number of times. Called by whoever makes an image.
void install();

// The sites of one image, known to the handler while this object lives. Any thread may make and drop it.
class Sites {
 public:
  Sites() = default;
  explicit Sites(std::vector<Site> sites);
  Sites(Sites&& other) noexcept;
  Sites& operator=(Sites&& other) noexcept;
  ~Sites();

 private:
  const struct Block* block_ = nullptr;
};

// Accesses of the interpreter that may fault. `bytes` is 1, 2, 4 or 8.
struct Probe {
  uint64_t value;  // zero-extended; 0 when it faulted
  uint64_t ok;     // 1, or 0 when it faulted
};
Probe load(uint64_t address, unsigned bytes);
bool store(uint64_t address, unsigned bytes, uint64_t value);
// Sequentially consistent, 4 or 8 bytes: stores `desired` if memory holds `expected`; value is what it held.
Probe compare_exchange(uint64_t address, unsigned bytes, uint64_t expected, uint64_t desired);

}  // namespace skep::exec::fault
