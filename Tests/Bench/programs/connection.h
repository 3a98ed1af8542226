// The connections of wsload: WebSocket clients on one epoll, and what they count.
#ifndef CONNECTION_H
#define CONNECTION_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"
#include "options.h"

#define TIME_DIGITS 19
// What may be left of one read for the next: less than a marker with its time.
#define TAIL 64
#define READ_SIZE (1 << 18)

enum phase { HANDSHAKING, OPEN, CLOSED };
enum opcode { TEXT = 1, PONG = 10 };

struct connection {
  int fd;
  enum phase phase;
  int channel;
  int is_publisher;
  int is_ready;
  int answers;  // how often `options.ready` has come
  char tail[TAIL];
  int tail_length;
  char *output;
  size_t output_length, output_capacity;
  int waits_for_room;
};

static struct connection *connections;
static int epoll;
static int open_count, ready_count;
static uint64_t delivered;  // messages that have come, ever
static uint64_t measured;   // and while `is_measuring`
static int is_measuring;
static long long failed;
static char text[1 << 20];

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ull + time.tv_nsec;
}

// MARK: - Sending

static void append_output(struct connection *connection, const void *bytes, size_t count) {
  if (connection->output_length + count > connection->output_capacity) {
    connection->output_capacity = (connection->output_length + count) * 2;
    connection->output = realloc(connection->output, connection->output_capacity);
  }
  memcpy(connection->output + connection->output_length, bytes, count);
  connection->output_length += count;
}

static void flush_output(struct connection *connection) {
  while (connection->output_length) {
    ssize_t sent = send(connection->fd, connection->output, connection->output_length, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN) break;
      failed++;
      connection->output_length = 0;
      return;
    }
    memmove(connection->output, connection->output + sent, connection->output_length - sent);
    connection->output_length -= sent;
  }
  int waits_for_room = connection->output_length > 0;
  if (waits_for_room == connection->waits_for_room) return;
  struct epoll_event event = {.events = EPOLLIN | (waits_for_room ? EPOLLOUT : 0), .data.ptr = connection};
  epoll_ctl(epoll, EPOLL_CTL_MOD, connection->fd, &event);
  connection->waits_for_room = waits_for_room;
}

// Appends a client's frame with a masking key of 0: legal, and the payload stays as it is.
static void append_frame(struct connection *connection, enum opcode opcode, const char *payload, size_t length) {
  unsigned char head[14];
  int size = 0;
  head[size++] = 0x80 | opcode;
  if (length < 126) {
    head[size++] = 0x80 | length;
  } else if (length < 65536) {
    head[size++] = 0x80 | 126;
    head[size++] = length >> 8;
    head[size++] = length;
  } else {
    head[size++] = 0x80 | 127;
    for (int i = 7; i >= 0; i--) head[size++] = (uint64_t)length >> (8 * i);
  }
  for (int i = 0; i < 4; i++) head[size++] = 0;
  append_output(connection, head, size);
  append_output(connection, payload, length);
}

// Writes `pattern` with its placeholders (see options.h) filled in, and returns its length.
static size_t expand(char *output, const char *pattern, int channel, int id, uint64_t time) {
  char *end = output;
  for (; *pattern; pattern++) {
    if (*pattern != '%' || !pattern[1]) {
      *end++ = *pattern;
      continue;
    }
    pattern++;
    switch (*pattern) {
    case 'c':
      end += sprintf(end, "%s%d", options.prefix, channel);
      break;
    case 'i':
      end += sprintf(end, "%d", id);
      break;
    case 't':
      end += sprintf(end, "\"%019llu\"", (unsigned long long)time);
      break;
    case 'p':
      memset(end, 'x', options.payload);
      end += options.payload;
      break;
    default:
      *end++ = *pattern;
    }
  }
  *end = 0;
  return end - output;
}

// MARK: - Receiving

static void handshake_done(struct connection *connection) {
  connection->phase = OPEN;
  open_count++;
  const char **texts = connection->is_publisher ? options.on_publisher : options.on_subscriber;
  int count = connection->is_publisher ? options.on_publisher_count : options.on_subscriber_count;
  for (int i = 0; i < count; i++) {
    size_t length = expand(text, texts[i], connection->channel, (int)(connection - connections), 0);
    append_frame(connection, TEXT, text, length);
  }
  flush_output(connection);
  if (!options.ready || connection->is_publisher) {
    connection->is_ready = 1;
    ready_count++;
  }
}

// The time a marker is followed by; 0 when it is followed by something else.
static uint64_t parse_time(const char *digits) {
  uint64_t time = 0;
  for (int i = 0; i < TIME_DIGITS; i++) {
    if (digits[i] < '0' || digits[i] > '9') return 0;
    time = time * 10 + (digits[i] - '0');
  }
  return time;
}

// Counts the messages by their markers.
static void count_messages(struct connection *connection, const char *bytes, int count) {
  const char *end = bytes + count;
  int marker_length = strlen(options.marker);
  while ((bytes = memmem(bytes, end - bytes, options.marker, marker_length)) &&
         bytes + marker_length + TIME_DIGITS <= end) {
    uint64_t sent = parse_time(bytes + marker_length);
    bytes += marker_length;
    if (!sent || connection->is_publisher) continue;
    delivered++;
    if (!is_measuring) continue;
    measured++;
    uint64_t now = now_ns();
    record_latency(now > sent ? now - sent : 0);
  }
}

static void count_answers(struct connection *connection, const char *bytes, int count) {
  const char *end = bytes + count;
  while ((bytes = memmem(bytes, end - bytes, options.ready, strlen(options.ready)))) {
    connection->answers++;
    bytes++;
  }
  if (connection->answers < options.ready_count) return;
  connection->is_ready = 1;
  ready_count++;
}

// Answers a ping that came by itself: a frame, or an empty JSON object.
static void answer_ping(struct connection *connection, const char *bytes, int count) {
  if (!options.answer_pings) return;
  if (count >= 2 && (unsigned char)bytes[0] == 0x89) {
    int length = bytes[1] & 127;
    if (count < 2 + length) return;
    append_frame(connection, PONG, bytes + 2, length);
    flush_output(connection);
  } else if (count == 4 && !memcmp(bytes, "\x81\x02{}", 4)) {
    append_frame(connection, TEXT, "{}", 2);
    flush_output(connection);
  }
}

static void keep_tail(struct connection *connection, const char *bytes, int count, int keep) {
  if (keep > count) keep = count;
  connection->tail_length = keep;
  memcpy(connection->tail, bytes + count - keep, keep);
}

static void receive(struct connection *connection) {
  static char buffer[READ_SIZE + TAIL];
  int kept = connection->tail_length;
  memcpy(buffer, connection->tail, kept);
  ssize_t received = recv(connection->fd, buffer + kept, READ_SIZE, 0);
  if (received <= 0) {
    if (received < 0 && errno == EAGAIN) return;
    failed++;
    epoll_ctl(epoll, EPOLL_CTL_DEL, connection->fd, 0);
    close(connection->fd);
    connection->phase = CLOSED;
    return;
  }
  char *bytes = buffer, *fresh = buffer + kept;
  int count = kept + received;
  if (connection->phase == HANDSHAKING) {
    char *end = memmem(bytes, count, "\r\n\r\n", 4);
    if (!end) {
      keep_tail(connection, bytes, count, 3);
      return;
    }
    end += 4;
    count -= end - bytes;
    bytes = fresh = end;
    handshake_done(connection);
    connection->tail_length = 0;
    if (!count) return;
  }
  if (!connection->is_ready && options.ready) count_answers(connection, bytes, count);
  answer_ping(connection, fresh, bytes + count - fresh);
  count_messages(connection, bytes, count);
  // A marker may be cut by the end of this read. What is kept is too short to hold a whole one, which was counted.
  keep_tail(connection, bytes, count, strlen(options.marker) + TIME_DIGITS - 1);
}

// MARK: - Waiting

// Waits at most that long for events and handles them. It sleeps exactly: a load of 1,000/s must not spin a core away
// from the server.
static void poll_for(int64_t nanoseconds) {
  struct epoll_event events[512];
  struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  int count = epoll_pwait2(epoll, events, 512, &limit, NULL);
  for (int i = 0; i < count; i++) {
    struct connection *connection = events[i].data.ptr;
    if (connection->phase == CLOSED) continue;
    if (events[i].events & EPOLLOUT) flush_output(connection);
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(connection);
  }
}

static void poll_for_ms(int milliseconds) { poll_for(milliseconds * 1000000ll); }

#endif
