// Bob Jenkins' lookup3 (public domain) of 64 bytes.
#include "program.h"

INLINE u32 rotate(u32 x, int k) { return x << k | x >> (32 - k); }

PROGRAM(jhash) {
  const u8* data = DATA(input);
  if (data + 64 > DATA_END(input)) return 0;
  const u32* k = (const u32*)data;
  u32 a, b, c;
  a = b = c = 0xdeadbeef + 64;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < 5; ++i) {
    a += k[3 * i];
    b += k[3 * i + 1];
    c += k[3 * i + 2];
    a -= c, a ^= rotate(c, 4), c += b;
    b -= a, b ^= rotate(a, 6), a += c;
    c -= b, c ^= rotate(b, 8), b += a;
    a -= c, a ^= rotate(c, 16), c += b;
    b -= a, b ^= rotate(a, 19), a += c;
    c -= b, c ^= rotate(b, 4), b += a;
  }
  a += k[15];
  c ^= b, c -= rotate(b, 14);
  a ^= c, a -= rotate(c, 11);
  b ^= a, b -= rotate(a, 25);
  c ^= b, c -= rotate(b, 16);
  a ^= c, a -= rotate(c, 4);
  b ^= a, b -= rotate(a, 14);
  c ^= b, c -= rotate(b, 24);
  return c & 0x7fffffff;
}
