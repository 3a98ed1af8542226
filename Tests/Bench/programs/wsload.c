// wsload: a protocol-neutral WebSocket pub/sub load generator for loopback.
//
// It opens --subs subscriber connections spread over --channels channels and --pubs publisher connections, publishes
// either at a fixed open-loop --rate or closed-loop with --window messages in flight, and finds its own timestamp
// marker ("t":"<19 digits>") in whatever the server sends, so any server that relays the published data can be measured
// with the same program. Prints one JSON line: deliveries, deliveries/s, latency percentiles (measured from the
// *scheduled* send time with --rate: no coordinated omission), and the CPU seconds and memory of --pid's processes.
//
//   cc -O2 -o wsload wsload.c
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "connection.h"
#include "options.h"
#include "process.h"

// How many connections one loopback address can hold: there are some 28,000 ports for them.
#define CONNECTIONS_PER_ADDRESS 20000
// How many connections may be on their way at once.
#define CONNECTING_AT_ONCE 64
#define CONNECT_LIMIT_NS 120000000000ull
#define READY_LIMIT_NS 150000000000ull
// How long messages may still come after the last was published, before they count as lost.
#define DRAIN_NS 3000000000ull
// A publisher that this much waits for publishes no more until the next turn.
#define MOST_OUTPUT (1 << 20)

static uint64_t published;
static uint64_t expected;    // deliveries of all that was published
static int *subscribers_of;  // by channel
static double next_send;     // open loop: when the next message is due
static int message_number;

static double server_cpu_seconds(void) {
  double sum = 0;
  for (int i = 0; i < options.pid_count; i++) sum += cpu_seconds_of(options.pids[i]);
  return sum;
}

static long server_resident_kib(void) {
  long sum = 0;
  for (int i = 0; i < options.pid_count; i++) sum += resident_kib_of(options.pids[i]);
  return sum;
}

static double seconds(struct timeval time) { return time.tv_sec + time.tv_usec / 1e6; }

static double own_cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Takes as many descriptors as there may be; 0 when they do not suffice.
static int raise_descriptor_limit(int needed) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if ((rlim_t)(needed + 16) <= limit.rlim_cur) return 1;
  fprintf(stderr, "wsload: %d connections do not fit into %llu descriptors\n", needed,
          (unsigned long long)limit.rlim_cur);
  return 0;
}

// Takes another loopback address when the ports of the first are used up.
static void bind_to_address(int fd, int id) {
  char address[32];
  snprintf(address, sizeof address, "127.0.0.%d", 2 + id / CONNECTIONS_PER_ADDRESS);
  struct sockaddr_in source = {.sin_family = AF_INET};
  inet_pton(AF_INET, address, &source.sin_addr);
  int on = 1;
  // The port is chosen when the socket connects, so that only the pair of both ends has to be unique.
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  bind(fd, (void *)&source, sizeof source);
}

static void open_connection(struct connection *connection, int port, const char *path_pattern) {
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, options.host, &server.sin_addr);
  connection->fd = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  int id = connection - connections;
  if (id >= CONNECTIONS_PER_ADDRESS) bind_to_address(connection->fd, id);
  if (connect(connection->fd, (void *)&server, sizeof server) < 0) {
    perror("connect");
    exit(1);
  }
  fcntl(connection->fd, F_SETFL, O_NONBLOCK);
  char path[1024], request[4096];
  expand(path, path_pattern, connection->channel, id, 0);
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\n"
                        "Host: %s:%d\r\n"
                        "Upgrade: websocket\r\n"
                        "Connection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        "Sec-WebSocket-Version: 13\r\n"
                        "%s\r\n",
                        path, options.host, port, options.headers);
  connection->phase = HANDSHAKING;
  send(connection->fd, request, length, MSG_NOSIGNAL);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
  epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event);
}

// Opens all connections and waits until they are ready; 0 when they do not become it.
static int connect_all(int total, uint64_t start) {
  for (int i = 0; i < total; i++) {
    struct connection *connection = &connections[i];
    int publisher = i - options.subscribers;
    connection->is_publisher = publisher >= 0;
    if (connection->is_publisher) {
      connection->channel = publisher % options.channels;
      open_connection(connection, options.publish_ports[publisher % options.publish_port_count], options.publish_path);
    } else {
      connection->channel = i % options.channels;
      open_connection(connection, options.ports[i % options.port_count], options.path);
    }
    while (i + 1 - ready_count > CONNECTING_AT_ONCE) {
      poll_for_ms(100);
      if (now_ns() - start <= CONNECT_LIMIT_NS) continue;
      fprintf(stderr, "connect timeout: open %d ready %d\n", open_count, ready_count);
      return 0;
    }
  }
  while (ready_count < total) {
    poll_for_ms(100);
    if (now_ns() - start <= READY_LIMIT_NS) continue;
    fprintf(stderr, "not ready: open %d ready %d of %d\n", open_count, ready_count, total);
    return 0;
  }
  return 1;
}

// Publishes one message; publishers and channels take turns. Gives back who has sent it.
static struct connection *publish(uint64_t time) {
  struct connection *publisher = &connections[options.subscribers + message_number % options.publishers];
  int channel = message_number % options.channels;
  size_t length = expand(text, options.publish, channel, message_number, time);
  append_frame(publisher, TEXT, text, length);
  published++;
  expected += subscribers_of[channel];
  message_number++;
  flush_output(publisher);
  return publisher;
}

// Publishes what is due.
static void publish_open_loop(uint64_t now) {
  while (next_send <= now) {
    publish((uint64_t)next_send);
    next_send += 1e9 / options.rate;
  }
}

// Publishes until as many messages are in flight as --window says.
static void publish_closed_loop(void) {
  uint64_t per_channel = options.subscribers / options.channels ? options.subscribers / options.channels : 1;
  while (expected < delivered + options.window * per_channel) {
    struct connection *publisher = publish(now_ns());
    if (publisher->output_length > MOST_OUTPUT) break;
  }
}

static void wait_for_more(void) {
  if (options.rate > 0) {
    double pause = next_send - (double)now_ns();
    poll_for(pause > 0 ? (int64_t)pause : 0);
  } else {
    poll_for_ms(100);
  }
}

static void rest(double length) {
  uint64_t start = now_ns();
  while (now_ns() - start < length * 1e9) poll_for_ms(10);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  // The kernel may else end a sleep 50 us late, which would count as the server's latency in the open loop.
  prctl(PR_SET_TIMERSLACK, 1);
  if (!parse_options(argc, argv)) return 2;
  int total = options.subscribers + options.publishers;
  if (!raise_descriptor_limit(total)) return 2;
  epoll = epoll_create1(0);
  connections = calloc(total, sizeof *connections);

  long kib_before = server_resident_kib();
  double cpu_before = server_cpu_seconds();
  uint64_t connect_start = now_ns();
  if (!connect_all(total, connect_start)) return 1;
  double connect_seconds = (now_ns() - connect_start) / 1e9;
  double connect_cpu = server_cpu_seconds() - cpu_before;
  rest(options.settle);
  long kib_connected = server_resident_kib();
  double bytes_per_connection = (kib_connected - kib_before) * 1024.0 / total;

  if (options.idle) {
    rest(options.duration);
    printf(
        "{\"idle\":%d,\"connect_s\":%.2f,\"conn_cpu_us\":%.1f,\"rss_per_conn_bytes\":%.0f,\"rss_kb\":%ld,"
        "\"failed\":%lld}\n",
        total, connect_seconds, connect_cpu * 1e6 / total, bytes_per_connection, kib_connected, failed);
    return 0;
  }

  subscribers_of = calloc(options.channels, sizeof *subscribers_of);
  for (int i = 0; i < options.subscribers; i++) subscribers_of[connections[i].channel]++;
  uint64_t start = now_ns(), measure_from = start + options.warmup * 1e9, end = measure_from + options.duration * 1e9;
  uint64_t measure_start = 0, published_before = 0;
  double own_before = own_cpu_seconds();
  next_send = start;
  for (uint64_t now; (now = now_ns()) < end; wait_for_more()) {
    if (!is_measuring && now >= measure_from) {
      is_measuring = 1;
      cpu_before = server_cpu_seconds();
      measure_start = now;
      published_before = published;
      own_before = own_cpu_seconds();
    }
    if (options.rate > 0) {
      publish_open_loop(now);
    } else {
      publish_closed_loop();
    }
  }
  double elapsed = (now_ns() - measure_start) / 1e9, cpu = server_cpu_seconds() - cpu_before;
  double own_cpu = own_cpu_seconds() - own_before;
  long kib_loaded = server_resident_kib();
  is_measuring = 0;

  uint64_t drain_start = now_ns();
  while (delivered < expected && now_ns() - drain_start < DRAIN_NS) poll_for_ms(50);
  printf("{\"subs\":%d,\"channels\":%d,\"pubs\":%d,\"payload\":%d,", options.subscribers, options.channels,
         options.publishers, options.payload);
  printf("\"pub_per_s\":%.0f,\"deliveries_per_s\":%.0f,", (published - published_before) / elapsed, measured / elapsed);
  printf("\"server_cpu_s\":%.2f,\"server_cores\":%.2f,\"server_us_per_delivery\":%.3f,\"load_cores\":%.2f,", cpu,
         cpu / elapsed, measured ? cpu * 1e6 / measured : 0, own_cpu / elapsed);
  printf("\"p50_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f,\"max_us\":%.0f,", latency_percentile(.5) / 1e3,
         latency_percentile(.99) / 1e3, latency_percentile(.999) / 1e3, latency_percentile(1) / 1e3);
  printf("\"lost\":%lld,\"failed\":%lld,\"connect_s\":%.2f,", (long long)(expected - delivered), failed,
         connect_seconds);
  printf("\"rss_idle_kb\":%ld,\"rss_per_conn_bytes\":%.0f,\"rss_load_kb\":%ld}\n", kib_connected, bytes_per_connection,
         kib_loaded);
}
