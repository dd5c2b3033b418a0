// What programs of this suite share: a log of what they saw, in the order of their runs.
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define RECORD_WORDS 15
#define RECORDS 32

struct record {
	__u32 tag; // who ran
	__u32 word[RECORD_WORDS];
};

struct log {
	__u32 count;
	struct record record[RECORDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct log);
} records SEC(".maps");

static inline struct record *new_record(__u32 tag)
{
	__u32 zero = 0, at;
	struct log *all = bpf_map_lookup_elem(&records, &zero);

	if (!all)
		return 0;
	at = all->count;
	if (at >= RECORDS)
		return 0;
	all->count = at + 1;
	all->record[at].tag = tag;
	return &all->record[at];
}
