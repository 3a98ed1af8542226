// redis-rtt: the bare round trip publish -> redis -> subscriber with hiredis, one message at a time: what cross-node
// latency is measured against. Prints one JSON line.
//
//   cc -O2 -o redis-rtt redis-rtt.c -lhiredis -lpthread && ./redis-rtt 127.0.0.1 6379 [messages]
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

// With what the round trip takes that makes about 1,000 messages a second.
#define PAUSE_US 900
// Time for the subscription before the first message, and for the last message after it.
#define LEAD_IN_US 300000
#define LEAD_OUT_US 200000

static const char *host = "127.0.0.1";
static int port = 6379;
static int total = 5000;
static volatile int received;
static double *microseconds;

static unsigned long long now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static int compare(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return a < b ? -1 : a > b;
}

static void *subscribe(void *unused) {
  redisContext *redis = redisConnect(host, port);
  redisReply *reply;
  if (!redis || redis->err || !(reply = redisCommand(redis, "SUBSCRIBE redis-rtt"))) {
    fprintf(stderr, "redis-rtt: no Redis at %s:%d\n", host, port);
    exit(1);
  }
  freeReplyObject(reply);
  while (received < total && redisGetReply(redis, (void **)&reply) == REDIS_OK) {
    if (reply->elements == 3) {
      microseconds[received++] = (now_ns() - strtoull(reply->element[2]->str, NULL, 10)) / 1e3;
    }
    freeReplyObject(reply);
  }
  return unused;
}

int main(int argc, char **argv) {
  if (argc > 1) host = argv[1];
  if (argc > 2) port = atoi(argv[2]);
  if (argc > 3) total = atoi(argv[3]);
  microseconds = calloc(total, sizeof *microseconds);
  pthread_t subscriber;
  pthread_create(&subscriber, NULL, subscribe, NULL);
  usleep(LEAD_IN_US);
  redisContext *redis = redisConnect(host, port);
  if (!redis || redis->err) return 1;
  for (int i = 0; i < total; i++) {
    redisReply *reply = redisCommand(redis, "PUBLISH redis-rtt %llu", now_ns());
    if (reply) freeReplyObject(reply);
    usleep(PAUSE_US);
  }
  usleep(LEAD_OUT_US);
  int count = received;
  if (!count) return 1;
  qsort(microseconds, count, sizeof *microseconds, compare);
  printf("{\"messages\":%d,\"p50_us\":%.0f,\"p99_us\":%.0f}\n", count, microseconds[count / 2],
         microseconds[count * 99 / 100]);
}
