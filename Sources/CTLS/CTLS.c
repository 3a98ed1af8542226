// For `timegm`.
#define _GNU_SOURCE

#include "CTLS.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

struct ctls_stream {
  SSL *ssl;
  int descriptor;
  /// The socket has nothing more to read.
  bool has_ended;
  /// `errno` of the call that failed, or 0.
  int failure;
  /// What the certificate must be for.
  char *name;
  /// The peer has asked for a certificate, and there is none.
  bool lacks_certificate;
  char error[256];
  ctls_problem problem;
};

// MARK: - The socket below
//
// OpenSSL's own writes without MSG_NOSIGNAL, and a program that uses the client library may not ignore SIGPIPE.

static ctls_stream *stream_of(BIO *bio) {
  return BIO_get_data(bio);
}

static int socket_write(BIO *bio, const char *bytes, int size) {
  ctls_stream *stream = stream_of(bio);
  BIO_clear_retry_flags(bio);
  ssize_t count;
  do {
    count = send(stream->descriptor, bytes, (size_t)size, MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno == EAGAIN) BIO_set_retry_write(bio);
  else if (count < 0) stream->failure = errno;
  return (int)count;
}

static int socket_read(BIO *bio, char *buffer, int capacity) {
  ctls_stream *stream = stream_of(bio);
  BIO_clear_retry_flags(bio);
  ssize_t count;
  do {
    count = recv(stream->descriptor, buffer, (size_t)capacity, 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno == EAGAIN) BIO_set_retry_read(bio);
  else if (count < 0) stream->failure = errno;
  else if (count == 0) stream->has_ended = true;
  return (int)count;
}

static long socket_control(BIO *bio, int command, long number, void *pointer) {
  (void)bio;
  (void)number;
  (void)pointer;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *socket_method;

// Once, before any thread can ask for it.
__attribute__((constructor)) static void make_socket_method(void) {
  BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "apus socket");
  if (method == NULL) return;
  BIO_meth_set_write(method, socket_write);
  BIO_meth_set_read(method, socket_read);
  BIO_meth_set_ctrl(method, socket_control);
  socket_method = method;
}

// MARK: - Contexts

static SSL_CTX *ssl_context(ctls_context *context) {
  return (SSL_CTX *)context;
}

/// A key that needs a password counts as unreadable: nobody is there to be asked.
static int no_password(char *buffer, int size, int is_writing, void *data) {
  (void)buffer;
  (void)size;
  (void)is_writing;
  (void)data;
  return -1;
}

static int remember_refusal(int is_fine, X509_STORE_CTX *store);

/// Called by OpenSSL where the peer asks for a certificate and there is none. In TLS 1.2 nothing else tells why it fails.
static int lack_certificate(SSL *ssl, X509 **certificate, EVP_PKEY **key) {
  (void)certificate;
  (void)key;
  ctls_stream *stream = SSL_get_app_data(ssl);
  if (stream != NULL) stream->lacks_certificate = true;
  return 0;
}

static ctls_file_error use_files(SSL_CTX *ssl, const char *authorities, const char *certificate, const char *key) {
  int is_loaded = authorities == NULL ? SSL_CTX_set_default_verify_paths(ssl)
                                      : SSL_CTX_load_verify_locations(ssl, authorities, NULL);
  if (is_loaded != 1) return CTLS_FILES_AUTHORITIES;
  // Whoever names an intermediate authority trusts what it signs.
  if (authorities != NULL) X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
  if (certificate == NULL || key == NULL) return CTLS_FILES_FINE;
  if (SSL_CTX_use_certificate_chain_file(ssl, certificate) != 1) return CTLS_FILES_CERTIFICATE;
  ERR_clear_error();
  if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1) {
    bool is_other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;
    return is_other ? CTLS_FILES_PAIR : CTLS_FILES_KEY;
  }
  return SSL_CTX_check_private_key(ssl) == 1 ? CTLS_FILES_FINE : CTLS_FILES_PAIR;
}

ctls_context *ctls_context_open(
  const char *authorities, const char *certificate, const char *key, ctls_file_error *error) {
  *error = CTLS_FILES_NO_MEMORY;
  SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
  if (ssl == NULL) return NULL;
  SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
  SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(
    ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  // Else one read would go on through any number of records without data, for as long as the peer sends them.
  SSL_CTX_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, remember_refusal);
  SSL_CTX_set_client_cert_cb(ssl, lack_certificate);
  SSL_CTX_set_default_passwd_cb(ssl, no_password);
  *error = use_files(ssl, authorities, certificate, key);
  ERR_clear_error();
  if (*error == CTLS_FILES_FINE) return (ctls_context *)ssl;
  SSL_CTX_free(ssl);
  return NULL;
}

void ctls_context_close(ctls_context *context) {
  SSL_CTX_free(ssl_context(context));
}

// MARK: - Life of a stream

ctls_stream *ctls_open(ctls_context *context, int descriptor, const char *name, bool is_address) {
  ctls_stream *stream = calloc(1, sizeof(*stream));
  if (stream == NULL) return NULL;
  stream->descriptor = descriptor;
  stream->name = strdup(name);
  stream->ssl = SSL_new(ssl_context(context));
  BIO *bio = socket_method == NULL ? NULL : BIO_new(socket_method);
  if (stream->name == NULL || stream->ssl == NULL || bio == NULL) goto failed;
  BIO_set_data(bio, stream);
  BIO_set_init(bio, 1);
  SSL_set_bio(stream->ssl, bio, bio);
  bio = NULL;
  SSL_set_app_data(stream->ssl, stream);
  SSL_set_connect_state(stream->ssl);
  SSL_set_hostflags(stream->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  bool is_named = is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(stream->ssl), name) == 1
                             : SSL_set1_host(stream->ssl, name) == 1
                                 && SSL_set_tlsext_host_name(stream->ssl, name) == 1;
  if (is_named) return stream;
failed:
  BIO_free(bio);
  SSL_free(stream->ssl);
  free(stream->name);
  free(stream);
  return NULL;
}

void ctls_close(ctls_stream *stream) {
  ERR_clear_error();
  // Not after a failure, nor before the handshake was done: there is nobody then who would understand it.
  if (stream->error[0] == '\0' && SSL_is_init_finished(stream->ssl)) SSL_shutdown(stream->ssl);
  ERR_clear_error();
  SSL_free(stream->ssl);
  free(stream->name);
  free(stream);
}

// MARK: - Why it failed

__attribute__((format(printf, 3, 4))) static void explain(
  ctls_stream *stream, ctls_problem problem, const char *format, ...) {
  if (stream->error[0] != '\0') return;
  stream->problem = problem;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(stream->error, sizeof(stream->error), format, arguments);
  va_end(arguments);
}

/// The names that a certificate is for, `a.example, b.example`, as many as there is room for. They are outside data.
static void list_names(X509 *certificate, char *text, size_t capacity) {
  size_t length = 0;
  text[0] = '\0';
  GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
  for (int index = 0; names != NULL && index < sk_GENERAL_NAME_num(names); index++) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
    char address[INET6_ADDRSTRLEN];
    const char *start = address;
    size_t size = 0;
    if (name->type == GEN_DNS) {
      start = (const char *)ASN1_STRING_get0_data(name->d.dNSName);
      size = (size_t)ASN1_STRING_length(name->d.dNSName);
    } else if (name->type == GEN_IPADD) {
      int family = ASN1_STRING_length(name->d.iPAddress) == 4 ? AF_INET : AF_INET6;
      bool is_whole = family == AF_INET || ASN1_STRING_length(name->d.iPAddress) == 16;
      const void *bytes = ASN1_STRING_get0_data(name->d.iPAddress);
      if (is_whole && inet_ntop(family, bytes, address, sizeof(address)) != NULL) size = strlen(address);
    }
    if (size == 0 || length + size + sizeof(", ") > capacity) continue;
    if (length > 0) {
      memcpy(text + length, ", ", 2);
      length += 2;
    }
    for (size_t each = 0; each < size; each++) {
      bool is_plain = start[each] > ' ' && start[each] <= '~';
      text[length++] = is_plain ? start[each] : '?';
    }
    text[length] = '\0';
  }
  GENERAL_NAMES_free(names);
}

/// Called by OpenSSL for each certificate of the peer, with what it thinks of it.
static int remember_refusal(int is_fine, X509_STORE_CTX *store) {
  if (is_fine) return 1;
  SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  ctls_stream *stream = ssl == NULL ? NULL : SSL_get_app_data(ssl);
  if (stream == NULL) return 0;
  int error = X509_STORE_CTX_get_error(store);
  char names[128];
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      explain(
        stream, CTLS_PROBLEM_OTHER,
        X509_STORE_CTX_get_error_depth(store) == 0 ? "its certificate has expired"
                                                   : "the certificate of an authority of its own has expired");
      break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      explain(stream, CTLS_PROBLEM_OTHER, "its certificate is not valid yet");
      break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      list_names(X509_STORE_CTX_get0_cert(store), names, sizeof(names));
      explain(
        stream, CTLS_PROBLEM_NAME, "its certificate is for %s, not for %.80s",
        names[0] == '\0' ? "other names or none" : names,
        stream->name);
      break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      explain(stream, CTLS_PROBLEM_UNTRUSTED, "its certificate is signed by an authority that is not trusted");
      break;
    default:
      explain(stream, CTLS_PROBLEM_OTHER, "its certificate is refused: %s", X509_verify_cert_error_string(error));
  }
  return 0;
}

static void explain_failure(ctls_stream *stream, bool is_handshake) {
  unsigned long code = ERR_peek_last_error();
  const char *text = ERR_reason_error_string(code);
  switch (ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
      if (is_handshake) explain(stream, CTLS_PROBLEM_PLAIN, "this port does not speak TLS");
      break;
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      if (!stream->lacks_certificate) break;
      // fallthrough
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      explain(stream, CTLS_PROBLEM_OWN_CERTIFICATE, "it asks for a certificate of this side");
      break;
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      explain(stream, CTLS_PROBLEM_OWN_CERTIFICATE, "it refuses the certificate of this side");
      break;
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
      explain(stream, CTLS_PROBLEM_OTHER, "it speaks no TLS 1.2 or newer");
      break;
  }
  explain(stream, CTLS_PROBLEM_OTHER, "TLS failed: %s", text == NULL ? "no reason was given" : text);
}

/// What a call of OpenSSL that did not succeed came to.
static ctls_result outcome(ctls_stream *stream, int returned, bool is_handshake) {
  if (stream->error[0] != '\0') return CTLS_FAILED;
  switch (SSL_get_error(stream->ssl, returned)) {
    case SSL_ERROR_WANT_READ: return CTLS_WANTS_READ;
    case SSL_ERROR_WANT_WRITE: return CTLS_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN: stream->has_ended = true;
  }
  if (stream->failure != 0) {
    explain(stream, CTLS_PROBLEM_OTHER, "%s", strerror(stream->failure));
  } else if (stream->has_ended) {
    if (!is_handshake) return CTLS_ENDED;
    explain(stream, CTLS_PROBLEM_OTHER, "it closed the connection during the TLS handshake");
  }
  explain_failure(stream, is_handshake);
  return CTLS_FAILED;
}

// MARK: - What goes through

ctls_result ctls_handshake(ctls_stream *stream) {
  ERR_clear_error();
  int returned = SSL_do_handshake(stream->ssl);
  return returned == 1 ? CTLS_DONE : outcome(stream, returned, true);
}

ctls_result ctls_read(ctls_stream *stream, void *buffer, size_t capacity, size_t *count) {
  ERR_clear_error();
  int returned = SSL_read_ex(stream->ssl, buffer, capacity, count);
  return returned == 1 ? CTLS_DONE : outcome(stream, returned, false);
}

/// Looks whether the peer has said why before it hung up: in TLS 1.3 it judges our certificate when we are writing already.
static void hear_last_words(ctls_stream *stream) {
  int failure = stream->failure;
  stream->failure = 0;
  ERR_clear_error();
  char byte;
  size_t count;
  int returned = SSL_peek_ex(stream->ssl, &byte, 1, &count);
  if (returned != 1 && SSL_get_error(stream->ssl, returned) == SSL_ERROR_SSL) explain_failure(stream, false);
  stream->failure = failure;
}

ctls_result ctls_write(ctls_stream *stream, const void *bytes, size_t size, size_t *count) {
  ERR_clear_error();
  int returned = SSL_write_ex(stream->ssl, bytes, size, count);
  if (returned == 1) return CTLS_DONE;
  if (stream->failure != 0) hear_last_words(stream);
  return outcome(stream, returned, false);
}

// MARK: - What is known

const char *ctls_error(const ctls_stream *stream) {
  return stream->error;
}

ctls_problem ctls_problem_of(const ctls_stream *stream) {
  return stream->problem;
}

const char *ctls_version(const ctls_stream *stream) {
  return SSL_get_version(stream->ssl);
}

int64_t ctls_certificate_end(const ctls_stream *stream) {
  X509 *certificate = SSL_get1_peer_certificate(stream->ssl);
  if (certificate == NULL) return 0;
  struct tm end = {0};
  bool is_known = ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1;
  X509_free(certificate);
  return is_known ? (int64_t)timegm(&end) : 0;
}
