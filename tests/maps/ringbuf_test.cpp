// Ring buffers: the same records produced on the live kernel (by programs) and on ours; a client that maps
// each as libbpf does must see the same positions, headers, bytes and wakeups.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include <cstring>
#include <random>

#include "abi/bpf.h"
#include "abi/helper_ids.h"
#include "base/rcu.h"
#include "maps/memory.h"
#include "maps/ringbuf.h"
#include "maps/sides.h"
#include "support/live_kernel.h"

namespace skep::maps {
namespace {

// What libbpf's ring_buffer does with a ring's fd.
class Client {
 public:
  Client(int fd, uint32_t size) : size_(size) {
    const uint64_t page = page_size();
    void* consumer = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    void* producer =
        mmap(nullptr, page + 2 * uint64_t{size}, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(page));
    EXPECT_NE(consumer, MAP_FAILED);
    EXPECT_NE(producer, MAP_FAILED);
    consumer_ = static_cast<uint64_t*>(consumer);
    producer_ = static_cast<const uint64_t*>(producer);
    data_ = static_cast<const std::byte*>(producer) + page;
  }
  ~Client() {
    munmap(consumer_, page_size());
    munmap(const_cast<uint64_t*>(producer_), page_size() + 2 * uint64_t{size_});
  }
  uint64_t produced() const { return __atomic_load_n(producer_, __ATOMIC_ACQUIRE); }
  uint64_t consumed() const { return *consumer_; }
  void set_consumed(uint64_t position) { __atomic_store_n(consumer_, position, __ATOMIC_RELEASE); }
  uint64_t header(uint64_t position) const {
    return __atomic_load_n(reinterpret_cast<const uint64_t*>(data_ + (position & (size_ - 1))),
                           __ATOMIC_ACQUIRE);
  }
  static uint32_t length(uint64_t header) { return static_cast<uint32_t>(header) & 0x3fffffff; }
  static uint64_t span(uint64_t header) { return (length(header) + 8 + 7) & ~uint64_t{7}; }
  const std::byte* payload(uint64_t position) const { return data_ + (position & (size_ - 1)) + 8; }

 private:
  uint32_t size_;
  uint64_t* consumer_;
  const uint64_t* producer_;
  const std::byte* data_;
};

enum class What { kOutput, kSubmit, kDiscard, kTwoReversed, kQuery };
struct Step {
  What what;
  uint32_t size;  // of the record (a multiple of 8), or what is queried
  uint64_t flags;
  int32_t fill;  // every 8 bytes of the record
};

constexpr isa::Insn mov_imm(uint8_t dst, int32_t imm) { return {.code = 0xb7, .dst = dst, .imm = imm}; }
constexpr isa::Insn mov_reg(uint8_t dst, uint8_t src) { return {.code = 0xbf, .dst = dst, .src = src}; }
constexpr isa::Insn call(int32_t id) { return {.code = 0x85, .imm = id}; }
constexpr isa::Insn kExitInsn = {.code = 0x95};

// One step as a program of the live kernel.
class Assembly {
 public:
  explicit Assembly(int map) : map_(map) {}

  std::vector<isa::Insn> of(const Step& step) {
    switch (step.what) {
      case What::kOutput:
        output(step);
        break;
      case What::kQuery:
        load_map();
        add({mov_imm(2, static_cast<int32_t>(step.size)), call(abi::BPF_FUNC_ringbuf_query)});
        break;
      case What::kSubmit:
      case What::kDiscard:
        reserve(step, 6);
        finish(6, step.what == What::kSubmit, step.flags);
        add({mov_imm(0, 1)});
        break;
      case What::kTwoReversed:
        two(step);
        break;
    }
    add({kExitInsn});
    return code_;
  }

 private:
  void add(std::initializer_list<isa::Insn> insns) { code_.insert(code_.end(), insns); }
  void load_map() { add({{.code = 0x18, .dst = 1, .src = 1, .imm = map_}, {}}); }
  void load_flags(uint8_t dst, uint64_t flags) {
    add({{.code = 0x18, .dst = dst, .imm = static_cast<int32_t>(flags)},
         {.imm = static_cast<int32_t>(flags >> 32)}});
  }
  void store(uint8_t base, int32_t offset, int32_t fill) {
    add({{.code = 0x7a, .dst = base, .off = static_cast<int16_t>(offset), .imm = fill}});
  }
  void output(const Step& step) {
    for (uint32_t at = 0; at < 512; at += 8) store(10, static_cast<int32_t>(at) - 512, step.fill);
    load_map();
    add({mov_reg(2, 10), {.code = 0x07, .dst = 2, .imm = -512}, mov_imm(3, static_cast<int32_t>(step.size))});
    load_flags(4, step.flags);
    add({call(abi::BPF_FUNC_ringbuf_output)});
  }
  // The record in `reg`; the program returns 0 without one.
  void reserve(const Step& step, uint8_t reg) {
    load_map();
    add({mov_imm(2, static_cast<int32_t>(step.size)),
         mov_imm(3, 0),
         call(abi::BPF_FUNC_ringbuf_reserve),
         {.code = 0x55, .dst = 0, .off = 1},
         kExitInsn,
         mov_reg(reg, 0)});
    for (uint32_t at = 0; at < step.size; at += 8) store(reg, static_cast<int32_t>(at), step.fill);
  }
  void finish(uint8_t reg, bool submit, uint64_t flags) {
    add({mov_reg(1, reg)});
    load_flags(2, flags);
    add({call(submit ? abi::BPF_FUNC_ringbuf_submit : abi::BPF_FUNC_ringbuf_discard)});
  }
  void two(const Step& step) {
    reserve(step, 6);
    load_map();
    add({mov_imm(2, static_cast<int32_t>(step.size)),
         mov_imm(3, 0),
         call(abi::BPF_FUNC_ringbuf_reserve),
         mov_reg(7, 0),
         mov_imm(8, 1),
         {.code = 0x15, .dst = 7, .off = static_cast<int16_t>(5 + step.size / 8)}});
    for (uint32_t at = 0; at < step.size; at += 8) store(7, static_cast<int32_t>(at), step.fill + 1);
    finish(7, true, step.flags);
    add({mov_imm(8, 2)});
    finish(6, true, step.flags);
    add({mov_reg(0, 8)});
  }

  int map_;
  std::vector<isa::Insn> code_;
};

int64_t run_live(int map, const Step& step) {
  const auto code = Assembly(map).of(step);
  const auto program = live::load(code);
  EXPECT_TRUE(program) << program.error << program.log;
  const Bytes packet(64);
  const auto result = live::test_run(program.fd.get(), {.data = packet});
  EXPECT_TRUE(result);
  return result ? static_cast<int32_t>(result->retval) : INT64_MIN;
}

void fill(void* record, const Step& step, int32_t fill) {
  for (uint32_t at = 0; at < step.size; at += 8) {
    const int64_t word = fill;
    std::memcpy(static_cast<std::byte*>(record) + at, &word, 8);
  }
}

int64_t run_ours(RingBufMap& ring, const Step& step) {
  RcuReadSection section;
  switch (step.what) {
    case What::kOutput: {
      Bytes data(512);
      Step whole = step;
      whole.size = 512;
      fill(data.data(), whole, step.fill);
      return ring.output(data.data(), step.size, step.flags);
    }
    case What::kQuery:
      return static_cast<int32_t>(ring.query(step.size));
    case What::kSubmit:
    case What::kDiscard: {
      void* record = ring.reserve(step.size, 0);
      if (record == nullptr) return 0;
      fill(record, step, step.fill);
      step.what == What::kSubmit ? RingBufMap::submit(record, step.flags)
                                 : RingBufMap::discard(record, step.flags);
      return 1;
    }
    case What::kTwoReversed: {
      void* first = ring.reserve(step.size, 0);
      if (first == nullptr) return 0;
      fill(first, step, step.fill);
      void* second = ring.reserve(step.size, 0);
      if (second != nullptr) {
        fill(second, step, step.fill + 1);
        RingBufMap::submit(second, step.flags);
      }
      RingBufMap::submit(first, step.flags);
      return second != nullptr ? 2 : 1;
    }
  }
  return 0;
}

// Edge-triggered: an event for each wakeup of the live ring.
class LiveWakeups {
 public:
  explicit LiveWakeups(int fd) : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {}};
    EXPECT_EQ(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event), 0);
  }
  bool woken() {
    epoll_event event;
    return epoll_wait(epoll_.get(), &event, 1, 0) == 1;
  }

 private:
  UniqueFd epoll_;
};

struct Rings {
  MapSpec spec;
  LiveSide live{spec};
  OurSide ours{spec};
  RingBufMap& ring = static_cast<RingBufMap&>(ours.map());
  Client live_client{live.fd(), spec.max_entries};
  Client our_client{ring.mapping()->fd, spec.max_entries};
};

void expect_same_records(const Rings& rings, const std::string& where) {
  ASSERT_EQ(rings.our_client.produced(), rings.live_client.produced()) << where;
  for (uint64_t at = rings.live_client.consumed(); at < rings.live_client.produced();) {
    const uint64_t header = rings.live_client.header(at);
    ASSERT_EQ(rings.our_client.header(at), header) << where << " at " << at;
    // What was discarded is nobody's to read.
    if (!(header & abi::BPF_RINGBUF_DISCARD_BIT)) {
      ASSERT_EQ(
          std::memcmp(rings.our_client.payload(at), rings.live_client.payload(at), Client::length(header)), 0)
          << where << " at " << at;
    }
    at += Client::span(header);
  }
}

TEST(RingBuf, RandomStepsLookTheSameToAClient) {
  SKEP_REQUIRE_LIVE_KERNEL();
  std::mt19937 random(7);
  int stored = 0, full = 0, woken_steps = 0;
  for (const uint32_t size : {4096u, 8192u}) {
    Rings rings{{.type = abi::BPF_MAP_TYPE_RINGBUF, .max_entries = size}};
    LiveWakeups live_wakeups(rings.live.fd());
    int our_wakeups = 0;
    rings.ring.set_wakeup([&] { ++our_wakeups; });
    for (int number = 0; number < 1500; ++number) {
      constexpr uint64_t kFlags[] = {0, 0, 0, 1, 2, 3, 1, 0};
      Step step{static_cast<What>(random() % 5), 0, kFlags[random() % 8],
                static_cast<int32_t>(random() >> 1)};
      const uint32_t most = step.what == What::kOutput ? 512 : random() % 8 == 0 ? size : 700;
      step.size = random() % (most / 8 + 1) * 8;
      if (step.what == What::kOutput && random() % 2)
        step.size += random() % 8, step.size = std::min(step.size, 512u);
      if (step.what == What::kOutput && random() % 16 == 0) step.flags = uint64_t{4} << random() % 40;
      if (step.what == What::kQuery) step.size = random() % 6;
      const auto where = fmt::format("size {} step {}: kind {} bytes {} flags {}", size, number,
                                     static_cast<int>(step.what), step.size, step.flags);
      live_wakeups.woken();
      our_wakeups = 0;
      const int64_t live = run_live(rings.live.fd(), step);
      ASSERT_EQ(run_ours(rings.ring, step), live) << where;
      expect_same_records(rings, where);
      if (HasFatalFailure()) return;
      const bool unread = rings.live_client.produced() != rings.live_client.consumed();
      const bool woken = live_wakeups.woken();
      if (unread) {
        ASSERT_EQ(our_wakeups > 0, woken) << where;
      }
      ASSERT_EQ(rings.ring.readable(), unread) << where;
      woken_steps += woken;
      if (step.what != What::kQuery && step.what != What::kOutput) (live > 0 ? stored : full) += 1;
      // The client reads on, sometimes all, sometimes a record.
      uint64_t consumed = rings.live_client.consumed();
      for (uint32_t records = random() % 3 == 0 ? random() % 6 : 0;
           records > 0 && consumed < rings.live_client.produced(); --records)
        consumed += Client::span(rings.live_client.header(consumed));
      rings.live_client.set_consumed(consumed);
      rings.our_client.set_consumed(consumed);
    }
  }
  EXPECT_GT(stored, 300);
  EXPECT_GT(full, 100);
  EXPECT_GT(woken_steps, 100);
}

// A client may write any consumer position: nothing may be overwritten or read out of bounds, and room is
// judged as Linux judges it.
TEST(RingBuf, FalseConsumerPositionsAreJudgedAlike) {
  SKEP_REQUIRE_LIVE_KERNEL();
  std::mt19937_64 random(11);
  Rings rings{{.type = abi::BPF_MAP_TYPE_RINGBUF, .max_entries = 4096}};
  for (int number = 0; number < 300; ++number) {
    const uint64_t produced = rings.live_client.produced();
    const uint64_t positions[] = {random(),
                                  produced + random() % 9000,
                                  produced - random() % 9000,
                                  UINT64_MAX,
                                  uint64_t{1} << 63,
                                  produced + 1,
                                  produced + 4096,
                                  produced};
    const uint64_t position = positions[random() % std::size(positions)];
    rings.live_client.set_consumed(position);
    rings.our_client.set_consumed(position);
    const Step step{What::kSubmit, static_cast<uint32_t>(random() % 520 * 8), 0, number};
    ASSERT_EQ(run_ours(rings.ring, step), run_live(rings.live.fd(), step)) << position << " " << produced;
    ASSERT_EQ(rings.our_client.produced(), rings.live_client.produced());
    const Step query{What::kQuery, 0, 0, 0};
    ASSERT_EQ(run_ours(rings.ring, query), run_live(rings.live.fd(), query));
  }
}

TEST(RingBuf, ReserveRefusesFlagsAndHugeRecords) {
  auto map = create({.type = abi::BPF_MAP_TYPE_RINGBUF, .max_entries = 4096});
  ASSERT_TRUE(map);
  auto& ring = static_cast<RingBufMap&>(**map);
  RcuReadSection section;
  EXPECT_EQ(ring.reserve(8, 1), nullptr);
  EXPECT_EQ(ring.reserve(UINT64_MAX, 0), nullptr);
  EXPECT_EQ(ring.reserve(UINT64_MAX - 8, 0), nullptr);
  EXPECT_EQ(ring.reserve(4096 - 8, 0), nullptr);  // a full ring would look empty
  EXPECT_NE(ring.reserve(4096 - 16, 0), nullptr);
}

// Addresses that are no record of a ring are left alone.
TEST(RingBuf, CommitKnowsItsRings) {
  uint64_t elsewhere[2] = {1, 1};
  RingBufMap::submit(&elsewhere[1], 0);
  EXPECT_EQ(elsewhere[0], 1u);
}

}  // namespace
}  // namespace skep::maps
