// What the benchmark programs share. Each is one function of a memory block, compiled three times from the same
// source: for the kernel (XDP), for our engines, and natively.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#if defined(BENCH_KERNEL)
struct input {  // struct xdp_md
  u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};
#else
struct input {
  u64 data, data_end;
};
#endif

#define DATA(input) ((u8*)(unsigned long)(input)->data)
#define DATA_END(input) ((u8*)(unsigned long)(input)->data_end)
#define INLINE static inline __attribute__((always_inline))

#if defined(BENCH_NATIVE)
#define PROGRAM(name) u64 native_##name(struct input* input)
#else
#define PROGRAM(name) __attribute__((section("program"), used)) u32 name(struct input* input)
#endif
