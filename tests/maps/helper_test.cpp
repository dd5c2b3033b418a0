// Which helper may take which map, against the live kernel's verifier: every helper that takes a map as its
// first argument with every map type that exists here.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "abi/bpf.h"
#include "abi/helper_ids.h"
#include "maps/sides.h"
#include "support/live_kernel.h"

namespace skep::maps {
namespace {

struct Call {
  uint32_t helper;
  uint32_t program;  // a type that offers the helper
};

// Calls the helper with the map where it wants it; what else it wants is there as far as it can be, so that
// the map is what the verifier's answer is about.
std::vector<isa::Insn> program_of(const Call& call, int map) {
  std::vector<isa::Insn> code;
  const bool context_first = call.helper == abi::BPF_FUNC_tail_call;
  const uint8_t map_register = context_first ? 2 : 1, other = context_first ? 3 : 2;
  code.push_back({.code = 0xbf, .dst = 6, .src = 1});
  for (int16_t at = -512; at < 0; at += 8) code.push_back({.code = 0x7a, .dst = 10, .off = at});
  code.push_back({.code = 0xbf, .dst = 1, .src = 6});
  code.push_back({.code = 0x18, .dst = map_register, .src = 1, .imm = map});
  code.push_back({});
  const bool scalar_second = context_first || call.helper == abi::BPF_FUNC_ringbuf_query ||
                             call.helper == abi::BPF_FUNC_ringbuf_reserve;
  if (scalar_second) {
    code.push_back({.code = 0xb7, .dst = other, .imm = 0});
  } else {
    code.push_back({.code = 0xbf, .dst = other, .src = 10});
    code.push_back({.code = 0x07, .dst = other, .imm = -512});
  }
  if (call.helper == abi::BPF_FUNC_map_update_elem) {
    code.push_back({.code = 0xbf, .dst = 3, .src = 10});
    code.push_back({.code = 0x07, .dst = 3, .imm = -512});
  } else if (!context_first) {
    code.push_back({.code = 0xb7, .dst = 3, .imm = call.helper == abi::BPF_FUNC_ringbuf_output ? 8 : 0});
  }
  code.push_back({.code = 0xb7, .dst = 4, .imm = 0});
  code.push_back({.code = 0x85, .imm = static_cast<int32_t>(call.helper)});
  code.push_back({.code = 0xb7, .dst = 0, .imm = 0});
  code.push_back({.code = 0x95});
  return code;
}

// Whether the refusal is about the map rather than about how this test calls the helper: maps without keys or
// values, or with sockets in them, make some calls wrong for reasons of their own.
bool about_the_map(const std::string& log) {
  for (const char* reason : {"cannot pass map_type", "expected prog array map for tail call"})
    if (log.find(reason) != std::string::npos) return true;
  return false;
}

TEST(HelperCompatibility, IsWhatTheLiveVerifierSays) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const Call calls[] = {
      {abi::BPF_FUNC_map_lookup_elem, abi::BPF_PROG_TYPE_SOCKET_FILTER},
      {abi::BPF_FUNC_map_update_elem, abi::BPF_PROG_TYPE_SOCKET_FILTER},
      {abi::BPF_FUNC_map_delete_elem, abi::BPF_PROG_TYPE_SOCKET_FILTER},
      {abi::BPF_FUNC_tail_call, abi::BPF_PROG_TYPE_SOCKET_FILTER},
      {abi::BPF_FUNC_ringbuf_output, abi::BPF_PROG_TYPE_SOCKET_FILTER},
      {abi::BPF_FUNC_ringbuf_query, abi::BPF_PROG_TYPE_SOCKET_FILTER},
      {abi::BPF_FUNC_map_lookup_percpu_elem, abi::BPF_PROG_TYPE_SOCKET_FILTER},
      {abi::BPF_FUNC_map_push_elem, abi::BPF_PROG_TYPE_SOCKET_FILTER},
      {abi::BPF_FUNC_map_pop_elem, abi::BPF_PROG_TYPE_SOCKET_FILTER},
      {abi::BPF_FUNC_map_peek_elem, abi::BPF_PROG_TYPE_SOCKET_FILTER},
      {abi::BPF_FUNC_redirect_map, abi::BPF_PROG_TYPE_XDP},
  };
  int accepted = 0, refused = 0;
  const IntBtf btf;
  const LiveSide inner({.type = 2, .key_size = 4, .value_size = 4, .max_entries = 1});
  for (const MapTypeRow& row : table()) {
    if (row.type == abi::BPF_MAP_TYPE_STRUCT_OPS) continue;  // needs a type of the kernel's
    const MapSpec spec = good_spec(row.type, btf, nullptr);
    const LiveSide map(spec, spec.btf ? btf.live.get() : 0, inner.fd());
    ASSERT_EQ(map.error(), 0) << row.name;
    for (const Call& call : calls) {
      const auto loaded = live::load(program_of(call, map.fd()), {.type = call.program, .log_level = 1});
      if (!loaded && !about_the_map(loaded.log)) continue;
      EXPECT_EQ(row.helpers.has(call.helper), static_cast<bool>(loaded))
          << fmt::format("{} with helper {}: {}", row.name, call.helper, loaded.log);
      ++(loaded ? accepted : refused);
    }
  }
  EXPECT_GE(accepted, 30);
  EXPECT_GE(refused, 150);
  fmt::print("{} pairs accepted, {} refused\n", accepted, refused);
}

}  // namespace
}  // namespace skep::maps
