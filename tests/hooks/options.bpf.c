// setsockopt and getsockopt programs that do what a row of `rules` says, and log what they saw.
#include "record.h"

#define SET_LEVEL 1
#define SET_NAME 2
#define SET_LENGTH 4
#define SET_RETVAL 8      // through the context; getsockopt only
#define CALL_SET_RETVAL 16 // bpf_set_retval
#define SET_VALUE 32      // the first four bytes
#define ADD_VALUE 64
#define SET_BYTE 128      // the first byte
#define SET_LAST 256      // the last four bytes that are visible

// Stores to a context must have a constant offset: the barrier keeps the compiler from folding several into one.
#define STORE_IF(flag, field, with)           \
	if (rule->does & (flag)) {            \
		ctx->field = rule->with;      \
		asm volatile("" ::: "memory"); \
	}

struct rule {
	__u32 does;
	__s32 match_level, match_name; // -1: any
	__s32 level, name, length, retval, set_retval;
	__u32 value;
	__u32 verdict;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct rule);
} rules SEC(".maps");

char LICENSE[] SEC("license") = "GPL";

static inline int obey(struct bpf_sockopt *ctx, __u32 index, int get)
{
	struct rule *rule = bpf_map_lookup_elem(&rules, &index);
	void *begin = ctx->optval, *end = ctx->optval_end;
	__u32 *value = begin;
	struct record *record;

	if (!rule)
		return 1;
	if (rule->match_level != -1 && rule->match_level != ctx->level)
		return 1;
	if (rule->match_name != -1 && rule->match_name != ctx->optname)
		return 1;
	record = new_record(index);
	if (record) {
		record->word[0] = ctx->level;
		record->word[1] = ctx->optname;
		record->word[2] = ctx->optlen;
		record->word[3] = end - begin;
		if (begin + 4 <= end)
			record->word[4] = *value;
		else if (begin + 1 <= end)
			record->word[4] = *(__u8 *)begin;
		record->word[5] = get ? ctx->retval : 0;
		record->word[6] = bpf_get_retval();
		record->word[7] = ctx->sk->family;
		record->word[8] = ctx->sk->type;
		record->word[9] = ctx->sk->protocol;
		record->word[10] = ctx->sk->state;
	}
	if (begin + 4 <= end) {
		if (rule->does & SET_VALUE)
			*value = rule->value;
		if (rule->does & ADD_VALUE)
			*value += rule->value;
	}
	if ((rule->does & SET_BYTE) && begin + 1 <= end)
		*(__u8 *)begin = rule->value;
	if ((rule->does & SET_LAST) && begin + 4096 <= end)
		*(__u32 *)(begin + 4092) = rule->value;
	STORE_IF(SET_LENGTH, optlen, length);
	if (get) {
		STORE_IF(SET_RETVAL, retval, retval);
	} else {
		STORE_IF(SET_LEVEL, level, level);
		STORE_IF(SET_NAME, optname, name);
	}
	if (rule->does & CALL_SET_RETVAL) {
		int status = bpf_set_retval(rule->set_retval);

		if (record)
			record->word[11] = status;
	}
	return rule->verdict & 1;
}

#define SETTER(name, index) \
	SEC("cgroup/setsockopt") int name(struct bpf_sockopt *ctx) { return obey(ctx, index, 0); }
#define GETTER(name, index) \
	SEC("cgroup/getsockopt") int name(struct bpf_sockopt *ctx) { return obey(ctx, index, 1); }

SETTER(set0, 0)
SETTER(set1, 1)
SETTER(set2, 2)
GETTER(get0, 4)
GETTER(get1, 5)
GETTER(get2, 6)
