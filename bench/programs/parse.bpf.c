// The 5-tuple of a TCP or UDP packet over IPv4, folded into 31 bits.
#include "program.h"

PROGRAM(parse) {
  const u8* data = DATA(input);
  const u8* end = DATA_END(input);
  if (data + 14 + 20 > end) return 0;
  if (*(const u16*)(data + 12) != 0x0008) return 0;
  const u8* ip = data + 14;
  const u32 header_bytes = (ip[0] & 15) * 4;
  if (header_bytes < 20) return 0;
  const u8 protocol = ip[9];
  if (protocol != 6 && protocol != 17) return 0;
  const u8* transport = ip + header_bytes;
  if (transport + 4 > end) return 0;
  const u32 source = *(const u32*)(ip + 12), destination = *(const u32*)(ip + 16);
  const u16 from = *(const u16*)transport, to = *(const u16*)(transport + 2);
  return (source ^ destination * 31 ^ ((u32)from << 16 | to) ^ protocol) & 0x7fffffff;
}
