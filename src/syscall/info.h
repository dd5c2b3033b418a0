// Filling the info structs of OBJ_GET_INFO_BY_FD: one overload for each kind of object.
#pragma once

#include "abi/info.h"
#include "syscall/call.h"

namespace skep::syscall {

// The client's struct: read before (it carries pointers and capacities), written back at the end.
struct InfoBuffer {
  Call& call;
  uint64_t address;
  uint32_t length;

  // Reads as much as both sides know; how much that is. E2BIG: a non-zero byte at or past `end`, where the
  // last field ends.
  Result<uint32_t> read(std::span<std::byte> info, size_t end) const;
  Status write(std::span<const std::byte> info, uint32_t known) const;
  // A terminated string into `capacity` bytes. ENOSPC: cut.
  Status write_text(uint64_t to, uint32_t capacity, const std::string& text) const;
};

Status fill_info(const InfoBuffer& buffer, const objects::Program& program);
Status fill_info(const InfoBuffer& buffer, maps::Map& map);
Status fill_info(const InfoBuffer& buffer, const objects::Link& link);
Status fill_info(const InfoBuffer& buffer, const objects::BtfObject& btf);
Status fill_info(const InfoBuffer& buffer, const objects::PerfEvent& event);

}  // namespace skep::syscall
