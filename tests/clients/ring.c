// Maps the values of an array, and waits for ring buffer records through epoll.
#include <bpf/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "counter.skel.h"

static int on_record(void *context, void *data, size_t size) {
  unsigned *record = data;
  printf("record of %s, %u, %zu bytes\n", record[0] == (unsigned)getpid() ? "me" : "somebody", record[1], size);
  ++*(int *)context;
  return 0;
}

int main(void) {
  int count = 0;
  libbpf_set_print(NULL);
  struct counter_bpf *skeleton = counter_bpf__open_and_load();
  if (!skeleton) return perror("open"), 1;
  skeleton->bss->watched = getpid();
  __u64 *totals = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(skeleton->maps.totals), 0);
  if (totals == MAP_FAILED) return perror("mmap"), 1;
  struct ring_buffer *ring = ring_buffer__new(bpf_map__fd(skeleton->maps.records), on_record, &count, NULL);
  if (!ring) return perror("ring_buffer__new"), 1;
  if (counter_bpf__attach(skeleton)) return perror("attach"), 1;

  struct epoll_event event;
  printf("nothing yet: %d\n", epoll_wait(ring_buffer__epoll_fd(ring), &event, 1, 0));
  totals[3] = 5;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i <= round; i++) kill(getpid(), 0);
    printf("poll: %d\n", ring_buffer__poll(ring, 2000));
    printf("then: %d\n", ring_buffer__poll(ring, 0));
  }
  printf("total %llu, records %d\n", totals[3], count);
  __u32 key = 3;
  __u64 value = 0;
  bpf_map_lookup_elem(bpf_map__fd(skeleton->maps.totals), &key, &value);
  printf("by syscall %llu\n", value);
  value = 77;
  bpf_map_update_elem(bpf_map__fd(skeleton->maps.totals), &key, &value, BPF_ANY);
  printf("by memory %llu\n", totals[3]);
  ring_buffer__free(ring);
  counter_bpf__destroy(skeleton);
  return 0;
}
