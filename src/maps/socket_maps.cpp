// sockmap, sockhash, reuseport_sockarray and xskmap: sockets. None is ever stored: the syscall layer tells an
// fd that is no socket from one that is, and the latter is refused here with EOPNOTSUPP, as Linux refuses
// sockets of an unsuitable kind.
#include <bit>

#include "abi/bpf.h"
#include "maps/empty_map.h"
#include "maps/factories.h"
#include "maps/rules.h"

namespace skep::maps {
namespace {

constexpr uint32_t kMaxHashKey = 512;  // MAX_BPF_STACK
constexpr uint64_t kKernelHashBucket = 16;

int update_sockmap(const Map&, const void*, const void*, uint64_t) { return -EOPNOTSUPP; }

// Linux checks flags and index of these two before it looks at the socket.
int update_slots(const Map& map, const void* key, const void*, uint64_t flags) {
  if (flags > abi::BPF_EXIST) return -EINVAL;
  return index_of(key) < map.spec().max_entries ? -EOPNOTSUPP : -E2BIG;
}

constexpr EmptyAnswers kSockmap = {
    .indexed = true,
    .lookup = -ENOENT,
    .next = EmptyAnswers::kWalk,
    .update = update_sockmap,
    .memory = [](const MapSpec& spec) { return 376 + uint64_t{spec.max_entries} * 8; }};
constexpr EmptyAnswers kSockhash = {
    .erase = -ENOENT, .update = update_sockmap, .memory = [](const MapSpec& spec) {
      return 384 + std::bit_ceil(uint64_t{spec.max_entries}) * kKernelHashBucket;
    }};
constexpr EmptyAnswers kReuseport = {
    .indexed = true,
    .erase = -ENOENT,
    .erase_beyond = -E2BIG,
    .next = EmptyAnswers::kWalk,
    .update = update_slots,
    .memory = [](const MapSpec& spec) { return 296 + uint64_t{spec.max_entries} * 8; }};
constexpr EmptyAnswers kXskmap = {
    .indexed = true,
    .lookup = -EOPNOTSUPP,
    .erase = 0,
    .next = EmptyAnswers::kWalk,
    .update = update_slots,
    .memory = [](const MapSpec& spec) { return 304 + uint64_t{spec.max_entries} * 8; }};

// A lookup shows a socket's cookie, which needs eight bytes.
constexpr EmptyAnswers without_cookies(EmptyAnswers answers) {
  answers.lookup = -ENOSPC;
  return answers;
}
constexpr EmptyAnswers kSockmapOfFds = without_cookies(kSockmap), kSockhashOfFds = without_cookies(kSockhash),
                       kReuseportOfFds = without_cookies(kReuseport);

bool bad_socket_map(const MapSpec& spec) {
  constexpr uint32_t kAllowed = abi::BPF_F_NUMA_NODE | abi::BPF_F_RDONLY | abi::BPF_F_WRONLY;
  return spec.max_entries == 0 || (spec.value_size != 4 && spec.value_size != 8) || (spec.flags & ~kAllowed);
}

}  // namespace

// Linux: sock_map_alloc.
Result<Ref<Map>> create_sockmap(const MapSpec& spec, const MapTypeRow& row) {
  if (bad_socket_map(spec) || spec.key_size != 4) return fail(EINVAL);
  return make_ref<EmptyMap>(spec, row, spec.value_size == 8 ? kSockmap : kSockmapOfFds);
}

// Linux: sock_hash_alloc.
Result<Ref<Map>> create_sockhash(const MapSpec& spec, const MapTypeRow& row) {
  if (bad_socket_map(spec) || spec.key_size == 0) return fail(EINVAL);
  if (spec.key_size > kMaxHashKey) return fail(E2BIG);
  const uint64_t buckets = std::bit_ceil(uint64_t{spec.max_entries});
  if (buckets > UINT32_MAX / kKernelHashBucket) return fail(EINVAL);
  return make_ref<EmptyMap>(spec, row, spec.value_size == 8 ? kSockhash : kSockhashOfFds);
}

// Linux: reuseport_array_alloc_check.
Status check_reuseport_sockarray(const MapSpec& spec) {
  if (spec.value_size != 4 && spec.value_size != 8) return fail(EINVAL);
  return check_array(spec);
}

Result<Ref<Map>> create_reuseport_sockarray(const MapSpec& spec, const MapTypeRow& row) {
  return make_ref<EmptyMap>(spec, row, spec.value_size == 8 ? kReuseport : kReuseportOfFds);
}

// Linux: xsk_map_alloc.
Result<Ref<Map>> create_xskmap(const MapSpec& spec, const MapTypeRow& row) {
  if (bad_socket_map(spec) || spec.key_size != 4 || spec.value_size != 4) return fail(EINVAL);
  return make_ref<EmptyMap>(spec, row, kXskmap);
}

}  // namespace skep::maps
