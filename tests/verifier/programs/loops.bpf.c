// Loops that the compiler keeps: checksums, tables, callbacks, nested ones.
#include "common.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32[256]);
} table SEC(".maps");

SEC("xdp")
int checksum(struct xdp_md *ctx) {
  __u16 *at = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  __u32 sum = 0;
#pragma clang loop unroll(disable)
  for (int i = 0; i < 100; ++i) {
    if (at + 1 > end) break;
    sum += *at++;
  }
  sum = (sum & 0xffff) + (sum >> 16);
  return (__u16)~sum ? XDP_PASS : XDP_DROP;
}

SEC("socket")
int crc(struct __sk_buff *skb) {
  __u32 key = 0, crc = ~0u, *words = bpf_map_lookup_elem(&table, &key);
  __u8 text[32] = {};
  if (!words || bpf_skb_load_bytes(skb, 0, text, sizeof(text)) < 0) return 0;
#pragma clang loop unroll(disable)
  for (int i = 0; i < 32; ++i) crc = words[(crc ^ text[i]) & 255] ^ crc >> 8;
  return crc;
}

SEC("socket")
int sort(struct __sk_buff *skb) {
  __u8 text[12] = {};
  if (bpf_skb_load_bytes(skb, 0, text, sizeof(text)) < 0) return 0;
#pragma clang loop unroll(disable)
  for (int i = 0; i < 12; ++i)
#pragma clang loop unroll(disable)
    for (int j = 0; j < 11; ++j)
      if (text[j] > text[j + 1]) {
        __u8 other = text[j];
        text[j] = text[j + 1];
        text[j + 1] = other;
      }
  return text[0] << 8 | text[11];
}

static long visit(__u32 index, __u64 *sum) {
  *sum += index;
  return *sum > 1000;
}

SEC("socket")
int callback(struct __sk_buff *skb) {
  __u64 sum = 0;
  bpf_loop(skb->len & 255, visit, &sum, 0);
  return sum;
}

SEC("socket")
int endless(struct __sk_buff *skb) {
  __u32 value = skb->len;
#pragma clang loop unroll(disable)
  while (value != 1) value = value & 1 ? value * 3 + 1 : value / 2;
  return value;
}
