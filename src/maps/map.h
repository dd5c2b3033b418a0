// Map: the one interface behind which every map type lives, one file per type; map_types.def lists them.
//
// Two faces: the *program* face (raw pointers, called from running programs inside an RCU read section, must
// not block) and the *syscall* face (copies in and out; per-CPU types carry one value a CPU, each rounded up
// to 8 bytes). Methods return 0 or a negative errno exactly as Linux's map operations do, since both a
// helper's r0 and bpf(2) pass that on.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/profile.h"
#include "base/ref.h"
#include "base/result.h"
#include "btf/btf.h"
#include "btf/record.h"

namespace skep::maps {

class Map;
struct TailSlots;

// A map's shape, as MAP_CREATE gives it: pure data, already bounded.
struct MapSpec {
  uint32_t type = 0;        // abi::bpf_map_type
  uint32_t key_size = 0;    // bytes
  uint32_t value_size = 0;  // bytes, as the client knows it
  uint32_t max_entries = 0;
  uint32_t flags = 0;  // BPF_F_*
  uint64_t extra = 0;  // map_extra
  std::string name;    // at most 15 bytes
  uint32_t ifindex = 0;
  uint32_t numa_node = 0;  // counts with BPF_F_NUMA_NODE only
  uint32_t btf_key_type_id = 0;
  uint32_t btf_value_type_id = 0;
  uint32_t btf_vmlinux_value_type_id = 0;
  Ref<const btf::Btf> btf;  // null without BTF
  // What inner_map_fd of a map-in-map named: the pattern of its elements. Only read during the creation.
  Ref<Map> inner_map;
  // Locks, timers and kernel pointers inside values, as the BTF tells: create() finds them.
  btf::Record fields;
};

// What stands for a value in bpf(2) where a map holds objects: the syscall layer resolves the client's fd.
enum class Holds : uint8_t {
  kValues,      // nothing to resolve
  kPrograms,    // prog_array
  kMaps,        // map-in-map
  kPerfEvents,  // perf_event_array
  kCgroups,     // cgroup_array
  kSockets,     // sockmap and its like: none can be held here
};

// What the loader needs beside what MAP_CREATE needs of everybody.
enum class MapNeeds : uint8_t { kNothing, kBpf /* CAP_BPF */, kNetAdmin /* CAP_NET_ADMIN */ };

// How MAP_*_BATCH walk the type, as far as Linux has them for it.
enum class Batch : uint8_t {
  kNone,
  kByKey,        // lookup, update
  kByKeyDelete,  // lookup, update, delete
  kByBucket,     // all four
};

// A set of helper ids (1..211).
struct HelperSet {
  uint64_t words[4] = {};
  constexpr HelperSet() = default;
  constexpr HelperSet(std::initializer_list<uint32_t> ids) {
    for (uint32_t id : ids) words[id / 64] |= uint64_t{1} << (id % 64);
  }
  constexpr bool has(uint32_t id) const { return id < 256 && (words[id / 64] >> (id % 64) & 1); }
};

// One row of map_types.def.
struct MapTypeRow {
  uint32_t type;
  std::string_view name;  // "hash", as bpftool and libbpf spell it
  KernelVersion since;
  // What Linux checks before it asks for capabilities: sizes and flags. Null where create is null.
  Status (*check)(const MapSpec&) = nullptr;
  // Builds it, with the checks Linux makes last. Null: no such map here, MAP_CREATE answers EINVAL.
  Result<Ref<Map>> (*create)(const MapSpec&, const MapTypeRow&) = nullptr;
  // What the type asks of its BTF beyond matching sizes; null: nothing, but the key must be described.
  Status (*check_btf)(const MapSpec&, btf::Type key, btf::Type value) = nullptr;
  HelperSet helpers;  // exactly the helpers that may take it as kConstMapPtr; others: EINVAL
  uint64_t program_types = ~uint64_t{0};  // bit set over abi::bpf_prog_type of the programs that may use it
  bool sleepable = false;                 // sleepable programs may use it
  bool per_cpu = false;                   // syscall values are possible_cpus() * round_up(value_size, 8)
  bool inner_allowed = false;             // may be the inner map of a map-in-map
  bool mappable = false;                  // mmap works (arrays with BPF_F_MMAPABLE, ring buffers)
  bool direct_value = false;              // BPF_PSEUDO_MAP_VALUE works (with max_entries == 1)
  // A map fits an inner map of this type only if it has as many entries (BPF_F_INNER_MAP lifts that).
  bool inner_entries_fixed = false;
  bool value_in_lookup = false;  // a lookup asks about the value that the client gives
  Holds holds = Holds::kValues;
  Batch batch = Batch::kNone;
  MapNeeds needs = MapNeeds::kNothing;
  std::string_view note = {};  // what of the type is not built; empty: all is
};

std::span<const MapTypeRow> table();
const MapTypeRow* find_type(uint32_t type, KernelProfile profile = kNewestProfile);

// MAP_CREATE in Linux's order: check_create, then the caller's capabilities, then create_checked.
// EINVAL, E2BIG, ENOTSUPP.
Status check_create(const MapSpec& spec, KernelProfile profile = kNewestProfile);
Result<Ref<Map>> create_checked(const MapSpec& spec);
// Both at once, for callers without capabilities to ask about.
Result<Ref<Map>> create(const MapSpec& spec, KernelProfile profile = kNewestProfile);

// Memory of a map that clients may map: a memfd, how much of it, and what of it is writable for them.
struct Mapping {
  int fd = -1;        // owned by the map; opened read-write
  uint64_t size = 0;  // bytes
  // False: clients get a descriptor opened read-only, so that a writable mapping fails with EACCES as on
  // Linux (BPF_F_RDONLY_PROG). The file is sealed too: reopening it does not help them.
  bool writable = true;
};

// Number of virtual CPUs: what clients read as possible CPUs, and the slots of per-CPU values.
// The host sets it once, before any map exists; by default the number of online CPUs.
uint32_t possible_cpus();
void set_possible_cpus(uint32_t count);  // 1..kMaxCpus
inline constexpr uint32_t kMaxCpus = 1024;

// Linux's ENOTSUPP, which has no name in errno.h and which bpf(2) does give to clients.
inline constexpr int kENotSupp = 524;

class Map : public RefCounted {
 public:
  explicit Map(const MapSpec& spec, const MapTypeRow& row) : spec_(spec), row_(row) {}

  const MapSpec& spec() const { return spec_; }
  const MapTypeRow& row() const { return row_; }
  uint32_t id() const { return id_; }

  // --- program face -------------------------------------------------------------------------------
  // `cpu` is the virtual CPU of the run. Returned values stay valid for the read section.
  virtual void* lookup(const void* key, uint32_t cpu) noexcept;
  virtual int update(const void* key, const void* value, uint64_t flags, uint32_t cpu) noexcept;
  virtual int erase(const void* key) noexcept;
  // bpf_map_push/pop/peek_elem and friends for types without keys: -EOPNOTSUPP by default.
  virtual int push(const void* value, uint64_t flags) noexcept;
  virtual int pop(void* value) noexcept;
  virtual int peek(void* value) noexcept;
  virtual const TailSlots* tail_slots() const noexcept {
    return nullptr;
  }  // prog_array: what bpf_tail_call reads
  virtual void* lookup_percpu(const void* key, uint32_t cpu) noexcept;  // null unless per-CPU
  // Calls visit(key, value) for each element until it returns non-zero; the number visited, or -errno.
  virtual int64_t for_each(const std::function<uint64_t(const void* key, void* value)>& visit, uint32_t cpu);

  // --- syscall face -------------------------------------------------------------------------------
  // Bytes of a value in bpf(2): value_size, or all CPUs' values each rounded up to 8.
  uint32_t syscall_value_size() const;
  virtual int sys_lookup(std::span<const std::byte> key, std::span<std::byte> value, uint64_t flags);
  virtual int sys_update(std::span<const std::byte> key, std::span<const std::byte> value, uint64_t flags);
  virtual int sys_delete(std::span<const std::byte> key);
  virtual int sys_lookup_and_delete(std::span<const std::byte> key, std::span<std::byte> value,
                                    uint64_t flags);
  // Empty key: the first one. -ENOENT at the end.
  virtual int sys_next_key(std::span<const std::byte> key, std::span<std::byte> next);
  // True when MAP_UPDATE carries an fd in place of a value: the syscall layer then resolves it as row().holds
  // says and uses sys_set_object.
  bool holds_objects() const { return row_.holds != Holds::kValues; }
  // The checks that come before the fd is looked at: flags and key.
  virtual int sys_check_object(std::span<const std::byte> key, uint64_t flags);
  // Stores an object (a program's TailTarget, an inner map, ...) under a key; sys_delete removes it.
  virtual int sys_set_object(std::span<const std::byte> key, Ref<RefCounted> object, uint64_t flags);
  virtual uint32_t sys_object_id(std::span<const std::byte> key);  // what a lookup shows; 0 = none
  // Map-in-map: the pattern of the inner maps: their spec and row, no elements. Lives as long as this map.
  virtual const Map* inner_meta() const { return nullptr; }

  // The last fd or pin of clients went, though programs may still hold the map: a prog_array lets go of its
  // programs then, since they may hold it in turn.
  virtual void user_references_gone() {}

  // EINVAL for an array without BPF_F_MMAPABLE, ENOTSUPP for a type that cannot be mapped.
  virtual Result<Mapping> mapping();
  // For poll and epoll on the map's fd: an eventfd (owned by the map) that is written once for each wakeup of
  // those who wait for data: ring buffers. The epoll handler registers it edge-triggered. EPERM: never
  // anything to wait for.
  virtual Result<int> wakeup_fd() { return fail(EPERM); }
  // Address of byte `offset` of the single value (arrays): for BPF_PSEUDO_MAP_VALUE. EINVAL, ENOTSUPP.
  virtual Result<uint64_t> direct_value_address(uint32_t offset);
  virtual uint64_t memory_usage() const = 0;  // bytes: "memlock" of fdinfo

  // Frozen: no more writes from bpf(2). What the verifier takes as constant must be sealed first.
  bool frozen() const { return frozen_.load(std::memory_order_acquire); }
  Status freeze();  // EBUSY: frozen already, or a live writable mapping
  // Values have a bpf_spin_lock: BPF_F_LOCK works.
  bool has_lock() const { return spec_.fields.has(btf::kSpinLock); }
  // Read-only for programs and frozen: the verifier may treat the contents as constants.
  bool is_constant() const;

  // The address that programs hold for the map (LD_IMM64 of a map fd): what helpers get as kConstMapPtr.
  uint64_t handle() const { return reinterpret_cast<uint64_t>(this); }
  static Map* from_handle(uint64_t handle) { return reinterpret_cast<Map*>(handle); }

 protected:
  // Called once, before frozen() turns true: EBUSY vetoes.
  virtual Status prepare_freeze() { return {}; }

 private:
  friend class MapIdAccess;  // objects/ sets the id
  MapSpec spec_;
  const MapTypeRow& row_;
  uint32_t id_ = 0;
  std::shared_ptr<void>
      object_state_;  // what the objects layer keeps with the map (id, owner, user references)
  std::mutex freeze_mutex_;
  std::atomic<bool> frozen_{false};
};

}  // namespace skep::maps
