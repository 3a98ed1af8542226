// A histogram of nanoseconds, log-linear: 64 buckets for each power of two, so that a value is off by less than 2 %.
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define BUCKETS_PER_POWER 64
#define BUCKET_COUNT (64 * BUCKETS_PER_POWER)

static struct {
  uint64_t buckets[BUCKET_COUNT];
  uint64_t largest;
} latencies;

static int bucket_of(uint64_t value) {
  if (value < BUCKETS_PER_POWER) return value;
  int exponent = 63 - __builtin_clzll(value);
  int step = (value >> (exponent - 6)) & 63;
  return (exponent - 5) * BUCKETS_PER_POWER + step;
}

static uint64_t smallest_in(int bucket) {
  if (bucket < BUCKETS_PER_POWER) return bucket;
  int exponent = bucket / BUCKETS_PER_POWER + 5;
  uint64_t step = bucket % BUCKETS_PER_POWER;
  return (1ull << exponent) | (step << (exponent - 6));
}

static void record_latency(uint64_t value) {
  if (value > latencies.largest) latencies.largest = value;
  latencies.buckets[bucket_of(value)]++;
}

// The value below which that share of all values lies, from 0 to 1; the largest value, exactly, for 1.
static uint64_t latency_percentile(double share) {
  if (share >= 1) return latencies.largest;
  uint64_t count = 0;
  for (int i = 0; i < BUCKET_COUNT; i++) count += latencies.buckets[i];
  if (!count) return 0;
  uint64_t rank = (uint64_t)(share * count), seen = 0;
  for (int i = 0; i < BUCKET_COUNT; i++) {
    seen += latencies.buckets[i];
    if (seen > rank) return smallest_in(i);
  }
  return smallest_in(BUCKET_COUNT - 1);
}

#endif
