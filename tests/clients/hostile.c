// A client that means harm, by bpf(2) and files alone. Prints what came of each attempt; runs under skep only.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "raw.h"

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// A link in the virtual BPF file system must not make the supervisor open a file of its own for us.
static void borrow_a_file(const char *runtime_directory) {
  const char *targets[] = {"/proc/self/maps", "/proc/self/mem", "/etc/passwd"};
  for (int i = 0; i < 3; i++) {
    char real[256], seen[64], opened[256] = "";
    snprintf(real, sizeof real, "%s/bpf/link%d", runtime_directory, i);
    snprintf(seen, sizeof seen, "/sys/fs/bpf/link%d", i);
    if (symlink(targets[i], real) != 0) perror(real);
    int fd = open(seen, O_RDONLY);
    // With mounts the client itself follows the link, to a file of its own.
    if (fd >= 0) {
      char link[64], own[64];
      snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
      snprintf(own, sizeof own, "/proc/%d/", getpid());
      if (readlink(link, opened, sizeof opened - 1) < 0) perror(link);
      printf("link %d: %s\n", i, i == 2 || strncmp(opened, own, strlen(own)) == 0 ? "harmless" : opened);
      close(fd);
    } else {
      printf("link %d: %s\n", i, "harmless");
    }
    unlink(real);
  }
}

// A lease on the memory of a map must not hold up the supervisor.
static void hold_a_lease(void) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.map_type = BPF_MAP_TYPE_ARRAY;
  attr.key_size = 4;
  attr.value_size = 8;
  attr.max_entries = 1;
  attr.map_flags = BPF_F_MMAPABLE;
  int map = raw_bpf(BPF_MAP_CREATE, &attr);
  struct bpf_map_info info;
  memset(&info, 0, sizeof info);
  memset(&attr, 0, sizeof attr);
  attr.info.bpf_fd = map;
  attr.info.info_len = sizeof info;
  attr.info.info = (uintptr_t)&info;
  raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
  memset(&attr, 0, sizeof attr);
  attr.map_id = info.id;
  attr.open_flags = BPF_F_RDONLY;
  int reader = raw_bpf(BPF_MAP_GET_FD_BY_ID, &attr);
  close(map);
  signal(SIGIO, SIG_IGN);
  const int leased = fcntl(reader, F_SETLEASE, F_RDLCK) == 0;
  attr.open_flags = 0;
  const double start = now();
  raw_bpf(BPF_MAP_GET_FD_BY_ID, &attr);
  printf("lease %d: %s\n", leased, now() - start < 5 ? "in time" : "held up");
}

// Whoever dies in an endless test run takes it along: the supervisor ends with its last client.
static void run_for_ever(void) {
  const pid_t child = fork();
  if (child == 0) {
    const struct bpf_insn insns[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
    char data[64] = "";
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.test.prog_fd = raw_load(BPF_PROG_TYPE_SOCKET_FILTER, 0, insns, 2);
    attr.test.data_in = (uintptr_t)data;
    attr.test.data_size_in = sizeof data;
    attr.test.repeat = UINT32_MAX;
    raw_bpf(BPF_PROG_TEST_RUN, &attr);
    _exit(1);
  }
  usleep(200000);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  printf("test run: %s\n", WIFSIGNALED(status) ? "killed" : "ended");
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc < 2) return 2;
  borrow_a_file(argv[1]);
  hold_a_lease();
  run_for_ever();
  return 0;
}
