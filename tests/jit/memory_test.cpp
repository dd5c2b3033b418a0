// Executable memory: never writable and executable at once, closed in, given back. Probe loads that fault.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "exec/jit/code_memory.h"
#include "program.h"

namespace skep::exec::jit {
namespace {

using helpers::RunContext;
using isa::Op;

struct MappingLine {
  uintptr_t begin = 0, end = 0;
  std::string permissions;
};

std::vector<MappingLine> mappings() {
  std::vector<MappingLine> lines;
  std::ifstream file("/proc/self/maps");
  for (std::string text; std::getline(file, text);) {
    MappingLine line;
    char permissions[5] = {};
    if (std::sscanf(text.c_str(), "%lx-%lx %4s", &line.begin, &line.end, permissions) == 3) {
      line.permissions = permissions;
      lines.push_back(line);
    }
  }
  return lines;
}

MappingLine mapping_of(const void* address) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  for (const MappingLine& line : mappings())
    if (at >= line.begin && at < line.end) return line;
  return {};
}

Program trivial() { return {set(0, 7), exit_insn()}; }

TEST(CodeMemory, IsNeverWritableAndExecutable) {
  const auto image = trivial().jit();
  EXPECT_EQ(run(image), 7u);
  const MappingLine line = mapping_of(image->code().data());
  EXPECT_EQ(line.permissions.substr(0, 3), "r-x");
  for (const MappingLine& other : mappings())
    EXPECT_FALSE(other.permissions[1] == 'w' && other.permissions[2] == 'x') << std::hex << other.begin;
}

// A sealed file has no writable mapping anywhere, so its content cannot change either.
TEST(CodeMemory, CannotBecomeWritable) {
  const auto image = trivial().jit();
  void* page = const_cast<std::byte*>(image->code().data());
  if (mapping_of(page).permissions[3] != 's') GTEST_SKIP() << "this kernel maps sealed files privately only";
  EXPECT_EQ(::mprotect(page, 4096, PROT_READ | PROT_WRITE), -1);
  EXPECT_EQ(errno, EACCES);
}

TEST(CodeMemory, HasGuardPagesAndBreakpointsAround) {
  const auto image = trivial().jit();
  const std::byte* code = image->code().data();
  EXPECT_EQ(mapping_of(code - 1).permissions.substr(0, 3), "---");
  EXPECT_EQ(mapping_of(code + 4096).permissions.substr(0, 3), "---");
  for (size_t at = image->code().size(); at < 4096; ++at) ASSERT_EQ(code[at], std::byte{0xcc}) << at;
}

TEST(CodeMemory, IsGivenBack) {
  const std::byte* first = nullptr;
  for (int i = 0; i < 100; ++i) {
    const auto image = trivial().jit();
    if (!first) first = image->code().data();
    EXPECT_EQ(image->code().data(), first);
  }
  EXPECT_EQ(mapping_of(first).permissions.substr(0, 3), "---");
}

TEST(CodeMemory, RangesMergeWhenFreed) {
  std::vector<Ref<Image>> images;
  for (int i = 0; i < 16; ++i) images.push_back(trivial().jit());
  const std::byte* lowest = images.front()->code().data();
  for (const int order : {3, 1, 2, 0, 15, 4, 14, 5, 6, 13, 7, 12, 11, 8, 10, 9}) images[order] = nullptr;
  Program large{};
  for (int i = 0; i < 8000; ++i) large += make(Op::kAdd64Imm, 0, 0, 0, 1000000);
  large += exit_insn();
  EXPECT_EQ(large.jit()->code().data(), lowest);
}

TEST(CodeMemory, LeavesNoDescriptorOpen) {
  const int before = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(before);
  const auto image = trivial().jit();
  const int after = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(after);
  EXPECT_EQ(before, after);
}

class ProbeTest : public testing::Test {
 protected:
  void SetUp() override {
    pages_ = static_cast<std::byte*>(
        ::mmap(nullptr, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(pages_, MAP_FAILED);
    ASSERT_EQ(::mprotect(pages_ + 4096, 4096, PROT_NONE), 0);
    std::fill_n(pages_, 4096, std::byte{0x5a});
  }
  void TearDown() override { ::munmap(pages_, 2 * 4096); }

  // Loads 8 bytes at `address`, with [begin, end) exported.
  uint64_t probe(const Ref<Image>& image, const void* address, const void* begin, const void* end) {
    RunContext run;
    run.exported_begin = begin;
    run.exported_end = end;
    return image->run(const_cast<void*>(address), run);
  }

  std::byte* pages_ = nullptr;
  const Program program_{set(0, -1), make(Op::kProbeLoad64, 0, 1, 0), exit_insn()};
};
constexpr uint64_t kFilled = 0x5a5a5a5a5a5a5a5a;

TEST_F(ProbeTest, ReadsExportedMemoryAndZeroElsewhere) {
  const auto* everything = reinterpret_cast<const std::byte*>(~uintptr_t{0});
  for (const Engine engine : {Engine::kInterpreter, Engine::kJit}) {
    const auto image = program_.image(engine);
    EXPECT_EQ(probe(image, pages_, pages_, pages_ + 8), kFilled);
    EXPECT_EQ(probe(image, pages_ + 1, pages_, pages_ + 8), 0u);
    EXPECT_EQ(probe(image, pages_, pages_ + 1, pages_ + 100), 0u);
    EXPECT_EQ(probe(image, pages_, nullptr, nullptr), 0u);
    EXPECT_EQ(probe(image, pages_ + 4096 - 8, nullptr, everything), kFilled);
    EXPECT_EQ(probe(image, pages_ + 4096 - 7, nullptr, everything), 0u);  // half of it unmapped
    EXPECT_EQ(probe(image, pages_ + 4096, nullptr, everything), 0u);
    EXPECT_EQ(probe(image, nullptr, nullptr, everything), 0u);
    EXPECT_EQ(probe(image, reinterpret_cast<void*>(uintptr_t{1} << 63), nullptr, everything),
              0u);                                                     // not canonical
    EXPECT_EQ(probe(image, everything - 3, nullptr, everything), 0u);  // wraps around
  }
}

TEST_F(ProbeTest, OtherFaultsStillReachTheirHandler) {
  const auto image = program_.jit();
  EXPECT_DEATH(
      {
        probe(image, pages_, nullptr, nullptr);
        *reinterpret_cast<volatile char*>(pages_ + 4096) = 1;
      },
      "");
}

// One image on several threads while others come and go: the handler walks a changing list.
TEST_F(ProbeTest, FaultsOnManyThreadsWhileImagesComeAndGo) {
  const auto image = program_.jit();
  const auto* everything = reinterpret_cast<const std::byte*>(~uintptr_t{0});
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        const bool mapped = (i + t) % 2 == 0;
        if (probe(image, pages_ + (mapped ? 0 : 4096), nullptr, everything) != (mapped ? kFilled : 0))
          ++wrong;
      }
    });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(probe(program_.jit(), pages_ + 4096, nullptr, everything), 0u);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// Atomic instructions of one image on several threads lose nothing.
TEST(JitThreads, AtomicsOfSeveralThreadsAddUp) {
  struct Shared {
    alignas(8) uint64_t sum = 0;
    uint64_t fetched = 0;
    uint64_t bits = 0;
  } shared;
  // sum += 1; fetched by fetch_add; bits ^= 1 by fetch_xor, whose old value goes nowhere.
  const Program program{
      set(2, 1),  make(Op::kAtomicAdd64, 1, 2, 0),       make(Op::kAtomicFetchAdd64, 1, 2, 8),
      set(3, 1),  make(Op::kAtomicFetchXor64, 1, 3, 16), set(0, 0),
      exit_insn()};
  const auto image = program.jit();
  constexpr int kThreads = 3, kRuns = 20001;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < kRuns; ++i) run(image, &shared);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(shared.sum, uint64_t{kThreads} * kRuns);
  EXPECT_EQ(shared.fetched, uint64_t{kThreads} * kRuns);
  EXPECT_EQ(shared.bits, uint64_t{kThreads} * kRuns % 2);
}

}  // namespace
}  // namespace skep::exec::jit
