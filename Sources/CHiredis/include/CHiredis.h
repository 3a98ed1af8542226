#ifndef CHIREDIS_H
#define CHIREDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A closed enum becomes a Swift enum, so a `switch` over it is exhaustive.
#define CHIREDIS_CLOSED __attribute__((enum_extensibility(closed)))

#pragma clang assume_nonnull begin

/// The RESP2 codec of one connection: hiredis' two buffers and parser around a descriptor that somebody else connected.
///
/// Belongs to one thread. After any `failed` or `end` the link is dead: what is left is to read the error and to close.
typedef struct chiredis_link chiredis_link;

/// The most bytes one command may have, arguments together: what Redis takes as one string by default.
#define CHIREDIS_MAX_COMMAND ((size_t)512 << 20)

/// The most bytes one reply may have, as sent and as decoded; a larger one makes the link fail.
#define CHIREDIS_MAX_REPLY ((size_t)128 << 20)

/// The most values one reply may have, all levels together; an array that announces more makes the link fail.
#define CHIREDIS_MAX_NODES ((size_t)1 << 20)

/// How many arrays may lie in one another. hiredis 0.14 stops here by itself.
#define CHIREDIS_MAX_DEPTH 8

/// The most bytes one `chiredis_read` takes from the descriptor: hiredis' own constant.
#define CHIREDIS_READ_SIZE ((size_t)16 << 10)

/// What a value is: the types of RESP2. `null` stands for the null string and for the null array.
typedef enum CHIREDIS_CLOSED chiredis_kind {
  CHIREDIS_KIND_STRING,
  CHIREDIS_KIND_ARRAY,
  CHIREDIS_KIND_INTEGER,
  CHIREDIS_KIND_NULL,
  CHIREDIS_KIND_STATUS,
  CHIREDIS_KIND_ERROR,
} chiredis_kind;

/// One value of a reply. Values stand in pre-order: the children of an array follow it, each with all below it.
typedef struct chiredis_node {
  /// The number, for `integer`.
  int64_t integer;
  /// Where the text begins in the reply's bytes, and how long it is, for `string`, `status` and `error`.
  uint32_t offset;
  uint32_t length;
  /// How many children, for `array`.
  uint32_t elements;
  /// The index just past this value and all below it: where its next sibling stands.
  uint32_t next;
  chiredis_kind kind;
} chiredis_node;

/// How far a write came.
typedef enum CHIREDIS_CLOSED chiredis_write_result {
  /// Nothing is left to write.
  CHIREDIS_WRITE_DONE,
  /// Some was written, some is left.
  CHIREDIS_WRITE_PROGRESS,
  /// Nothing was written: wait until the descriptor is writable.
  CHIREDIS_WRITE_BLOCKED,
  CHIREDIS_WRITE_FAILED,
} chiredis_write_result;

/// What a read brought.
typedef enum CHIREDIS_CLOSED chiredis_read_result {
  /// At least one byte.
  CHIREDIS_READ_DATA,
  /// Nothing: wait until the descriptor is readable.
  CHIREDIS_READ_BLOCKED,
  /// The peer closed the connection.
  CHIREDIS_READ_END,
  CHIREDIS_READ_FAILED,
} chiredis_read_result;

/// Whether a reply was complete.
typedef enum CHIREDIS_CLOSED chiredis_next_result {
  CHIREDIS_NEXT_REPLY,
  /// Not yet: read more.
  CHIREDIS_NEXT_NONE,
  /// Not RESP2, larger than a limit, or no memory.
  CHIREDIS_NEXT_FAILED,
} chiredis_next_result;

/// A link around a connected, non-blocking stream socket, which it then owns.
/// NULL when there is no memory; the descriptor is the caller's still.
chiredis_link *_Nullable chiredis_open(int descriptor);

/// Frees the link and closes its descriptor. What was not written is lost.
void chiredis_close(chiredis_link *link);

/// Encodes one command of `count` arguments into the output buffer.
/// False when the link is dead, there is no argument, the command is larger than `CHIREDIS_MAX_COMMAND`, or there is no
/// memory (the link is dead then); nothing of the command is written.
bool chiredis_append(chiredis_link *link, int count, const char *_Nonnull *_Nonnull arguments, const size_t *lengths);

/// The bytes in the output buffer.
size_t chiredis_pending(const chiredis_link *link);

/// Writes from the output buffer, by one system call at most. The process must ignore SIGPIPE.
chiredis_write_result chiredis_write(chiredis_link *link);

/// Reads into the input buffer, by one system call. `count` becomes the number of bytes read.
/// Take all complete replies before the next read, so that the buffer holds an unfinished reply at most.
chiredis_read_result chiredis_read(chiredis_link *link, size_t *count);

/// Decodes the next reply from the input buffer. What the one before it was made of is gone.
chiredis_next_result chiredis_next(chiredis_link *link);

/// The values of the decoded reply, the root first. Valid after `CHIREDIS_NEXT_REPLY` until the next `chiredis_next`.
const chiredis_node *chiredis_nodes(const chiredis_link *link);

/// The bytes that the nodes' offsets count from; valid as long as they are.
const uint8_t *chiredis_bytes(const chiredis_link *link);

/// Why the link is dead: a sentence, or empty while it lives. Valid until the next call with the same link.
const char *chiredis_error(const chiredis_link *link);

#pragma clang assume_nonnull end

#endif
