// What clients can do with a map's memory, against the live kernel: mmap, freeze and their order.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <fstream>

#include "abi/bpf.h"
#include "maps/memory.h"
#include "maps/sides.h"
#include "support/live_kernel.h"

namespace skep::maps {
namespace {

constexpr uint32_t kMmapable = abi::BPF_F_MMAPABLE;

// 0 or -errno of an mmap of one page; unmapped at the end of the test's step.
struct Mapped {
  Mapped(int fd, int protection, uint64_t offset = 0)
      : at(mmap(nullptr, page_size(), protection, MAP_SHARED, fd, static_cast<off_t>(offset))),
        error(at == MAP_FAILED ? -errno : 0) {}
  ~Mapped() {
    if (at != MAP_FAILED) munmap(at, page_size());
  }
  void* at;
  int error;
};

// The descriptor that a client gets, as Mapping says.
UniqueFd client_fd(Map& map) {
  const auto mapping = map.mapping();
  if (!mapping) return UniqueFd();
  const int mode = mapping->writable ? O_RDWR : O_RDONLY;
  return UniqueFd(open(fmt::format("/proc/self/fd/{}", mapping->fd).c_str(), mode | O_CLOEXEC));
}

TEST(Mmap, ArraysMapAsOnTheLiveKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (const uint32_t flags :
       {kMmapable, kMmapable | abi::BPF_F_RDONLY_PROG, kMmapable | abi::BPF_F_WRONLY_PROG}) {
    const MapSpec spec{.type = 2, .key_size = 4, .value_size = 8, .max_entries = 3, .flags = flags};
    LiveSide live(spec);
    OurSide ours(spec);
    const UniqueFd fd = client_fd(ours.map());
    for (const int protection : {PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE})
      EXPECT_EQ(Mapped(fd.get(), protection).error, Mapped(live.fd(), protection).error)
          << flags << " " << protection;
    EXPECT_EQ(ours.map().mapping()->size, page_size());
  }
  // Without the flag and for other types there is nothing to map; the errno is bpf's, by way of Mapping.
  for (const uint32_t type : {1u, 2u, 3u, 5u, 6u}) {
    const MapSpec spec{.type = type, .key_size = 4, .value_size = 4, .max_entries = 3};
    LiveSide live(spec);
    OurSide ours(spec);
    EXPECT_EQ(-ours.map().mapping().error().code, Mapped(live.fd(), PROT_READ).error) << type;
  }
}

TEST(Mmap, WritesOfAClientAreTheMapsValues) {
  OurSide ours({.type = 2, .key_size = 4, .value_size = 12, .max_entries = 3, .flags = kMmapable});
  const UniqueFd fd = client_fd(ours.map());
  Mapped mapped(fd.get(), PROT_READ | PROT_WRITE);
  ASSERT_EQ(mapped.error, 0);
  static_cast<char*>(mapped.at)[16 + 2] = 7;  // elements stand 16 apart
  Bytes key{std::byte{1}, {}, {}, {}}, value(12);
  ASSERT_EQ(ours.lookup(key, value), 0);
  EXPECT_EQ(value[2], std::byte{7});
  EXPECT_EQ(ftruncate(fd.get(), 0), -1);  // a client cannot take the pages away under us
}

// A client cannot write what the verifier takes for constant, not even by opening the file anew.
TEST(Mmap, ReadOnlyMapsAreSealedFromTheirBirth) {
  OurSide ours({.type = 2,
                .key_size = 4,
                .value_size = 8,
                .max_entries = 1,
                .flags = kMmapable | abi::BPF_F_RDONLY_PROG});
  EXPECT_FALSE(ours.map().is_constant());
  const UniqueFd reopened(
      open(fmt::format("/proc/self/fd/{}", ours.map().mapping()->fd).c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_NE(Mapped(reopened.get(), PROT_READ | PROT_WRITE).error, 0);
  EXPECT_EQ(pwrite(reopened.get(), "x", 1, 0), -1);
  const Bytes key(4), value(8, std::byte{9});
  EXPECT_EQ(ours.update(key, value), 0);  // bpf(2) may write until the freeze
  EXPECT_EQ(ours.freeze(), 0);
  EXPECT_TRUE(ours.map().is_constant());
  Mapped mapped(client_fd(ours.map()).get(), PROT_READ);
  ASSERT_EQ(mapped.error, 0);
  EXPECT_EQ(mprotect(mapped.at, page_size(), PROT_READ | PROT_WRITE), -1);
  EXPECT_EQ(static_cast<char*>(mapped.at)[0], 9);
}

TEST(Freeze, AnswersAsTheLiveKernel) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (const uint32_t type : {1u, 2u, 3u, 5u, 6u, 27u})
    for (const uint32_t flags :
         {0u, uint32_t{abi::BPF_F_RDONLY_PROG}, kMmapable, kMmapable | abi::BPF_F_RDONLY_PROG}) {
      MapSpec spec{.type = type, .key_size = 4, .value_size = 4, .max_entries = 3, .flags = flags};
      if (type == 27) spec = {.type = type, .max_entries = 4096, .flags = flags};
      LiveSide live(spec);
      OurSide ours(spec);
      ASSERT_EQ(ours.error(), live.error());
      if (live.error() != 0) continue;
      const auto where = fmt::format("type {} flags {:#x}", type, flags);
      EXPECT_EQ(ours.freeze(), live.freeze()) << where;
      EXPECT_EQ(ours.freeze(), live.freeze()) << where << " twice";
      const Bytes key(4);
      Bytes value(64);
      EXPECT_EQ(ours.update(key, value), live.update(key, value)) << where;
      EXPECT_EQ(ours.erase(key), live.erase(key)) << where;
      if (type == 27) continue;
      EXPECT_EQ(ours.lookup(key, value), live.lookup(key, value)) << where;
    }
}

TEST(Freeze, AWritableMappingOfAClientVetoes) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const MapSpec spec{.type = 2, .key_size = 4, .value_size = 8, .max_entries = 3, .flags = kMmapable};
  LiveSide live(spec);
  OurSide ours(spec);
  const UniqueFd fd = client_fd(ours.map());
  {
    Mapped live_read(live.fd(), PROT_READ), our_read(fd.get(), PROT_READ);
    Mapped live_write(live.fd(), PROT_READ | PROT_WRITE), our_write(fd.get(), PROT_READ | PROT_WRITE);
    EXPECT_EQ(live.freeze(), -EBUSY);
    EXPECT_EQ(ours.freeze(), -EBUSY);
  }
  // A refused freeze leaves the map as it was.
  EXPECT_EQ(Mapped(fd.get(), PROT_READ | PROT_WRITE).error, Mapped(live.fd(), PROT_READ | PROT_WRITE).error);
  Mapped live_read(live.fd(), PROT_READ), our_read(fd.get(), PROT_READ);
  EXPECT_EQ(live.freeze(), 0);
  EXPECT_EQ(ours.freeze(), 0);
  EXPECT_EQ(Mapped(fd.get(), PROT_READ | PROT_WRITE).error, Mapped(live.fd(), PROT_READ | PROT_WRITE).error);
  EXPECT_EQ(Mapped(fd.get(), PROT_READ).error, Mapped(live.fd(), PROT_READ).error);
  // Programs go on writing a map that is frozen for bpf(2) only.
  const Bytes key(4), value(8, std::byte{3});
  EXPECT_EQ(ours.map().update(key.data(), value.data(), 0, 0), 0);
}

TEST(DirectValue, OnlySingleElementArrays) {
  OurSide one({.type = 2, .key_size = 4, .value_size = 8, .max_entries = 1});
  OurSide two({.type = 2, .key_size = 4, .value_size = 8, .max_entries = 2});
  OurSide hash({.type = 1, .key_size = 4, .value_size = 8, .max_entries = 1});
  const uint32_t zero = 0;
  EXPECT_EQ(*one.map().direct_value_address(7), reinterpret_cast<uint64_t>(one.map().lookup(&zero, 0)) + 7);
  EXPECT_EQ(one.map().direct_value_address(8).error().code, EINVAL);
  EXPECT_EQ(two.map().direct_value_address(0).error().code, kENotSupp);
  EXPECT_EQ(hash.map().direct_value_address(0).error().code, EINVAL);
}

// "memlock" of fdinfo, which bpftool shows.
uint64_t live_memlock(int fd) {
  std::ifstream fdinfo(fmt::format("/proc/self/fdinfo/{}", fd));
  for (std::string word; fdinfo >> word;)
    if (word == "memlock:") {
      uint64_t bytes = 0;
      fdinfo >> bytes;
      return bytes;
    }
  return 0;
}

TEST(MemoryUsage, IsWhatTheLiveKernelSays) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (const MapSpec& spec :
       {MapSpec{.type = 2, .key_size = 4, .value_size = 5, .max_entries = 10},
        MapSpec{.type = 2, .key_size = 4, .value_size = 5, .max_entries = 1000, .flags = kMmapable},
        MapSpec{.type = 6, .key_size = 4, .value_size = 5, .max_entries = 10},
        MapSpec{.type = 3, .key_size = 4, .value_size = 4, .max_entries = 10},
        MapSpec{.type = 1, .key_size = 4, .value_size = 5, .max_entries = 10},
        MapSpec{.type = 1, .key_size = 13, .value_size = 50, .max_entries = 1000},
        MapSpec{.type = 1, .key_size = 4, .value_size = 5, .max_entries = 10, .flags = 1},
        MapSpec{.type = 5, .key_size = 4, .value_size = 5, .max_entries = 10},
        MapSpec{.type = 5, .key_size = 4, .value_size = 5, .max_entries = 10, .flags = 1},
        MapSpec{.type = 27, .max_entries = 4096}, MapSpec{.type = 27, .max_entries = 1 << 20}}) {
    LiveSide live(spec);
    OurSide ours(spec);
    for (uint8_t i = 0; i < 3 && spec.type != 3 && spec.type != 27; ++i) {
      Bytes key(spec.key_size), value(64 * 1024);
      key[0] = std::byte{i};
      EXPECT_EQ(live.update(key, value), 0);
      EXPECT_EQ(ours.update(key, value), 0);
    }
    EXPECT_EQ(ours.map().memory_usage(), live_memlock(live.fd()))
        << fmt::format("type {} key {} value {} entries {} flags {}", spec.type, spec.key_size,
                       spec.value_size, spec.max_entries, spec.flags);
  }
}

}  // namespace
}  // namespace skep::maps

namespace skep::maps {
namespace {

// However many maps a client makes, together they stay within the machine's memory.
TEST(MapMemory, AllMapsTogetherFitTheMachine) {
  const auto machine = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * page_size();
  MapSpec spec;
  spec.type = abi::BPF_MAP_TYPE_ARRAY;
  spec.key_size = 4;
  spec.value_size = 4096;
  spec.max_entries = static_cast<uint32_t>(machine / 4 / spec.value_size);
  std::vector<Ref<Map>> maps;
  Result<Ref<Map>> last = create(spec);
  for (; last && maps.size() < 8; last = create(spec)) maps.push_back(*last);
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, ENOMEM);
  EXPECT_GE(maps.size(), 2u);
  EXPECT_LE(maps.size(), 4u);
  maps.clear();
  EXPECT_TRUE(create(spec));
}

}  // namespace
}  // namespace skep::maps
