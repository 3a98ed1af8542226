// floor: the least a pub/sub server on epoll can cost. One thread, no JSON, no limits, no checks: what the kernel takes
// for receiving a frame and sending it on, and next to nothing above it. Apus is measured as a ratio to it in one run.
//
//   frames:  "S <channel>" subscribe, answered "ok";  "P <channel> <payload>" publish
//   cc -O2 -o floor floor.c && ./floor 9101
//
// It trusts its client: for loopback measurements only.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_CONNECTIONS 1100000
#define MOST_NAME 199
#define MOST_MESSAGE 65000
#define TABLE_SIZE (1u << 20)

struct buffer {
  char *bytes;
  size_t count, capacity;
};

struct connection {
  unsigned generation;
  int is_open;
  int is_upgraded;
  int is_dirty;        // something was put into its output in this turn
  int waits_for_room;  // epoll is asked for EPOLLOUT
  struct buffer output, input;
};

struct listener {
  int fd;
  unsigned generation;
};

struct channel {
  char name[MOST_NAME + 1];
  struct listener *listeners;
  int count, capacity;
};

static struct connection *connections;  // by descriptor
static int connection_limit;
static struct channel *channels;
static int channel_count, channel_capacity = 1024;
static int *table;  // channels by hash, open addressing; -1 is free
static int *dirty, dirty_count;
static int epoll;

static void append(struct buffer *buffer, const void *bytes, size_t count) {
  if (buffer->count + count > buffer->capacity) {
    buffer->capacity = (buffer->count + count) * 2;
    buffer->bytes = realloc(buffer->bytes, buffer->capacity);
  }
  memcpy(buffer->bytes + buffer->count, bytes, count);
  buffer->count += count;
}

static void remove_first(struct buffer *buffer, size_t count) {
  buffer->count -= count;
  if (buffer->count) memmove(buffer->bytes, buffer->bytes + count, buffer->count);
}

static void append_output(int fd, const void *bytes, size_t count) {
  struct connection *connection = &connections[fd];
  if (!connection->is_dirty) {
    connection->is_dirty = 1;
    dirty[dirty_count++] = fd;
  }
  append(&connection->output, bytes, count);
}

static void wait_for_room(int fd, int wait) {
  struct epoll_event event = {.events = EPOLLIN | (wait ? EPOLLOUT : 0), .data.fd = fd};
  epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
  connections[fd].waits_for_room = wait;
}

static void flush_output(int fd) {
  struct connection *connection = &connections[fd];
  struct buffer *output = &connection->output;
  if (!connection->is_open || !output->count) return;
  ssize_t sent = send(fd, output->bytes, output->count, MSG_NOSIGNAL);
  if (sent > 0) remove_first(output, sent);
  if ((output->count > 0) != connection->waits_for_room) wait_for_room(fd, output->count > 0);
  if (!output->count && !connection->waits_for_room) {
    // An idle connection holds no buffer.
    free(output->bytes);
    memset(output, 0, sizeof *output);
  }
}

// FNV-1a.
static unsigned hash(const char *name, size_t length) {
  unsigned value = 2166136261u;
  while (length--) value = (value ^ (unsigned char)*name++) * 16777619u;
  return value;
}

static struct channel *add_channel(const char *name, size_t length, unsigned place) {
  if (channel_count == channel_capacity) {
    channel_capacity *= 2;
    channels = realloc(channels, channel_capacity * sizeof *channels);
  }
  struct channel *channel = &channels[channel_count];
  memset(channel, 0, sizeof *channel);
  memcpy(channel->name, name, length);
  table[place] = channel_count++;
  return channel;
}

// The channel of that name; when there is none, a new one or NULL.
static struct channel *find_channel(const char *name, size_t length, int make) {
  for (unsigned place = hash(name, length) % TABLE_SIZE;; place = (place + 1) % TABLE_SIZE) {
    if (table[place] < 0) return make ? add_channel(name, length, place) : NULL;
    struct channel *channel = &channels[table[place]];
    if (strlen(channel->name) == length && !memcmp(channel->name, name, length)) return channel;
  }
}

static void subscribe(int fd, const char *name, size_t length) {
  struct channel *channel = find_channel(name, length < MOST_NAME ? length : MOST_NAME, 1);
  if (channel->count == channel->capacity) {
    channel->capacity = channel->capacity ? channel->capacity * 2 : 4;
    channel->listeners = realloc(channel->listeners, channel->capacity * sizeof *channel->listeners);
  }
  channel->listeners[channel->count++] = (struct listener){fd, connections[fd].generation};
  append_output(fd, "\x81\x02ok", 4);
}

// `text` is the channel's name, a space and the payload.
static void publish(const char *text, size_t length) {
  char *space = memchr(text, ' ', length);
  if (!space) return;
  struct channel *channel = find_channel(text, space - text, 0);
  if (!channel) return;
  const char *payload = space + 1;
  size_t count = length - (payload - text);

  static char frame[MOST_MESSAGE + 4];
  unsigned char head[4] = {0x81, count < 126 ? count : 126, count >> 8, count};
  size_t head_size = count < 126 ? 2 : 4;
  memcpy(frame, head, head_size);
  memcpy(frame + head_size, payload, count);

  // Those who have gone are dropped on the way.
  int kept = 0;
  for (int i = 0; i < channel->count; i++) {
    struct listener listener = channel->listeners[i];
    if (connections[listener.fd].generation != listener.generation) continue;
    channel->listeners[kept++] = listener;
    append_output(listener.fd, frame, head_size + count);
  }
  channel->count = kept;
}

static void handle_message(int fd, const char *text, size_t length) {
  if (length < 3 || length > MOST_MESSAGE) return;
  if (text[0] == 'S') {
    subscribe(fd, text + 2, length - 2);
  } else if (text[0] == 'P') {
    publish(text + 2, length - 2);
  }
}

// Handles all whole frames and keeps what is left. Frames of 64 KiB and more are not spoken here.
static void handle_frames(int fd, unsigned char *bytes, size_t count) {
  while (count >= 6) {
    size_t length = bytes[1] & 127, head_size = 6;
    if (length == 127) break;
    if (length == 126) {
      if (count < 8) break;
      length = bytes[2] << 8 | bytes[3];
      head_size = 8;
    }
    if (count < head_size + length) break;
    unsigned char *key = bytes + head_size - 4, *payload = bytes + head_size;
    if (key[0] | key[1] | key[2] | key[3]) {
      for (size_t i = 0; i < length; i++) payload[i] ^= key[i & 3];
    }
    if ((bytes[0] & 15) == 1) handle_message(fd, (char *)payload, length);
    bytes += head_size + length;
    count -= head_size + length;
  }
  if (count) append(&connections[fd].input, bytes, count);
}

static void end_connection(int fd) {
  struct connection *connection = &connections[fd];
  free(connection->output.bytes);
  free(connection->input.bytes);
  unsigned generation = connection->generation + 1;
  memset(connection, 0, sizeof *connection);
  connection->generation = generation;
  close(fd);
}

static void receive(int fd) {
  static char bytes[1 << 17];
  // The key is the one wsload sends.
  static const char response[] =
      "HTTP/1.1 101 Switching Protocols\r\n"
      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  struct connection *connection = &connections[fd];
  ssize_t count = recv(fd, bytes, sizeof bytes, 0);
  if (count <= 0) {
    if (count < 0 && errno == EAGAIN) return;
    end_connection(fd);
  } else if (!connection->is_upgraded) {
    connection->is_upgraded = 1;
    append_output(fd, response, sizeof response - 1);
  } else if (connection->input.count) {
    struct buffer input = connection->input;
    memset(&connection->input, 0, sizeof connection->input);
    append(&input, bytes, count);
    handle_frames(fd, (unsigned char *)input.bytes, input.count);
    free(input.bytes);
  } else {
    handle_frames(fd, (unsigned char *)bytes, count);
  }
}

static void accept_all(int listening) {
  int on = 1, fd;
  while ((fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    if (fd >= connection_limit) {
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connections[fd].is_open = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

static void make_tables(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  connection_limit = limit.rlim_cur > MOST_CONNECTIONS ? MOST_CONNECTIONS : (int)limit.rlim_cur;
  connections = calloc(connection_limit, sizeof *connections);
  dirty = malloc(connection_limit * sizeof *dirty);
  channels = malloc(channel_capacity * sizeof *channels);
  table = malloc(TABLE_SIZE * sizeof *table);
  memset(table, -1, TABLE_SIZE * sizeof *table);
}

static int listen_on(int port) {
  int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listening, (void *)&address, sizeof address) || listen(listening, 4096)) {
    perror("floor");
    exit(1);
  }
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listening};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &event);
  return listening;
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  make_tables();
  epoll = epoll_create1(0);
  int listening = listen_on(argc > 1 ? atoi(argv[1]) : 9101);
  struct epoll_event events[512];
  for (;;) {
    int count = epoll_wait(epoll, events, 512, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == listening) {
        accept_all(listening);
        continue;
      }
      if (events[i].events & EPOLLOUT) flush_output(fd);
      if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(fd);
    }
    // What a turn has produced for a connection leaves by one send.
    for (int i = 0; i < dirty_count; i++) {
      connections[dirty[i]].is_dirty = 0;
      flush_output(dirty[i]);
    }
    dirty_count = 0;
  }
}
