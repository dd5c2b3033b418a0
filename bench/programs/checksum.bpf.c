// The internet checksum (RFC 1071) of 1500 bytes.
#include "program.h"

PROGRAM(checksum) {
  const u8* data = DATA(input);
  if (data + 1500 > DATA_END(input)) return 0;
  u64 sum = 0;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < 750; ++i) sum += *(const u16*)(data + 2 * i);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (u16)~sum;
}
