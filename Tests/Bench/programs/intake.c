// intake: what a bare subscriber takes from Redis that only counts: what a node's intake is measured against. It says
// "ready" when it has subscribed, and prints one JSON line after that many messages.
//
//   cc -O2 -o intake intake.c -lhiredis && ./intake 127.0.0.1 6379 CHANNEL MESSAGES
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double now_s(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static double cpu_s(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: intake HOST PORT CHANNEL MESSAGES\n");
    return 2;
  }
  long total = atol(argv[4]), received = 0;
  redisContext *redis = redisConnect(argv[1], atoi(argv[2]));
  redisReply *reply;
  if (!redis || redis->err || !(reply = redisCommand(redis, "SUBSCRIBE %s", argv[3]))) {
    fprintf(stderr, "intake: no Redis at %s:%s\n", argv[1], argv[2]);
    return 1;
  }
  freeReplyObject(reply);
  printf("ready\n");
  fflush(stdout);

  double start = 0, cpu_start = 0;
  while (received < total && redisGetReply(redis, (void **)&reply) == REDIS_OK) {
    if (received++ == 0) {
      start = now_s();
      cpu_start = cpu_s();
    }
    freeReplyObject(reply);
  }
  if (received < total) {
    fprintf(stderr, "intake: Redis ended the connection after %ld messages: %s\n", received, redis->errstr);
    return 1;
  }
  printf("{\"messages\":%ld,\"seconds\":%.3f,\"cpu_s\":%.3f}\n", received, now_s() - start, cpu_s() - cpu_start);
}
