// Programs on socket addresses that do what a row of `rules` says, and log what they saw.
#include "record.h"

#define SET_ADDRESS 1
#define SET_PORT 2
#define SET_SOURCE 4
#define CALL_SET_RETVAL 8

struct rule {
	__u32 does;
	__u32 address[4]; // network order, the first one for IPv4
	__u32 port;       // network order
	__u32 source[4];
	__s32 set_retval;
	__u32 verdict;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, struct rule);
} rules SEC(".maps");

char LICENSE[] SEC("license") = "GPL";

static inline struct record *look(struct bpf_sock_addr *ctx, __u32 index)
{
	struct record *record = new_record(index);

	if (!record)
		return 0;
	record->word[0] = ctx->user_family;
	record->word[1] = bpf_ntohs(ctx->user_port);
	record->word[2] = ctx->family;
	record->word[3] = ctx->type;
	record->word[4] = ctx->protocol;
	if (ctx->sk) {
		record->word[5] = ctx->sk->family;
		record->word[6] = ctx->sk->type;
		record->word[7] = ctx->sk->protocol;
		record->word[8] = ctx->sk->state;
	}
	return record;
}

static inline void look4(struct bpf_sock_addr *ctx, struct record *record)
{
	if (record)
		record->word[9] = bpf_ntohl(ctx->user_ip4);
}

static inline void look6(struct bpf_sock_addr *ctx, struct record *record)
{
	if (!record)
		return;
	record->word[9] = bpf_ntohl(ctx->user_ip6[0]);
	record->word[10] = bpf_ntohl(ctx->user_ip6[1]);
	record->word[11] = bpf_ntohl(ctx->user_ip6[2]);
	record->word[12] = bpf_ntohl(ctx->user_ip6[3]);
}

static inline void rewrite4(struct bpf_sock_addr *ctx, struct rule *rule)
{
	if (rule->does & SET_ADDRESS)
		ctx->user_ip4 = rule->address[0];
	if (rule->does & SET_PORT)
		ctx->user_port = rule->port;
}

static inline void rewrite6(struct bpf_sock_addr *ctx, struct rule *rule)
{
	if (rule->does & SET_ADDRESS) {
		ctx->user_ip6[0] = rule->address[0];
		ctx->user_ip6[1] = rule->address[1];
		ctx->user_ip6[2] = rule->address[2];
		ctx->user_ip6[3] = rule->address[3];
	}
	if (rule->does & SET_PORT)
		ctx->user_port = rule->port;
}

// A hook that decides: verdicts up to `mask`, an errno by bpf_set_retval.
#define DECIDE(section, name, index, v, mask)                                      \
	SEC("cgroup/" section) int name(struct bpf_sock_addr *ctx)                 \
	{                                                                          \
		__u32 at = index;                                                  \
		struct rule *rule = bpf_map_lookup_elem(&rules, &at);              \
		struct record *record;                                             \
		if (!rule)                                                         \
			return 1;                                                  \
		record = look(ctx, index);                                         \
		look##v(ctx, record);                                              \
		if (record)                                                        \
			record->word[13] = bpf_get_retval();                       \
		rewrite##v(ctx, rule);                                             \
		if (rule->does & CALL_SET_RETVAL)                                  \
			bpf_set_retval(rule->set_retval);                          \
		return rule->verdict & mask;                                       \
	}

// A hook that only changes what the caller is told.
#define REPORT(section, name, index, v)                                            \
	SEC("cgroup/" section) int name(struct bpf_sock_addr *ctx)                 \
	{                                                                          \
		__u32 at = index;                                                  \
		struct rule *rule = bpf_map_lookup_elem(&rules, &at);              \
		if (!rule)                                                         \
			return 1;                                                  \
		look##v(ctx, look(ctx, index));                                    \
		rewrite##v(ctx, rule);                                             \
		return 1;                                                          \
	}

DECIDE("bind4", bind4, 0, 4, 3)
DECIDE("bind6", bind6, 1, 6, 3)
DECIDE("connect4", connect4, 2, 4, 1)
DECIDE("connect6", connect6, 3, 6, 1)
REPORT("recvmsg4", recvmsg4, 6, 4)
REPORT("recvmsg6", recvmsg6, 7, 6)
REPORT("getsockname4", getsockname4, 8, 4)
REPORT("getsockname6", getsockname6, 9, 6)
REPORT("getpeername4", getpeername4, 10, 4)
REPORT("getpeername6", getpeername6, 11, 6)
DECIDE("bind4", bind4_parent, 12, 4, 3)
DECIDE("connect4", connect4_parent, 13, 4, 1)

SEC("cgroup/sendmsg4") int sendmsg4(struct bpf_sock_addr *ctx)
{
	__u32 at = 4;
	struct rule *rule = bpf_map_lookup_elem(&rules, &at);
	struct record *record;

	if (!rule)
		return 1;
	record = look(ctx, 4);
	look4(ctx, record);
	if (record)
		record->word[13] = bpf_ntohl(ctx->msg_src_ip4);
	rewrite4(ctx, rule);
	if (rule->does & SET_SOURCE)
		ctx->msg_src_ip4 = rule->source[0];
	if (rule->does & CALL_SET_RETVAL)
		bpf_set_retval(rule->set_retval);
	return rule->verdict & 1;
}

SEC("cgroup/sendmsg6") int sendmsg6(struct bpf_sock_addr *ctx)
{
	__u32 at = 5;
	struct rule *rule = bpf_map_lookup_elem(&rules, &at);
	struct record *record;

	if (!rule)
		return 1;
	record = look(ctx, 5);
	look6(ctx, record);
	if (record)
		record->word[13] = bpf_ntohl(ctx->msg_src_ip6[3]);
	rewrite6(ctx, rule);
	if (rule->does & SET_SOURCE) {
		ctx->msg_src_ip6[0] = rule->source[0];
		ctx->msg_src_ip6[1] = rule->source[1];
		ctx->msg_src_ip6[2] = rule->source[2];
		ctx->msg_src_ip6[3] = rule->source[3];
	}
	if (rule->does & CALL_SET_RETVAL)
		bpf_set_retval(rule->set_retval);
	return rule->verdict & 1;
}
