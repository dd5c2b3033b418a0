// Random bpf(2) operations until the end: `storm SEED COUNT`. Made to be killed in the middle.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "raw.h"

enum { kSlots = 16 };
static int fds[kSlots];

static void pin(int fd, int slot) {
  char path[64];
  snprintf(path, sizeof path, "/sys/fs/bpf/storm-%d-%d", getpid(), slot);
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.pathname = (uintptr_t)path;
  attr.bpf_fd = fd;
  if (raw_bpf(BPF_OBJ_PIN, &attr) == 0) unlink(path);
}

static int load(void) {
  const struct bpf_insn insns[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT},
  };
  return raw_load(BPF_PROG_TYPE_SOCKET_FILTER, 0, insns, 2);
}

static void step(void) {
  int slot = random() % kSlots;
  uint32_t key = random() % 8;
  uint64_t value = random();
  switch (random() % 8) {
    case 0: close(fds[slot]); fds[slot] = raw_map(BPF_MAP_TYPE_HASH, 4, 8, 64); break;
    case 1: close(fds[slot]); fds[slot] = raw_map(BPF_MAP_TYPE_ARRAY, 4, 8, 8); break;
    case 2: close(fds[slot]); fds[slot] = load(); break;
    case 3: close(fds[slot]); fds[slot] = dup(fds[random() % kSlots]); break;
    case 4: close(fds[slot]); fds[slot] = -1; break;
    case 5: raw_update(fds[slot], &key, &value); break;
    case 6: raw_lookup(fds[slot], &key, &value); break;
    case 7: pin(fds[slot], slot); break;
  }
}

int main(int argc, char **argv) {
  srandom(argc > 1 ? atoi(argv[1]) : 1);
  memset(fds, 0xff, sizeof fds);
  for (long i = 0, count = argc > 2 ? atol(argv[2]) : 1000; i < count; i++) step();
  return 0;
}
