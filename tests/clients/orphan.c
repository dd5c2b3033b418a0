// Loses its supervisor: calls that were policed must fail from then on. Writes one line when ready, waits for the
// supervisor (its parent) to die, and prints what the calls answer.
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "raw.h"

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  int fd = socket(AF_INET, SOCK_STREAM, 0), map = raw_map(BPF_MAP_TYPE_HASH, 4, 8, 16);
  printf("ready %d\n", getppid());
  pid_t parent = getppid();
  while (getppid() == parent) usleep(1000);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  uint32_t key = 1;
  uint64_t value = 1;
  int result = bind(fd, (struct sockaddr *)&address, sizeof address);
  printf("bind %d %s\n", result, result ? strerrorname_np(errno) : "");
  result = connect(fd, (struct sockaddr *)&address, sizeof address);
  printf("connect %d %s\n", result, result ? strerrorname_np(errno) : "");
  long changed = raw_update(map, &key, &value);
  printf("bpf %ld %s\n", changed, changed ? strerrorname_np(errno) : "");
  result = socket(AF_INET, SOCK_STREAM, 0);
  printf("socket %d %s\n", result < 0 ? -1 : 0, result < 0 ? strerrorname_np(errno) : "");
  return 0;
}
