// Tracepoint programs that watch one process: the tgid in `watched`.
#include "record.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} watched SEC(".maps"); // tgid, system call number

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct event {
	__u32 kind;
	__s32 length;
	__u64 args[3];
	__u32 same_tgid, uid, gid, cgroup_known;
	char comm[16];
	char text[64];
};

struct enter {
	__u64 common;
	__s64 nr;
	__u64 args[6];
};

struct leave {
	__u64 common;
	__s32 nr, padding;
	__s64 ret;
};

char LICENSE[] SEC("license") = "GPL";

static inline int is_watched(void)
{
	__u32 zero = 0, *tgid = bpf_map_lookup_elem(&watched, &zero);

	return tgid && *tgid && *tgid == bpf_get_current_pid_tgid() >> 32;
}

static inline struct event *new_event(__u32 kind)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->uid = (__u32)bpf_get_current_uid_gid();
	event->gid = bpf_get_current_uid_gid() >> 32;
	event->cgroup_known = bpf_get_current_cgroup_id() != 0;
	event->same_tgid = (bpf_get_current_pid_tgid() >> 32) == (__u32)bpf_get_current_pid_tgid();
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	return event;
}

SEC("tracepoint/syscalls/sys_enter_openat")
int on_openat(struct enter *ctx)
{
	struct event *event;

	if (!is_watched() || !(event = new_event(1)))
		return 0;
	event->args[0] = ctx->args[0];
	event->args[1] = ctx->args[2];
	event->args[2] = ctx->args[3];
	event->length = bpf_probe_read_user_str(event->text, sizeof(event->text), (void *)ctx->args[1]);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_openat")
int on_openat_exit(struct leave *ctx)
{
	struct event *event;

	if (!is_watched() || !(event = new_event(2)))
		return 0;
	event->args[0] = ctx->ret < 0 ? ctx->ret : 0;
	event->args[1] = ctx->nr;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_mkdirat")
int on_mkdirat(struct enter *ctx)
{
	struct event *event;

	if (!is_watched() || !(event = new_event(3)))
		return 0;
	event->args[0] = ctx->args[2];
	event->length = bpf_probe_read_user_str(event->text, 8, (void *)ctx->args[1]);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_execve")
int on_execve(struct enter *ctx)
{
	struct event *event;
	void *first = 0;

	if (!is_watched() || !(event = new_event(4)))
		return 0;
	event->length = bpf_probe_read_user_str(event->text, sizeof(event->text), (void *)ctx->args[0]);
	event->args[0] = bpf_probe_read_user(&first, sizeof(first), (void *)ctx->args[1]);
	event->args[1] = bpf_probe_read_user_str(event->text + 32, 16, first);
	event->args[2] = bpf_probe_read_user_str(event->comm, 16, (void *)8) < 0;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int count_calls(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 one_key = 1, key = ctx->args[1], *nr = bpf_map_lookup_elem(&watched, &one_key);
	__u64 one = 1, *count;

	if (!is_watched() || !nr || *nr != key)
		return 0;
	count = bpf_map_lookup_elem(&counts, &key);
	if (count)
		*count += 1;
	else
		bpf_map_update_elem(&counts, &key, &one, BPF_NOEXIST);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_chdir")
int say_chdir(struct enter *ctx)
{
	char path[32];

	if (!is_watched())
		return 0;
	bpf_probe_read_user_str(path, sizeof(path), (void *)ctx->args[0]);
	bpf_printk("hooks %d of %s: %x %s", 3, "chdir", 0xbeef, path);
	return 0;
}
