#ifndef CTLS_H
#define CTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A closed enum becomes a Swift enum, so a `switch` over it is exhaustive.
#define CTLS_CLOSED __attribute__((enum_extensibility(closed)))

#pragma clang assume_nonnull begin

/// What connections have in common: whom to trust, and the own certificate. May be used by several threads.
typedef struct ctls_context ctls_context;

/// The client's side of one TLS connection (1.2 or newer) over a socket that somebody else has connected.
///
/// Belongs to one thread. The certificate and its name are always checked. Nothing ever waits, and nothing is read
/// ahead: what `ctls_read` has not returned waits in the socket, so epoll goes on telling of it. After `ended` or
/// `failed` what is left is to read the error and to close.
typedef struct ctls_stream ctls_stream;

/// What can be wrong with the files of a context.
typedef enum CTLS_CLOSED ctls_file_error {
  CTLS_FILES_FINE,
  CTLS_FILES_NO_MEMORY,
  CTLS_FILES_AUTHORITIES,
  CTLS_FILES_CERTIFICATE,
  CTLS_FILES_KEY,
  /// Certificate and key are both readable, but do not belong together.
  CTLS_FILES_PAIR,
} ctls_file_error;

/// What a call came to.
typedef enum CTLS_CLOSED ctls_result {
  CTLS_DONE,
  /// Wait until the socket is readable, and call again.
  CTLS_WANTS_READ,
  /// Wait until the socket is writable, and call again.
  CTLS_WANTS_WRITE,
  /// The peer has sent all it will, with or without saying so (close_notify).
  CTLS_ENDED,
  CTLS_FAILED,
} ctls_result;

/// What kind of failure it was, for those who can say what to do about it.
typedef enum CTLS_CLOSED ctls_problem {
  /// None, or one that needs no advice of its own.
  CTLS_PROBLEM_OTHER,
  /// The peer speaks something else than TLS.
  CTLS_PROBLEM_PLAIN,
  /// The peer's certificate is signed by nobody who is trusted.
  CTLS_PROBLEM_UNTRUSTED,
  /// The peer's certificate is for another name.
  CTLS_PROBLEM_NAME,
  /// The peer asks for a certificate, or refuses the one it got.
  CTLS_PROBLEM_OWN_CERTIFICATE,
} ctls_problem;

/// A context of files in PEM; NULL as `authorities` stands for the system's own, as `certificate` (and `key`) for none.
/// NULL with `error` set when a file cannot be used; an encrypted key cannot.
ctls_context *_Nullable ctls_context_open(
  const char *_Nullable authorities, const char *_Nullable certificate, const char *_Nullable key,
  ctls_file_error *error);

/// Streams that were made of it live on.
void ctls_context_close(ctls_context *context);

/// A stream over a connected, non-blocking socket, which stays the caller's. `name` is what the certificate must be for: a
/// DNS name, which is also sent as SNI, or an IP address. NULL when there is no memory.
ctls_stream *_Nullable ctls_open(ctls_context *context, int descriptor, const char *name, bool is_address);

/// Says goodbye, as far as the socket takes it, and frees the stream; the socket stays open.
void ctls_close(ctls_stream *stream);

/// Goes on with the handshake; before it is done nothing can be read or written.
ctls_result ctls_handshake(ctls_stream *stream);

/// Reads at most one record, into room for one: 16 KiB (RFC 8446 section 5.1). With less room some of it would be left where
/// epoll does not see it. `count` becomes the number of bytes, at least one when done.
ctls_result ctls_read(ctls_stream *stream, void *buffer, size_t capacity, size_t *count);

/// Writes at most one record. `count` becomes the number of bytes taken, at least one when done. After `wants` the next
/// call must begin with the same bytes; they may have moved, and more may follow.
ctls_result ctls_write(ctls_stream *stream, const void *bytes, size_t size, size_t *count);

/// Why it failed: a sentence without its end. Valid as long as the stream.
const char *ctls_error(const ctls_stream *stream);

ctls_problem ctls_problem_of(const ctls_stream *stream);

/// The version, such as `TLSv1.3`, after the handshake.
const char *ctls_version(const ctls_stream *stream);

/// When the peer's certificate ends, in seconds since 1970; 0 before the handshake.
int64_t ctls_certificate_end(const ctls_stream *stream);

#pragma clang assume_nonnull end

#endif
