// Ring buffers: events reserved, filled and submitted, or given up.
#include "common.h"

struct event {
  __u64 time;
  __u32 length;
  __u32 hash;
  __u8 head[32];
};
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 14);
} events SEC(".maps");

SEC("tc")
int record(struct __sk_buff *skb) {
  struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) return 0;
  event->time = bpf_ktime_get_ns();
  event->length = skb->len;
  event->hash = skb->hash;
  if (bpf_skb_load_bytes(skb, 0, event->head, sizeof(event->head)) < 0) {
    bpf_ringbuf_discard(event, 0);
    return 0;
  }
  bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
  return 0;
}

SEC("tc")
int copied(struct __sk_buff *skb) {
  struct event event = {.time = bpf_ktime_get_ns(), .length = skb->len};
  if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > 8192) return 1;
  return bpf_ringbuf_output(&events, &event, sizeof(event), 0);
}

SEC("tc")
int forgotten(struct __sk_buff *skb) {
  struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) return 0;
  event->length = skb->len;
  if (skb->len > 100) return 0;
  bpf_ringbuf_submit(event, 0);
  return 0;
}

SEC("tracepoint/syscalls/sys_enter_openat")
int opened(void *ctx) {
  struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) return 0;
  event->time = bpf_get_current_pid_tgid();
  bpf_get_current_comm(event->head, 16);
  bpf_ringbuf_submit(event, 0);
  return 0;
}
