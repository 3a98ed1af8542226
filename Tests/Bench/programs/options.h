// The command line of wsload: pairs of `--name value`.
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TEXTS 16
#define MOST_PORTS 16
#define MOST_PIDS 32

// In the texts that are sent and in the paths, %c is the connection's channel, %i a number (of the connection; of the
// message in --pub), %t the time of sending as a quoted number, and %p the payload.
static struct {
  const char *host;
  int ports[MOST_PORTS], port_count;                  // subscribers take turns on these,
  int publish_ports[MOST_PORTS], publish_port_count;  // publishers on these (default: the same)
  const char *path, *publish_path;
  const char *headers;  // more lines of the handshake
  const char *prefix;   // what channel names begin with
  int subscribers, channels, publishers;
  const char *on_subscriber[MOST_TEXTS];  // what each subscriber sends first
  int on_subscriber_count;
  const char *on_publisher[MOST_TEXTS];  // what each publisher sends first
  int on_publisher_count;
  const char *ready;  // what a subscriber must get, `ready_count` times, before the load begins
  int ready_count;
  const char *publish;              // the text of one message
  const char *marker;               // what stands before the time in what the server sends
  int payload;                      // bytes
  double rate;                      // messages/s, open loop; 0: closed loop
  int window;                       // messages in flight, closed loop
  double duration, warmup, settle;  // seconds
  int idle;                         // publish nothing: connect, wait and report what that cost
  int answer_pings;
  int pids[MOST_PIDS], pid_count;  // whose CPU time and memory is reported
} options = {
    .host = "127.0.0.1",
    .path = "/",
    .headers = "",
    .prefix = "bench",
    .subscribers = 100,
    .channels = 1,
    .publishers = 1,
    .ready_count = 1,
    .marker = "\"t\":\"",
    .payload = 64,
    .window = 8,
    .duration = 5,
    .warmup = 1,
    .settle = 0.3,
    .answer_pings = 1,
};

// Numbers with commas between them.
static void parse_numbers(const char *text, int *numbers, int *count, int most) {
  char *copy = strdup(text);
  for (char *word = strtok(copy, ","); word && *count < most; word = strtok(NULL, ",")) {
    numbers[(*count)++] = atoi(word);
  }
  free(copy);
}

static void add_text(const char *text, const char **texts, int *count) {
  if (*count < MOST_TEXTS) texts[(*count)++] = text;
}

static void add_header(const char *line) {
  size_t size = strlen(options.headers) + strlen(line) + 3;
  char *headers = malloc(size);
  snprintf(headers, size, "%s%s\r\n", options.headers, line);
  options.headers = headers;
}

// Takes one option; 0 when there is none of that name.
static int take_option(const char *name, const char *value) {
#define IS(option) (!strcmp(name, "--" option))
  if (IS("host")) options.host = value;
  else if (IS("port")) parse_numbers(value, options.ports, &options.port_count, MOST_PORTS);
  else if (IS("pubport")) parse_numbers(value, options.publish_ports, &options.publish_port_count, MOST_PORTS);
  else if (IS("path")) options.path = value;
  else if (IS("pubpath")) options.publish_path = value;
  else if (IS("header")) add_header(value);
  else if (IS("prefix")) options.prefix = value;
  else if (IS("subs")) options.subscribers = atoi(value);
  else if (IS("channels")) options.channels = atoi(value);
  else if (IS("pubs")) options.publishers = atoi(value);
  else if (IS("sub")) add_text(value, options.on_subscriber, &options.on_subscriber_count);
  else if (IS("pubinit")) add_text(value, options.on_publisher, &options.on_publisher_count);
  else if (IS("ready")) options.ready = value;
  else if (IS("readycount")) options.ready_count = atoi(value);
  else if (IS("pub")) options.publish = value;
  else if (IS("marker")) options.marker = value;
  else if (IS("payload")) options.payload = atoi(value);
  else if (IS("rate")) options.rate = atof(value);
  else if (IS("window")) options.window = atoi(value);
  else if (IS("duration")) options.duration = atof(value);
  else if (IS("warmup")) options.warmup = atof(value);
  else if (IS("settle")) options.settle = atof(value);
  else if (IS("idle")) options.idle = atoi(value);
  else if (IS("pongs")) options.answer_pings = atoi(value);
  else if (IS("pid")) parse_numbers(value, options.pids, &options.pid_count, MOST_PIDS);
  else return 0;
#undef IS
  return 1;
}

// Takes all of them; 0 when one is unknown.
static int parse_options(int count, char **words) {
  for (int i = 1; i + 1 < count; i += 2) {
    if (take_option(words[i], words[i + 1])) continue;
    fprintf(stderr, "unknown %s\n", words[i]);
    return 0;
  }
  if (!options.publish_path) options.publish_path = options.path;
  if (!options.publish_port_count) {
    options.publish_port_count = options.port_count;
    memcpy(options.publish_ports, options.ports, sizeof options.ports);
  }
  return 1;
}

#endif
