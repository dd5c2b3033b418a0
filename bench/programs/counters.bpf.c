// Four counters of an array map, each looked up and incremented.
#include "program.h"

#if defined(BENCH_NATIVE)
void* native_lookup(void* map, const void* key);
extern void* native_map;
#define COUNTERS native_map
#define lookup native_lookup
#else
extern struct map {
  int unused;
} counter_map;  // its wide load has the constant 0, which the loader replaces
#define COUNTERS (&counter_map)
static void* (*const lookup)(void* map, const void* key) = (void*)1;
#endif

INLINE u32 increment(u32 index) {
  u64* value = lookup(COUNTERS, &index);
  if (!value) return 0;
  ++*value;
  return 1;
}

PROGRAM(counters) {
  (void)input;
  return increment(0) + increment(1) + increment(2) + increment(3);
}
