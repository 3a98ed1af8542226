#ifndef CHIREDIS_H
#define CHIREDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A closed enum becomes a Swift enum, so a `switch` over it is exhaustive.
#define CHIREDIS_CLOSED __attribute__((enum_extensibility(closed)))

#pragma clang assume_nonnull begin

/// The RESP2 codec of one connection: hiredis encodes commands into an output buffer, and parses what comes. It does no I/O.
///
/// Belongs to one thread. After any failure the codec is dead: what is left is to read the error and to close.
typedef struct chiredis_codec chiredis_codec;

/// The most bytes one command may have, arguments together: what Redis takes as one string by default.
#define CHIREDIS_MAX_COMMAND ((size_t)512 << 20)

/// The most bytes one reply may have, as sent and as decoded, unless it is told another limit; a larger one makes the
/// codec fail.
#define CHIREDIS_MAX_REPLY ((size_t)128 << 20)

/// The most values one reply may have, all levels together; an array that announces more makes the codec fail.
#define CHIREDIS_MAX_NODES ((size_t)1 << 20)

/// How many arrays may lie in one another. hiredis 0.14 stops here by itself.
#define CHIREDIS_MAX_DEPTH 8

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

/// Whether a reply was complete.
typedef enum CHIREDIS_CLOSED chiredis_next_result {
  CHIREDIS_NEXT_REPLY,
  /// Not yet: read more.
  CHIREDIS_NEXT_NONE,
  /// Not RESP2, larger than a limit, or no memory.
  CHIREDIS_NEXT_FAILED,
} chiredis_next_result;

/// Makes a codec whose replies may have `max_reply` bytes; their values take no more than that either.
/// NULL when there is no memory.
chiredis_codec *_Nullable chiredis_open(size_t max_reply);

/// Frees the codec. What was not taken from its output is lost.
void chiredis_close(chiredis_codec *codec);

/// Encodes one command of `count` arguments into the output buffer.
/// False when the codec is dead, there is no argument, the command is larger than `CHIREDIS_MAX_COMMAND`, or there is no
/// memory; nothing of the command is in the buffer then.
bool chiredis_append(chiredis_codec *codec, int count, const char *_Nonnull *_Nonnull arguments, const size_t *lengths);

/// What waits to be written; `count` becomes its size. Valid until the next call of `append` or `sent`.
const uint8_t *chiredis_output(const chiredis_codec *codec, size_t *count);

/// So many bytes of the output were written.
void chiredis_sent(chiredis_codec *codec, size_t count);

/// Takes bytes that came, as a copy. False when the codec is dead.
/// Take all complete replies before more bytes, so that the input holds an unfinished reply at most.
bool chiredis_feed(chiredis_codec *codec, const void *bytes, size_t count);

/// Decodes the next reply from the input buffer. What the one before it was made of is gone.
chiredis_next_result chiredis_next(chiredis_codec *codec);

/// The values of the decoded reply, the root first. Valid after `CHIREDIS_NEXT_REPLY` until the next `chiredis_next`.
const chiredis_node *chiredis_nodes(const chiredis_codec *codec);

/// The bytes that the nodes' offsets count from; valid as long as they are.
const uint8_t *chiredis_bytes(const chiredis_codec *codec);

/// Why the codec is dead: a sentence, or empty while it lives. Valid until the next call with the same codec.
const char *chiredis_error(const chiredis_codec *codec);

#pragma clang assume_nonnull end

#endif
