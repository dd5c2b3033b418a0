// Cgroup programs on this process's own sockets, by bpf(2) and sockets alone: each hook refuses something, rewrites
// something, and is gone after its detach. Prints what each call answers.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "raw.h"

#define MOV(dst, value) {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = dst, .imm = value}
#define MOVR(dst, src) {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = dst, .src_reg = src}
#define ADD(dst, value) {.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = dst, .imm = value}
#define LDW(dst, src, offset) {.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = dst, .src_reg = src, .off = offset}
#define LDD(dst, src, offset) {.code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = dst, .src_reg = src, .off = offset}
#define STW(dst, offset, value) {.code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = dst, .off = offset, .imm = value}
#define STXW(dst, src, offset) {.code = BPF_STX | BPF_MEM | BPF_W, .dst_reg = dst, .src_reg = src, .off = offset}
#define STB(dst, offset, value) {.code = BPF_ST | BPF_MEM | BPF_B, .dst_reg = dst, .off = offset, .imm = value}
#define JNE(dst, value, offset_) {.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = dst, .off = offset_, .imm = value}
#define JGTR(dst, src, offset_) {.code = BPF_JMP | BPF_JGT | BPF_X, .dst_reg = dst, .src_reg = src, .off = offset_}
#define EXIT() {.code = BPF_JMP | BPF_EXIT}
#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { kPort = 24 };  // offset of user_port in bpf_sock_addr
enum { kRefused = 41999, kAllowed = 41998, kRewritten = 41997 };

static int cgroup_fd;
static char cgroup[128];

static void report(const char *what, long result) {
  printf("%-34s %s\n", what, result < 0 ? strerrorname_np(errno) : "ok");
}

static int attach(uint32_t type, uint32_t attach_type, const struct bpf_insn *insns, uint32_t count) {
  int program = raw_load(type, attach_type, insns, count);
  if (program < 0) return report("load", -1), -1;
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.target_fd = cgroup_fd;
  attr.attach_bpf_fd = program;
  attr.attach_type = attach_type;
  report("attach", raw_bpf(BPF_PROG_ATTACH, &attr));
  return program;
}

static void detach(int program, uint32_t attach_type) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.target_fd = cgroup_fd;
  attr.attach_bpf_fd = program;
  attr.attach_type = attach_type;
  raw_bpf(BPF_PROG_DETACH, &attr);
  close(program);
}

static struct sockaddr_in local(int port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int try_bind(int fd, int port) {
  struct sockaddr_in address = local(port);
  return bind(fd, (struct sockaddr *)&address, sizeof address);
}

static int try_connect(int fd, int port) {
  struct sockaddr_in address = local(port);
  return connect(fd, (struct sockaddr *)&address, sizeof address);
}

static int bound_port(int fd) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  return getsockname(fd, (struct sockaddr *)&address, &length) ? -1 : ntohs(address.sin_port);
}

static int stream(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  return fd;
}

static void test_bind(void) {
  const struct bpf_insn refuse[] = {LDW(2, 1, kPort), MOV(0, 1), JNE(2, htons(kRefused), 1), MOV(0, 0), EXIT()};
  puts("bind4");
  int program = attach(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_BIND, refuse, COUNT(refuse));
  int fd = stream();
  report("refused port", try_bind(fd, kRefused));
  report("other port", try_bind(fd, kAllowed));
  report("bound already", try_bind(fd, kAllowed));
  report("bound already, refused port", try_bind(fd, kRefused));
  struct sockaddr_in address = local(kRefused);
  report("short address", bind(fd, (struct sockaddr *)&address, 8));
  report("negative length", bind(fd, (struct sockaddr *)&address, -1));
  report("no memory", bind(fd, (struct sockaddr *)8, sizeof address));
  report("no socket", bind(0, (struct sockaddr *)&address, sizeof address));
  report("no fd", bind(999, (struct sockaddr *)&address, sizeof address));
  close(fd);
  detach(program, BPF_CGROUP_INET4_BIND);
  report("after the detach", try_bind(fd = stream(), kRefused));
  close(fd);
  const struct bpf_insn rewrite[] = {MOV(2, htons(kRewritten)), STXW(1, 2, kPort), MOV(0, 1), EXIT()};
  program = attach(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_BIND, rewrite, COUNT(rewrite));
  report("rewritten", try_bind(fd = stream(), kAllowed));
  printf("port %d\n", bound_port(fd));
  close(fd);
  detach(program, BPF_CGROUP_INET4_BIND);
}

static void test_post_bind(void) {
  const struct bpf_insn refuse[] = {MOV(0, 0), EXIT()};
  puts("post_bind4");
  int holder = stream();
  try_bind(holder, kRewritten);
  listen(holder, 1);
  int program = attach(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET4_POST_BIND, refuse, COUNT(refuse));
  int fd = stream();
  report("refused", try_bind(fd, kAllowed));
  report("port 0", try_bind(fd, 0));
  report("port in use", try_bind(fd, kRewritten));
  detach(program, BPF_CGROUP_INET4_POST_BIND);
  report("same socket after the detach", try_bind(fd, kAllowed));
  printf("port %d\n", bound_port(fd));
  close(fd);
  close(holder);
  // src_port of bpf_sock, host order.
  const struct bpf_insn by_port[] = {LDW(2, 1, 44), MOV(0, 1), JNE(2, kRefused, 1), MOV(0, 0), EXIT()};
  program = attach(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET4_POST_BIND, by_port, COUNT(by_port));
  report("by port", try_bind(fd = stream(), kRefused));
  report("by other port", try_bind(fd, kAllowed));
  report("bound already", try_bind(fd, kAllowed));
  report("bound already, refused port", try_bind(fd, kRefused));
  close(fd);
  report("any port", try_bind(fd = stream(), 0));
  printf("has a port: %d\n", bound_port(fd) > 0);
  close(fd);
  detach(program, BPF_CGROUP_INET4_POST_BIND);
}

static void test_connect(void) {
  puts("connect4");
  int listener = stream(), fd;
  try_bind(listener, kRewritten);
  listen(listener, 8);
  const struct bpf_insn rewrite[] = {LDW(2, 1, kPort), MOV(0, 1), JNE(2, htons(kRefused), 2), MOV(0, 0), EXIT(),
                                     MOV(2, htons(kRewritten)), STXW(1, 2, kPort), EXIT()};
  int program = attach(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, rewrite, COUNT(rewrite));
  report("refused", try_connect(fd = stream(), kRefused));
  report("rewritten", try_connect(fd, kAllowed));
  struct sockaddr_in peer;
  socklen_t length = sizeof peer;
  report("peer", getpeername(fd, (struct sockaddr *)&peer, &length));
  printf("port %d\n", ntohs(peer.sin_port));
  report("connected already", try_connect(fd, kAllowed));
  close(fd);
  fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int result = try_connect(fd, kAllowed);
  report("without waiting", result < 0 && errno == EINPROGRESS ? 0 : result);
  close(fd);
  detach(program, BPF_CGROUP_INET4_CONNECT);
  report("nobody listens", try_connect(fd = stream(), kAllowed));
  close(fd);
  close(listener);
}

static void test_create(void) {
  puts("sock_create");
  // type of bpf_sock: datagrams are refused.
  const struct bpf_insn refuse[] = {LDW(2, 1, 8), MOV(0, 1), JNE(2, SOCK_DGRAM, 1), MOV(0, 0), EXIT()};
  int program = attach(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, refuse, COUNT(refuse)), fd;
  report("datagram", socket(AF_INET, SOCK_DGRAM, 0));
  report("stream", fd = socket(AF_INET, SOCK_STREAM, 0));
  close(fd);
  report("unix datagram", fd = socket(AF_UNIX, SOCK_DGRAM, 0));
  close(fd);
  report("no such protocol", socket(AF_INET, SOCK_DGRAM, 222));
  detach(program, BPF_CGROUP_INET_SOCK_CREATE);
  const struct bpf_insn change[] = {STW(1, 20, 3), MOV(0, 1), EXIT()};  // priority
  program = attach(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, change, COUNT(change));
  report("changed", fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int priority = 0;
  socklen_t length = sizeof priority;
  getsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, &length);
  printf("priority %d, flags %d\n", priority, fcntl(fd, F_GETFD));
  close(fd);
  detach(program, BPF_CGROUP_INET_SOCK_CREATE);
}

static void test_options(void) {
  puts("sockopt");
  int fd = stream(), value = 8;
  socklen_t length = sizeof value;
  const struct bpf_insn refuse[] = {LDW(2, 1, 28), MOV(0, 1), JNE(2, IP_TOS, 3), LDW(3, 1, 24), JNE(3, SOL_IP, 1),
                                    MOV(0, 0), EXIT()};
  int program = attach(BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_SETSOCKOPT, refuse, COUNT(refuse));
  report("set refused", setsockopt(fd, SOL_IP, IP_TOS, &value, sizeof value));
  report("set allowed", setsockopt(fd, SOL_IP, IP_TTL, &value, sizeof value));
  report("set nonsense", setsockopt(fd, SOL_IP, 250, &value, sizeof value));
  report("set with no memory", setsockopt(fd, SOL_IP, IP_TTL, (void *)8, sizeof value));
  report("set negative", setsockopt(fd, SOL_IP, IP_TTL, &value, -1));
  detach(program, BPF_CGROUP_SETSOCKOPT);
  report("set after the detach", setsockopt(fd, SOL_IP, IP_TOS, &value, sizeof value));
  const struct bpf_insn answer[] = {LDW(2, 1, 28), JNE(2, IP_TOS, 7), LDD(7, 1, 8), LDD(8, 1, 16), MOVR(2, 7),
                                    ADD(2, 1), JGTR(2, 8, 2), STB(7, 0, 0x2a), STW(1, 36, 0), MOV(0, 1), EXIT()};
  program = attach(BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_GETSOCKOPT, answer, COUNT(answer));
  report("get changed", getsockopt(fd, SOL_IP, IP_TOS, &value, &length));
  printf("value %d, length %u\n", value, length);
  report("get plain", getsockopt(fd, SOL_IP, IP_TTL, &value, &length));
  printf("value %d, length %u\n", value, length);
  report("get nonsense", getsockopt(fd, SOL_IP, 250, &value, &length));
  detach(program, BPF_CGROUP_GETSOCKOPT);
  report("get after the detach", getsockopt(fd, SOL_IP, IP_TOS, &value, &length));
  printf("value %d, length %u\n", value, length);
  close(fd);
}

static void test_send(void) {
  puts("sendmsg4");
  int receiver = socket(AF_INET, SOCK_DGRAM, 0), fd = socket(AF_INET, SOCK_DGRAM, 0);
  try_bind(receiver, kRewritten);
  const struct bpf_insn rewrite[] = {LDW(2, 1, kPort), MOV(0, 1), JNE(2, htons(kRefused), 2), MOV(0, 0), EXIT(),
                                     MOV(2, htons(kRewritten)), STXW(1, 2, kPort), EXIT()};
  int program = attach(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_SENDMSG, rewrite, COUNT(rewrite));
  struct sockaddr_in address = local(kRefused);
  report("refused", sendto(fd, "abc", 3, 0, (struct sockaddr *)&address, sizeof address));
  address = local(kAllowed);
  printf("sent %zd\n", sendto(fd, "abcd", 4, 0, (struct sockaddr *)&address, sizeof address));
  struct iovec pieces[] = {{"ef", 2}, {"ghi", 3}};
  struct msghdr message = {&address, sizeof address, pieces, 2, NULL, 0, 0};
  printf("sent %zd\n", sendmsg(fd, &message, 0));
  char buffer[16];
  for (int i = 0; i < 2; i++) {
    ssize_t count = recv(receiver, buffer, sizeof buffer, MSG_DONTWAIT);
    printf("received %zd %.*s\n", count, count < 0 ? 0 : (int)count, buffer);
  }
  detach(program, BPF_CGROUP_UDP4_SENDMSG);
  close(fd);
  close(receiver);
}

static void report_refusal(const char *what, long result) {
  const int refused = result < 0 && (errno == EPERM || errno == EOPNOTSUPP);
  printf("%-34s %s\n", what, refused ? "refused" : result < 0 ? strerrorname_np(errno) : "went past");
}

// Other ways to the same destination. Where Linux judges a fast open, skep may answer that there is none.
static void test_ways_around(void) {
  puts("ways around");
  const struct bpf_insn refuse[] = {MOV(0, 0), EXIT()};
  int listener = stream(), receiver = socket(AF_INET, SOCK_DGRAM, 0), fd;
  struct sockaddr_in address = local(kRewritten);
  try_bind(listener, kRewritten);
  listen(listener, 8);
  try_bind(receiver, kRewritten);
  int program = attach(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, refuse, COUNT(refuse));
  const int protocols[] = {0, IPPROTO_MPTCP};
  for (int i = 0; i < 2; i++) {
    fd = socket(AF_INET, SOCK_STREAM, protocols[i]);
    report_refusal("connect", try_connect(fd, kRewritten));
    report_refusal("fast open", sendto(fd, "a", 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof address));
    struct iovec piece = {"a", 1};
    struct msghdr message = {&address, sizeof address, &piece, 1, NULL, 0, 0};
    report_refusal("fast open by sendmsg", sendmsg(fd, &message, MSG_FASTOPEN));
    close(fd);
  }
  detach(program, BPF_CGROUP_INET4_CONNECT);

  program = attach(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_SENDMSG, refuse, COUNT(refuse));
  fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
  report("UDP-Lite", sendto(fd, "a", 1, 0, (struct sockaddr *)&address, sizeof address));
  close(fd);
  struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(kRewritten)};
  inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
  fd = socket(AF_INET6, SOCK_DGRAM, 0);
  report("mapped address", sendto(fd, "a", 1, 0, (struct sockaddr *)&mapped, sizeof mapped));
  report("IPv4 address of an IPv6 socket", sendto(fd, "a", 1, 0, (struct sockaddr *)&address, sizeof address));
  detach(program, BPF_CGROUP_UDP4_SENDMSG);
  report("mapped address after the detach", sendto(fd, "a", 1, 0, (struct sockaddr *)&mapped, sizeof mapped));
  close(fd);
  close(receiver);
  close(listener);
}

static int join(const char *path) {
  char name[160], pid[16];
  snprintf(name, sizeof name, "%s/cgroup.procs", path);
  int fd = open(name, O_WRONLY), length = snprintf(pid, sizeof pid, "%d", getpid());
  ssize_t written = write(fd, pid, length);
  close(fd);
  return written == length ? 0 : -1;
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char *root = access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) == 0 ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
  snprintf(cgroup, sizeof cgroup, "%s/sockets-%d", root, getpid());
  report("mkdir", mkdir(cgroup, 0755));
  report("join", join(cgroup));
  cgroup_fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  test_bind();
  test_post_bind();
  test_connect();
  test_create();
  test_options();
  test_send();
  test_ways_around();
  report("rmdir with a member", rmdir(cgroup));
  report("leave", join(root));
  report("rmdir", rmdir(cgroup));
  return 0;
}
