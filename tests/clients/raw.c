// No libbpf: makes a map, passes its fd to a child over a socket, shares it, and shows errno values.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "raw.h"

static void report(const char *what, long result) {
  printf("%s: %d %s\n", what, result < 0 ? -1 : 0, result < 0 ? strerror(errno) : "");
}

static void send_fd(int socket, int fd) {
  char byte = 0, control[CMSG_SPACE(sizeof fd)] = {0};
  struct iovec vector = {&byte, 1};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  if (sendmsg(socket, &message, 0) != 1) perror("sendmsg");
}

static int receive_fd(int socket) {
  char byte, control[CMSG_SPACE(sizeof(int))];
  struct iovec vector = {&byte, 1};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (recvmsg(socket, &message, 0) != 1) return -1;
  int fd;
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}

static void child(int socket) {
  int map = receive_fd(socket);
  uint32_t key = 1;
  uint64_t value = 0;
  long result = raw_lookup(map, &key, &value);
  printf("child: lookup %ld, value %llu\n", result, (unsigned long long)value);
  key = 2;
  value = 200;
  printf("child: update %ld\n", raw_update(map, &key, &value));
  int copy = dup(map);
  close(map);
  key = 3;
  printf("child: update by a copy %ld\n", raw_update(copy, &key, &value));
  fflush(stdout);
  _exit(0);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  int map = raw_map(BPF_MAP_TYPE_HASH, 4, 8, 16);
  printf("map: %s, close-on-exec %d\n", map >= 0 ? "yes" : strerror(errno), map >= 0 ? fcntl(map, F_GETFD) : -1);
  uint32_t key = 1;
  uint64_t value = 100;
  printf("update %ld\n", raw_update(map, &key, &value));
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return perror("socketpair"), 1;
  pid_t pid = fork();
  if (pid == 0) {
    close(map);
    child(pair[1]);
  }
  send_fd(pair[0], map);
  waitpid(pid, NULL, 0);
  for (key = 0; key < 5; key++) {
    value = 0;
    long result = raw_lookup(map, &key, &value);
    printf("%u: %ld %s %llu\n", key, result, result ? strerror(errno) : "", (unsigned long long)value);
  }
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  report("bad map type", raw_map(999, 4, 8, 16));
  report("bad fd", raw_lookup(999, &key, &value));
  report("no map", raw_lookup(pair[0], &key, &value));
  report("bad pointer", raw_lookup(map, (void *)8, &value));
  report("bad attribute", syscall(SYS_bpf, BPF_MAP_CREATE, (void *)8, 72));
  report("bad command", raw_bpf(9999, &attr));
  close(map);
  report("closed", raw_lookup(map, &key, &value));
  return 0;
}
