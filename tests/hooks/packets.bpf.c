// Programs without a hook: run by `bpftool prog run`, reached by tail calls, counted in maps.
#include "record.h"
#include <linux/if_ether.h>

struct inner {
	__u16 small;
	__u8 bytes[3];
	__s64 wide;
};

struct outer {
	__u32 number;
	struct inner inner[2];
	enum { RED, GREEN, BLUE } color;
	char name[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct outer);
} structs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} per_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} jumps SEC(".maps");

const volatile __u32 bias = 5;
__u32 runs = 0;

char LICENSE[] SEC("license") = "GPL";

SEC("xdp")
int xdp_swap(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	__u8 mac[6];

	runs++;
	if (data + sizeof(*eth) > end)
		return XDP_ABORTED;
	__builtin_memcpy(mac, eth->h_dest, 6);
	__builtin_memcpy(eth->h_dest, eth->h_source, 6);
	__builtin_memcpy(eth->h_source, mac, 6);
	return XDP_TX;
}

SEC("xdp")
int xdp_grow(struct xdp_md *ctx)
{
	void *data, *end;

	if (bpf_xdp_adjust_head(ctx, -8))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + 8 > end)
		return XDP_DROP;
	__builtin_memset(data, 0xab, 8);
	return XDP_PASS;
}

SEC("tc")
int tc_fill(struct __sk_buff *skb)
{
	skb->mark = skb->len + bias;
	skb->cb[0] = 7;
	skb->priority += 1;
	bpf_skb_store_bytes(skb, 0, "\1\2\3\4\5\6", 6, 0);
	return skb->protocol == bpf_htons(ETH_P_IP) ? 0 : 2;
}

SEC("tc")
int jump_first(struct __sk_buff *skb)
{
	new_record(1);
	bpf_tail_call(skb, &jumps, 1);
	new_record(100);
	return 100;
}

SEC("tc")
int jump_second(struct __sk_buff *skb)
{
	new_record(2);
	bpf_tail_call(skb, &jumps, 2);
	return 200;
}

SEC("tc")
int jump_third(struct __sk_buff *skb)
{
	new_record(3);
	bpf_tail_call(skb, &jumps, 2);
	return 300;
}

SEC("tc")
int count(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u64 *value = bpf_map_lookup_elem(&per_cpu, &zero);
	struct outer *outer = bpf_map_lookup_elem(&structs, &zero);

	if (value)
		*value += 1;
	if (outer)
		outer->inner[1].wide -= 3;
	return value != 0;
}
