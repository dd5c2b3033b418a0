// Refuses every IPv4 bind(2) in the control group it is attached to: the caller gets EPERM.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("cgroup/post_bind4")
int bind4_reject(struct bpf_sock *ctx)
{
	return 0;
}
