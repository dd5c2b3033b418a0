// Prints a line to the trace pipe each time a process calls execve(2).
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("tracepoint/syscalls/sys_enter_execve")
int hello(void *ctx)
{
	bpf_printk("Hello from process %d", (int)(bpf_get_current_pid_tgid() >> 32));
	return 0;
}
