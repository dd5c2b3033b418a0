// bpf(2) by syscall(2) alone, as a program without libbpf makes it.
#pragma once

#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline long raw_bpf(int command, union bpf_attr *attr) {
  return syscall(SYS_bpf, command, attr, sizeof *attr);
}

static inline int raw_map(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t entries) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.map_type = type;
  attr.key_size = key_size;
  attr.value_size = value_size;
  attr.max_entries = entries;
  return raw_bpf(BPF_MAP_CREATE, &attr);
}

static inline long raw_update(int map, const void *key, const void *value) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.map_fd = map;
  attr.key = (uintptr_t)key;
  attr.value = (uintptr_t)value;
  return raw_bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

static inline long raw_lookup(int map, const void *key, void *value) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.map_fd = map;
  attr.key = (uintptr_t)key;
  attr.value = (uintptr_t)value;
  return raw_bpf(BPF_MAP_LOOKUP_ELEM, &attr);
}

static inline int raw_load(uint32_t type, uint32_t attach_type, const struct bpf_insn *insns, uint32_t count) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.prog_type = type;
  attr.expected_attach_type = attach_type;
  attr.insns = (uintptr_t)insns;
  attr.insn_cnt = count;
  attr.license = (uintptr_t) "GPL";
  return raw_bpf(BPF_PROG_LOAD, &attr);
}
