// A libbpf program with a skeleton: counts its own kill(2) calls.
#include <bpf/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "counter.skel.h"

int main(void) {
  libbpf_set_print(NULL);
  struct counter_bpf *skeleton = counter_bpf__open();
  if (!skeleton) return perror("open"), 1;
  skeleton->bss->watched = getpid();
  if (counter_bpf__load(skeleton)) return perror("load"), 1;
  if (counter_bpf__attach(skeleton)) return perror("attach"), 1;
  for (int i = 0; i < 10; i++) kill(getpid(), 0);
  counter_bpf__detach(skeleton);
  for (int i = 0; i < 3; i++) kill(getpid(), 0);
  printf("seen %llu\n", skeleton->bss->seen);
  for (__u32 key = 0; key < 5; key++) {
    __u64 value = 0;
    int error = bpf_map_lookup_elem(bpf_map__fd(skeleton->maps.by_signal), &key, &value);
    printf("%u: %d %llu\n", key, error ? -1 : 0, value);
  }
  counter_bpf__destroy(skeleton);
  return 0;
}
