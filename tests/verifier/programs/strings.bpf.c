// String loops over packets, stack and constants.
#include "common.h"

static const char method[] = "GET /";

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 64);
  __type(key, char[16]);
  __type(value, __u32);
} words SEC(".maps");

SEC("tc")
int http_get(struct __sk_buff *skb) {
  char text[sizeof(method)] = {};
  if (bpf_skb_load_bytes(skb, 54, text, sizeof(method) - 1) < 0) return 0;
  for (size_t i = 0; i < sizeof(method) - 1; ++i)
    if (text[i] != method[i]) return 0;
  return 1;
}

SEC("tc")
int first_word(struct __sk_buff *skb) {
  char *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  char word[16] = {};
  for (int i = 0; i < 15; ++i) {
    if (data + 54 + i + 1 > end) break;
    char c = data[54 + i];
    if (c == ' ' || c == 0) break;
    word[i] = c >= 'A' && c <= 'Z' ? c + 32 : c;
  }
  __u32 one = 1, *seen = bpf_map_lookup_elem(&words, word);
  if (seen) __sync_fetch_and_add(seen, 1);
  else bpf_map_update_elem(&words, word, &one, 0);
  return 0;
}

SEC("tc")
int decimal(struct __sk_buff *skb) {
  char *at = (void *)(long)skb->data + 54, *end = (void *)(long)skb->data_end;
  __u32 value = 0;
  for (int i = 0; i < 10; ++i, ++at) {
    if (at + 1 > end || *at < '0' || *at > '9') break;
    value = value * 10 + (*at - '0');
  }
  skb->mark = value;
  return 0;
}
