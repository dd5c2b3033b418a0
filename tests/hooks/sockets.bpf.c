// Programs on the life of sockets that do what a row of `rules` says, and log what they saw.
#include "record.h"

#define SET_MARK 1
#define SET_PRIORITY 2
#define SET_DEVICE 4
#define CALL_SET_RETVAL 8

struct rule {
	__u32 does;
	__u32 mark, priority, device;
	__s32 set_retval;
	__u32 verdict;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct rule);
} rules SEC(".maps");

char LICENSE[] SEC("license") = "GPL";

static inline struct record *look(struct bpf_sock *ctx, __u32 index)
{
	struct record *record = new_record(index);

	if (!record)
		return 0;
	record->word[0] = ctx->family;
	record->word[1] = ctx->type;
	record->word[2] = ctx->protocol;
	record->word[3] = ctx->state;
	record->word[4] = bpf_ntohs(ctx->dst_port);
	record->word[5] = bpf_ntohl(ctx->dst_ip4);
	record->word[6] = bpf_get_retval();
	return record;
}

static inline int obey(struct bpf_sock *ctx, __u32 index)
{
	struct rule *rule = bpf_map_lookup_elem(&rules, &index);

	if (!rule)
		return 1;
	if (rule->does & CALL_SET_RETVAL)
		bpf_set_retval(rule->set_retval);
	return rule->verdict & 1;
}

static inline int obey_life(struct bpf_sock *ctx, __u32 index)
{
	struct rule *rule = bpf_map_lookup_elem(&rules, &index);
	struct record *record = look(ctx, index);

	if (record) {
		record->word[7] = ctx->mark;
		record->word[8] = ctx->priority;
		record->word[9] = ctx->bound_dev_if;
		record->word[10] = (__u32)bpf_get_current_uid_gid();
	}
	if (!rule)
		return 1;
	if (rule->does & SET_MARK)
		ctx->mark = rule->mark;
	if (rule->does & SET_PRIORITY)
		ctx->priority = rule->priority;
	if (rule->does & SET_DEVICE)
		ctx->bound_dev_if = rule->device;
	return obey(ctx, index);
}

static inline int obey_bound4(struct bpf_sock *ctx, __u32 index)
{
	struct record *record = look(ctx, index);

	if (record) {
		record->word[7] = ctx->src_port;
		record->word[8] = bpf_ntohl(ctx->src_ip4);
	}
	return obey(ctx, index);
}

static inline int obey_bound6(struct bpf_sock *ctx, __u32 index)
{
	struct record *record = look(ctx, index);

	if (record) {
		record->word[7] = ctx->src_port;
		record->word[8] = bpf_ntohl(ctx->src_ip6[0]);
		record->word[9] = bpf_ntohl(ctx->src_ip6[3]);
	}
	return obey(ctx, index);
}

#define PROGRAM(section, name, index, how) \
	SEC("cgroup/" section) int name(struct bpf_sock *ctx) { return how(ctx, index); }

PROGRAM("sock_create", create0, 0, obey_life)
PROGRAM("sock_create", create1, 1, obey_life)
PROGRAM("sock_create", create2, 2, obey_life)
PROGRAM("sock_create", create3, 3, obey_life)
PROGRAM("sock_release", release0, 4, obey_life)
PROGRAM("post_bind4", bound4, 5, obey_bound4)
PROGRAM("post_bind6", bound6, 6, obey_bound6)
PROGRAM("post_bind4", bound4_parent, 7, obey_bound4)
