// Attacks a bind4 policy that refuses one port: a thread flips the port in the address while bind(2) is judged.
// Prints how often the forbidden port was bound (must be 0) and how often binds were refused and allowed.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

#include "raw.h"

enum { kForbidden = 41999, kAllowed = 41998, kRounds = 3000 };

static struct sockaddr_in address = {.sin_family = AF_INET};
static volatile int done;

static void *flip(void *unused) {
  volatile in_port_t *port = &address.sin_port;
  while (!done) {
    *port = htons(kForbidden);
    for (volatile int i = 0; i < 50; i++) {}
    *port = htons(kAllowed);
    for (volatile int i = 0; i < 50; i++) {}
  }
  return unused;
}

static int attach_policy(const char *cgroup) {
  const struct bpf_insn insns[] = {
      {.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 1, .off = 24},  // user_port
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1},
      {.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 2, .off = 1, .imm = htons(kForbidden)},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT},
  };
  int program = raw_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_BIND, insns, 5);
  if (program < 0) return perror("load"), -1;
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.target_fd = open(cgroup, O_RDONLY | O_DIRECTORY);
  attr.attach_bpf_fd = program;
  attr.attach_type = BPF_CGROUP_INET4_BIND;
  if (raw_bpf(BPF_PROG_ATTACH, &attr) != 0) return perror("attach"), -1;
  return 0;
}

int main(int argc, char **argv) {
  if (attach_policy(argc > 1 ? argv[1] : "/sys/fs/cgroup") != 0) return 1;
  pthread_t thread;
  pthread_create(&thread, NULL, flip, NULL);
  int bypassed = 0, refused = 0, allowed = 0;
  for (int i = 0; i < kRounds; i++) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
      refused += errno == EPERM;
    } else {
      struct sockaddr_in bound;
      socklen_t length = sizeof bound;
      getsockname(fd, (struct sockaddr *)&bound, &length);
      bypassed += bound.sin_port == htons(kForbidden);
      allowed++;
    }
    close(fd);
  }
  done = 1;
  pthread_join(thread, NULL);
  printf("bypassed %d\n", bypassed);
  fprintf(stderr, "refused %d, allowed %d\n", refused, allowed);
  return bypassed != 0 || refused == 0 || allowed == 0;
}
