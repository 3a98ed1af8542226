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

struct chiredis_link {
  redisContext *context;
  chiredis_node *nodes;
  size_t node_count;
  size_t node_capacity;
  uint8_t *bytes;
  size_t byte_count;
  size_t byte_capacity;
  // The decoded reply was handed out: the next one starts from the beginning.
  bool is_complete;
  // Why this file, not hiredis, gave the link up; hiredis then says no more than "Out of memory".
  const char *refusal;
};

static void *refuse(chiredis_link *link, const char *reason) {
  if (link->refusal == NULL) link->refusal = reason;
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

static chiredis_node *append_node(chiredis_link *link, chiredis_kind kind) {
  if (link->node_count == CHIREDIS_MAX_NODES) return refuse(link, "The reply has too many elements");
  chiredis_node *nodes = grow(link->nodes, &link->node_capacity, link->node_count + 1, sizeof(*nodes));
  if (nodes == NULL) return refuse(link, "No memory for the reply");
  link->nodes = nodes;
  chiredis_node *node = &link->nodes[link->node_count++];
  *node = (chiredis_node){.kind = kind};
  return node;
}

static void *create_string(const redisReadTask *task, char *text, size_t length) {
  chiredis_link *link = task->privdata;
  chiredis_kind kind;
  switch (task->type) {
    case REDIS_REPLY_STRING: kind = CHIREDIS_KIND_STRING; break;
    case REDIS_REPLY_STATUS: kind = CHIREDIS_KIND_STATUS; break;
    case REDIS_REPLY_ERROR: kind = CHIREDIS_KIND_ERROR; break;
    default: return refuse(link, "The reply is not RESP2");
  }
  // Keeps offset and length within 32 bits, too.
  if (length > CHIREDIS_MAX_REPLY - link->byte_count) return refuse(link, "The reply is too large");
  uint8_t *bytes = grow(link->bytes, &link->byte_capacity, link->byte_count + length, 1);
  if (bytes == NULL) return refuse(link, "No memory for the reply");
  link->bytes = bytes;
  chiredis_node *node = append_node(link, kind);
  if (node == NULL) return NULL;
  node->offset = (uint32_t)link->byte_count;
  node->length = (uint32_t)length;
  memcpy(link->bytes + link->byte_count, text, length);
  link->byte_count += length;
  return &decoded;
}

static void *create_elements(const redisReadTask *task, size_t elements) {
  chiredis_link *link = task->privdata;
  if (task->type != REDIS_REPLY_ARRAY) return refuse(link, "The reply is not RESP2");
  int depth = 1;
  for (const redisReadTask *parent = task->parent; parent != NULL; parent = parent->parent) depth++;
  if (depth > CHIREDIS_MAX_DEPTH) return refuse(link, "The reply is nested too deeply");
  if (elements > CHIREDIS_MAX_NODES) return refuse(link, "The reply has too many elements");
  chiredis_node *node = append_node(link, CHIREDIS_KIND_ARRAY);
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
  chiredis_link *link = task->privdata;
  if (task->type != REDIS_REPLY_STRING && task->type != REDIS_REPLY_ARRAY) {
    return refuse(link, "The reply is not RESP2");
  }
  return append_node(link, CHIREDIS_KIND_NULL) == NULL ? NULL : &decoded;
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

static bool is_dead(const chiredis_link *link) {
  return link->refusal != NULL || link->context->err != 0;
}

chiredis_link *chiredis_open(int descriptor) {
  chiredis_link *link = calloc(1, sizeof(*link));
  if (link == NULL) return NULL;
  link->nodes = malloc(KEPT_NODES * sizeof(chiredis_node));
  link->node_capacity = KEPT_NODES;
  link->bytes = malloc(KEPT);
  link->byte_capacity = KEPT;
  // Last, because the descriptor belongs to the context from here on.
  if (link->nodes != NULL && link->bytes != NULL) link->context = redisConnectFd(descriptor);
  if (link->context == NULL) {
    free(link->nodes);
    free(link->bytes);
    free(link);
    return NULL;
  }
  link->context->flags &= ~REDIS_BLOCK;
  redisReader *reader = link->context->reader;
  reader->fn = &reply_functions;
  reader->privdata = link;
  reader->maxbuf = KEPT_INPUT;
  return link;
}

void chiredis_close(chiredis_link *link) {
  redisFree(link->context);
  free(link->nodes);
  free(link->bytes);
  free(link);
}

const char *chiredis_error(const chiredis_link *link) {
  return link->refusal != NULL ? link->refusal : link->context->errstr;
}

// MARK: - Output

bool chiredis_append(chiredis_link *link, int count, const char **arguments, const size_t *lengths) {
  if (is_dead(link) || count <= 0) return false;
  // hiredis counts in `int` and asserts that its sum was right.
  size_t total = 0;
  for (int index = 0; index < count; index++) {
    // The longest "$<length>\r\n" and "\r\n" around an argument have 14 bytes within the limit.
    const size_t around = 14;
    if (lengths[index] > CHIREDIS_MAX_COMMAND || total > CHIREDIS_MAX_COMMAND - lengths[index]) return false;
    total += lengths[index] + around;
  }
  if (total > CHIREDIS_MAX_COMMAND) return false;
  return redisAppendCommandArgv(link->context, count, arguments, lengths) == REDIS_OK;
}

size_t chiredis_pending(const chiredis_link *link) {
  return link->context->obuf == NULL ? 0 : sdslen(link->context->obuf);
}

chiredis_write_result chiredis_write(chiredis_link *link) {
  if (is_dead(link)) return CHIREDIS_WRITE_FAILED;
  size_t before = chiredis_pending(link);
  int done = 0;
  if (redisBufferWrite(link->context, &done) != REDIS_OK) return CHIREDIS_WRITE_FAILED;
  if (done) return CHIREDIS_WRITE_DONE;
  return chiredis_pending(link) < before ? CHIREDIS_WRITE_PROGRESS : CHIREDIS_WRITE_BLOCKED;
}

// MARK: - Input

chiredis_read_result chiredis_read(chiredis_link *link, size_t *count) {
  *count = 0;
  if (is_dead(link)) return CHIREDIS_READ_FAILED;
  const redisReader *reader = link->context->reader;
  if (reader->len - reader->pos > CHIREDIS_MAX_REPLY) {
    refuse(link, "The reply is too large");
    return CHIREDIS_READ_FAILED;
  }
  size_t before = reader->len;
  if (redisBufferRead(link->context) != REDIS_OK) {
    return link->context->err == REDIS_ERR_EOF ? CHIREDIS_READ_END : CHIREDIS_READ_FAILED;
  }
  // A read that found nothing leaves the buffer alone; one that found something only appends to it.
  if (reader->len <= before) return CHIREDIS_READ_BLOCKED;
  *count = reader->len - before;
  return CHIREDIS_READ_DATA;
}

// Forgets the reply that was handed out, and gives back what a large one took.
static void recycle(chiredis_link *link) {
  link->is_complete = false;
  link->node_count = 0;
  link->byte_count = 0;
  link->nodes = shrink(link->nodes, &link->node_capacity, KEPT_NODES, sizeof(chiredis_node));
  link->bytes = shrink(link->bytes, &link->byte_capacity, KEPT, 1);
}

// Finds where every subtree ends. Backwards, so that the children of a node are known before it.
static void find_ends(chiredis_link *link) {
  for (size_t index = link->node_count; index-- > 0;) {
    chiredis_node *node = &link->nodes[index];
    uint32_t next = (uint32_t)index + 1;
    for (uint32_t child = 0; child < node->elements; child++) next = link->nodes[next].next;
    node->next = next;
  }
}

chiredis_next_result chiredis_next(chiredis_link *link) {
  if (link->is_complete) recycle(link);
  if (is_dead(link)) return CHIREDIS_NEXT_FAILED;
  void *object = NULL;
  if (redisGetReplyFromReader(link->context, &object) != REDIS_OK) return CHIREDIS_NEXT_FAILED;
  if (object == NULL) return CHIREDIS_NEXT_NONE;
  find_ends(link);
  link->is_complete = true;
  return CHIREDIS_NEXT_REPLY;
}

const chiredis_node *chiredis_nodes(const chiredis_link *link) {
  return link->nodes;
}

const uint8_t *chiredis_bytes(const chiredis_link *link) {
  return link->bytes;
}
