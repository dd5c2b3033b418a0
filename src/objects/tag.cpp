#include "objects/tag.h"

#include <sha1.h>
#include <sha2.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace skep::objects {
namespace {

bool names_a_map(const abi::bpf_insn& insn) {
  return insn.code == (abi::BPF_LD | abi::BPF_IMM | abi::BPF_DW) &&
         (insn.src_reg == abi::BPF_PSEUDO_MAP_FD || insn.src_reg == abi::BPF_PSEUDO_MAP_VALUE);
}

bool is_second_half(const abi::bpf_insn& insn) {
  return insn.code == 0 && insn.dst_reg == 0 && insn.src_reg == 0 && insn.off == 0;
}

// fds differ from load to load, and the tag must not.
void mask_map_fds(std::span<abi::bpf_insn> insns) {
  bool after_map_load = false;
  for (abi::bpf_insn& insn : insns) {
    if (!after_map_load && names_a_map(insn)) {
      after_map_load = true;
      insn.imm = 0;
      continue;
    }
    if (after_map_load && is_second_half(insn)) insn.imm = 0;
    after_map_load = false;
  }
}

}  // namespace

std::array<uint8_t, 8> program_tag(std::span<const std::byte> image, KernelProfile profile) {
  std::vector<abi::bpf_insn> insns(image.size() / sizeof(abi::bpf_insn));
  std::memcpy(insns.data(), image.data(), insns.size() * sizeof(abi::bpf_insn));
  mask_map_fds(insns);

  const auto* bytes = reinterpret_cast<const uint8_t*>(insns.data());
  const size_t size = insns.size() * sizeof(abi::bpf_insn);
  std::array<uint8_t, 32> digest = {};
  if (profile.tag_is_sha256()) {
    SHA2_CTX state;
    SHA256Init(&state);
    SHA256Update(&state, bytes, size);
    SHA256Final(digest.data(), &state);
  } else {
    SHA1_CTX state;
    SHA1Init(&state);
    SHA1Update(&state, bytes, size);
    SHA1Final(digest.data(), &state);
  }
  std::array<uint8_t, 8> tag;
  std::copy_n(digest.begin(), tag.size(), tag.begin());
  return tag;
}

}  // namespace skep::objects
