// Changes what processes of a control group set and read on their sockets: SO_SNDBUF is capped at 16 KiB when it
// is set, and a getsockopt(2) of the made-up option 0xdead/1 answers 42 without the kernel knowing it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define SOL_SOCKET 1
#define SO_SNDBUF 7
#define SOL_CUSTOM 0xdead

char LICENSE[] SEC("license") = "GPL";

SEC("cgroup/setsockopt")
int cap_sndbuf(struct bpf_sockopt *ctx)
{
	__u32 *value = ctx->optval;

	if (ctx->level == SOL_SOCKET && ctx->optname == SO_SNDBUF && (void *)(value + 1) <= ctx->optval_end)
		if (*value > 16384)
			*value = 16384;
	return 1;
}

SEC("cgroup/getsockopt")
int custom_option(struct bpf_sockopt *ctx)
{
	__u32 *value = ctx->optval;

	if (ctx->level != SOL_CUSTOM)
		return 1;
	if ((void *)(value + 1) > ctx->optval_end)
		return 0;
	*value = 42;
	ctx->optlen = sizeof(*value);
	asm volatile("" ::: "memory"); /* two 4-byte stores: the verifier refuses one of 8 bytes over both fields */
	ctx->retval = 0;
	return 1;
}
