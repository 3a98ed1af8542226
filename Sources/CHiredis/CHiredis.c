#include "CHiredis.h"

#include <stdlib.h>
#include <string.h>

#if __has_include(<hiredis/hiredis.h>)
#include <hiredis/hiredis.h>
#else
#include <hiredis.h>
#endif

// How large the decoded reply's memory stays between replies, in bytes of each of its two arrays.
#define KEPT ((size_t)64 << 10)
#define KEPT_NODES (KEPT / sizeof(chiredis_node))

// hiredis throws its empty input buffer away when it is larger than this. Its default of 16 KiB would do so at every
// read, as the buffer doubles when it grows; 0 would keep the buffer of the largest reply ever seen.
#define KEPT_INPUT ((size_t)256 << 10)

struct chiredis_codec {
  redisReader *reader;
  // Limits of one reply.
  size_t max_reply;
  size_t max_nodes;
  // What waits to be written lies from `output_start` to `output_end`.
  uint8_t *output;
  size_t output_start;
  size_t output_end;
  size_t output_capacity;
  chiredis_node *nodes;
  size_t node_count;
  size_t node_capacity;
  uint8_t *bytes;
  size_t byte_count;
  size_t byte_capacity;
  // The decoded reply was handed out: the next one starts from the beginning.
  bool is_complete;
  // Why this file, not hiredis, gave up; hiredis then says no more than "Out of memory".
  const char *refusal;
};

static void *refuse(chiredis_codec *codec, const char *reason) {
  if (codec->refusal == NULL) codec->refusal = reason;
  return NULL;
}

// Makes room for `needed` items of `size` bytes by doubling, and gives back where they now lie.
// NULL when there is no memory; then they lie where they did.
static void *grow(void *items, size_t *capacity, size_t needed, size_t size) {
  if (needed <= *capacity) return items;
  size_t larger = *capacity * 2 > needed ? *capacity * 2 : needed;
  void *moved = realloc(items, larger * size);
  if (moved != NULL) *capacity = larger;
  return moved;
}

// Gives back what lies beyond `kept` items of `size` bytes.
static void *shrink(void *items, size_t *capacity, size_t kept, size_t size) {
  if (*capacity <= kept) return items;
  void *moved = realloc(items, kept * size);
  if (moved == NULL) return items;
  *capacity = kept;
  return moved;
}

// MARK: - Reply functions: what hiredis calls while it parses
//
// A value is decoded by appending a node, so what they return only says that it was done. It must not be NULL, which
// hiredis takes for a failed allocation, and as there is nothing behind it there is nothing to free.

static char decoded;

static chiredis_node *append_node(chiredis_codec *codec, chiredis_kind kind) {
  if (codec->node_count >= codec->max_nodes) return refuse(codec, "The reply has too many elements");
  chiredis_node *nodes = grow(codec->nodes, &codec->node_capacity, codec->node_count + 1, sizeof(*nodes));
  if (nodes == NULL) return refuse(codec, "No memory for the reply");
  codec->nodes = nodes;
  chiredis_node *node = &codec->nodes[codec->node_count++];
  *node = (chiredis_node){.kind = kind};
  return node;
}

static void *create_string(const redisReadTask *task, char *text, size_t length) {
  chiredis_codec *codec = task->privdata;
  chiredis_kind kind;
  switch (task->type) {
    case REDIS_REPLY_STRING: kind = CHIREDIS_KIND_STRING; break;
    case REDIS_REPLY_STATUS: kind = CHIREDIS_KIND_STATUS; break;
    case REDIS_REPLY_ERROR: kind = CHIREDIS_KIND_ERROR; break;
    default: return refuse(codec, "The reply is not RESP2");
  }
  // Keeps offset and length within 32 bits, too.
  if (length > codec->max_reply - codec->byte_count) return refuse(codec, "The reply is too large");
  uint8_t *bytes = grow(codec->bytes, &codec->byte_capacity, codec->byte_count + length, 1);
  if (bytes == NULL) return refuse(codec, "No memory for the reply");
  codec->bytes = bytes;
  chiredis_node *node = append_node(codec, kind);
  if (node == NULL) return NULL;
  node->offset = (uint32_t)codec->byte_count;
  node->length = (uint32_t)length;
  memcpy(codec->bytes + codec->byte_count, text, length);
  codec->byte_count += length;
  return &decoded;
}

static void *create_elements(const redisReadTask *task, size_t elements) {
  chiredis_codec *codec = task->privdata;
  if (task->type != REDIS_REPLY_ARRAY) return refuse(codec, "The reply is not RESP2");
  int depth = 1;
  for (const redisReadTask *parent = task->parent; parent != NULL; parent = parent->parent) depth++;
  if (depth > CHIREDIS_MAX_DEPTH) return refuse(codec, "The reply is nested too deeply");
  if (elements > codec->max_nodes) return refuse(codec, "The reply has too many elements");
  chiredis_node *node = append_node(codec, CHIREDIS_KIND_ARRAY);
  if (node == NULL) return NULL;
  node->elements = (uint32_t)elements;
  return &decoded;
}

static void *create_integer(const redisReadTask *task, long long value) {
  chiredis_node *node = append_node(task->privdata, CHIREDIS_KIND_INTEGER);
  if (node == NULL) return NULL;
  node->integer = value;
  return &decoded;
}

static void *create_null(const redisReadTask *task) {
  chiredis_codec *codec = task->privdata;
  if (task->type != REDIS_REPLY_STRING && task->type != REDIS_REPLY_ARRAY) {
    return refuse(codec, "The reply is not RESP2");
  }
  return append_node(codec, CHIREDIS_KIND_NULL) == NULL ? NULL : &decoded;
}

#if HIREDIS_MAJOR >= 1
static void *create_array(const redisReadTask *task, size_t elements) {
  return create_elements(task, elements);
}

// hiredis 1 parses RESP3, which nobody asks the server for. Without these it would go on with values we have not seen.
static void *create_double(const redisReadTask *task, double value, char *text, size_t length) {
  (void)value;
  (void)text;
  (void)length;
  return refuse(task->privdata, "The reply is not RESP2");
}

static void *create_bool(const redisReadTask *task, int value) {
  (void)value;
  return refuse(task->privdata, "The reply is not RESP2");
}
#else
static void *create_array(const redisReadTask *task, int elements) {
  if (elements < 0) return refuse(task->privdata, "The reply has too many elements");
  return create_elements(task, (size_t)elements);
}
#endif

static void free_object(void *object) {
  (void)object;
}

// Not const because the reader's field is not; nobody writes to it.
static redisReplyObjectFunctions reply_functions = {
  .createString = create_string,
  .createArray = create_array,
  .createInteger = create_integer,
  .createNil = create_null,
#if HIREDIS_MAJOR >= 1
  .createDouble = create_double,
  .createBool = create_bool,
#endif
  .freeObject = free_object,
};

// MARK: - Life

static bool is_dead(const chiredis_codec *codec) {
  return codec->refusal != NULL || codec->reader->err != 0;
}

chiredis_codec *chiredis_open(size_t max_reply) {
  chiredis_codec *codec = calloc(1, sizeof(*codec));
  if (codec == NULL) return NULL;
  codec->max_reply = max_reply < CHIREDIS_MAX_REPLY ? max_reply : CHIREDIS_MAX_REPLY;
  const size_t nodes = codec->max_reply / sizeof(chiredis_node);
  codec->max_nodes = nodes < CHIREDIS_MAX_NODES ? nodes : CHIREDIS_MAX_NODES;
  codec->nodes = malloc(KEPT_NODES * sizeof(chiredis_node));
  codec->node_capacity = KEPT_NODES;
  codec->bytes = malloc(KEPT);
  codec->byte_capacity = KEPT;
  codec->reader = redisReaderCreateWithFunctions(&reply_functions);
  if (codec->nodes == NULL || codec->bytes == NULL || codec->reader == NULL) {
    chiredis_close(codec);
    return NULL;
  }
  codec->reader->privdata = codec;
  codec->reader->maxbuf = KEPT_INPUT;
  return codec;
}

void chiredis_close(chiredis_codec *codec) {
  if (codec->reader != NULL) redisReaderFree(codec->reader);
  free(codec->output);
  free(codec->nodes);
  free(codec->bytes);
  free(codec);
}

const char *chiredis_error(const chiredis_codec *codec) {
  return codec->refusal != NULL ? codec->refusal : codec->reader->errstr;
}

// MARK: - Output

// Makes room behind what waits to be written; false when there is no memory.
static bool make_room(chiredis_codec *codec, size_t size) {
  if (size <= codec->output_capacity - codec->output_end) return true;
  size_t waiting = codec->output_end - codec->output_start;
  if (waiting > 0) memmove(codec->output, codec->output + codec->output_start, waiting);
  codec->output_start = 0;
  codec->output_end = waiting;
  uint8_t *output = grow(codec->output, &codec->output_capacity, waiting + size, 1);
  if (output == NULL) return false;
  codec->output = output;
  return true;
}

bool chiredis_append(chiredis_codec *codec, int count, const char **arguments, const size_t *lengths) {
  if (is_dead(codec) || count <= 0) return false;
  // hiredis counts in `int` and asserts that its sum was right.
  size_t total = 0;
  for (int index = 0; index < count; index++) {
    // The longest "$<length>\r\n" and "\r\n" around an argument have 14 bytes within the limit.
    const size_t around = 14;
    if (lengths[index] > CHIREDIS_MAX_COMMAND || total > CHIREDIS_MAX_COMMAND - lengths[index]) return false;
    total += lengths[index] + around;
  }
  if (total > CHIREDIS_MAX_COMMAND) return false;
  char *command = NULL;
  long long size = redisFormatCommandArgv(&command, count, arguments, lengths);
  if (size < 0) return false;
  bool fits = make_room(codec, (size_t)size);
  if (fits) {
    memcpy(codec->output + codec->output_end, command, (size_t)size);
    codec->output_end += (size_t)size;
  }
  redisFreeCommand(command);
  return fits;
}

const uint8_t *chiredis_output(const chiredis_codec *codec, size_t *count) {
  *count = codec->output_end - codec->output_start;
  return codec->output == NULL ? (const uint8_t *)"" : codec->output + codec->output_start;
}

void chiredis_sent(chiredis_codec *codec, size_t count) {
  codec->output_start += count;
  if (codec->output_start < codec->output_end) return;
  codec->output_start = codec->output_end = 0;
  codec->output = shrink(codec->output, &codec->output_capacity, KEPT, 1);
}

// MARK: - Input

bool chiredis_feed(chiredis_codec *codec, const void *bytes, size_t count) {
  if (is_dead(codec)) return false;
  if (codec->reader->len - codec->reader->pos > codec->max_reply) {
    refuse(codec, "The reply is too large");
    return false;
  }
  return redisReaderFeed(codec->reader, bytes, count) == REDIS_OK;
}

// Forgets the reply that was handed out, and gives back what a large one took.
static void recycle(chiredis_codec *codec) {
  codec->is_complete = false;
  codec->node_count = 0;
  codec->byte_count = 0;
  codec->nodes = shrink(codec->nodes, &codec->node_capacity, KEPT_NODES, sizeof(chiredis_node));
  codec->bytes = shrink(codec->bytes, &codec->byte_capacity, KEPT, 1);
}

// Finds where every subtree ends. Backwards, so that the children of a node are known before it.
static void find_ends(chiredis_codec *codec) {
  for (size_t index = codec->node_count; index-- > 0;) {
    chiredis_node *node = &codec->nodes[index];
    uint32_t next = (uint32_t)index + 1;
    for (uint32_t child = 0; child < node->elements; child++) next = codec->nodes[next].next;
    node->next = next;
  }
}

chiredis_next_result chiredis_next(chiredis_codec *codec) {
  if (codec->is_complete) recycle(codec);
  if (is_dead(codec)) return CHIREDIS_NEXT_FAILED;
  void *object = NULL;
  if (redisReaderGetReply(codec->reader, &object) != REDIS_OK) return CHIREDIS_NEXT_FAILED;
  if (object == NULL) return CHIREDIS_NEXT_NONE;
  find_ends(codec);
  codec->is_complete = true;
  return CHIREDIS_NEXT_REPLY;
}

const chiredis_node *chiredis_nodes(const chiredis_codec *codec) {
  return codec->nodes;
}

const uint8_t *chiredis_bytes(const chiredis_codec *codec) {
  return codec->bytes;
}
