// bpf(2) of the machine that runs the tests: the oracle. Raw system calls, our own attribute structs, no
// libbpf.
//
// A test that needs it starts with SKEP_REQUIRE_LIVE_KERNEL(); (skips where bpf(2) is not permitted).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "abi/bpf.h"
#include "abi/bpf_attr.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "isa/insn.h"

#define SKEP_REQUIRE_LIVE_KERNEL() \
  if (!::skep::live::available()) GTEST_SKIP() << ::skep::live::unavailable_reason()

namespace skep::live {

// Whether a trivial program loads here.
bool available();
// One line; empty when available().
const std::string& unavailable_reason();

// The system call as it is: a non-negative result, or -errno.
long bpf(uint32_t command, void* attr, uint32_t size);

// --- programs ---------------------------------------------------------------------------------------------
struct LoadOptions {
  uint32_t type = abi::BPF_PROG_TYPE_SOCKET_FILTER;
  uint32_t expected_attach_type = 0;
  uint32_t flags = 0;
  std::string license = "GPL";
  std::string name;
  uint32_t log_level = 0;  // 0: no log buffer is given
  uint32_t log_size = 4 << 20;
  int btf_fd = 0;
  std::span<const std::byte> func_info;  // records of func_info_rec_size
  uint32_t func_info_rec_size = 8;
  std::span<const std::byte> line_info;
  uint32_t line_info_rec_size = 16;
  std::span<const int> fd_array;
  uint32_t attach_btf_id = 0;
};
struct Loaded {
  UniqueFd fd;    // empty when refused
  int error = 0;  // positive errno, 0 when accepted
  std::string log;
  uint32_t log_true_size = 0;
  explicit operator bool() const { return static_cast<bool>(fd); }
};
Loaded load(std::span<const isa::Insn> insns, const LoadOptions& options = {});

struct RunOptions {
  std::span<const std::byte> data;
  uint32_t data_out_size = 0;      // 0: no output wanted
  std::span<const std::byte> ctx;  // a syscall program's context is written back into it, as bpf(2) does
  uint32_t ctx_out_size = 0;
  uint32_t repeat = 0;
  uint32_t flags = 0;
};
struct RunResult {
  uint32_t retval = 0;
  uint32_t duration_ns = 0;  // mean of the repetitions
  std::vector<std::byte> data_out;
  std::vector<std::byte> ctx_out;
};
Result<RunResult> test_run(int program_fd, const RunOptions& options = {});

// --- maps -------------------------------------------------------------------------------------------------
Result<UniqueFd> create_map(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t max_entries,
                            uint32_t flags = 0, const std::string& name = {});
Status update(int map_fd, const void* key, const void* value, uint64_t flags = 0);
Status lookup(int map_fd, const void* key, void* value, uint64_t flags = 0);
Status erase(int map_fd, const void* key);
Status next_key(int map_fd, const void* key, void* next);  // null key: the first
Status freeze(int map_fd);

// --- BTF and info -----------------------------------------------------------------------------------------
struct LoadedBtf {
  UniqueFd fd;
  int error = 0;
  std::string log;
};
LoadedBtf load_btf(std::span<const std::byte> btf, uint32_t log_level = 0);

// BPF_OBJ_GET_INFO_BY_FD into `info`, which may carry pointers of the caller; the length the kernel filled.
Result<uint32_t> get_info(int fd, void* info, uint32_t size);
template <class Info>
Result<Info> info(int fd) {
  Info result = {};
  if (auto got = get_info(fd, &result, sizeof(result)); !got) return std::unexpected(got.error());
  return result;
}
// The program as the kernel rewrote it.
Result<std::vector<isa::Insn>> xlated(int program_fd);

}  // namespace skep::live
