/// System calls and constants of Linux that Swift cannot import: macros with casts, GNU extensions, the packed
/// `epoll_event`. Every function returns what the system call returns and leaves the reason in `errno`.
#pragma once

#include <stdint.h>
#include <sys/socket.h>

enum {
  CREACTOR_READABLE = 0x001,    // EPOLLIN
  CREACTOR_WRITABLE = 0x004,    // EPOLLOUT
  CREACTOR_ERROR = 0x008,       // EPOLLERR
  CREACTOR_HANG_UP = 0x010,     // EPOLLHUP
  CREACTOR_PEER_CLOSED = 0x2000 // EPOLLRDHUP
};

extern const uint32_t CREACTOR_EDGE_TRIGGERED;
extern const uint32_t CREACTOR_EXCLUSIVE;

/// One event as the loop reads it: what happened, and the value given at registration.
typedef struct {
  uint32_t events;
  uint64_t data;
} creactor_event;

int creactor_epoll_create(void);
int creactor_epoll_add(int epoll, int fd, uint32_t events, uint64_t data);
int creactor_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data);
int creactor_epoll_remove(int epoll, int fd);
/// Waits up to `timeout` milliseconds (-1: forever) and fills at most `capacity` (no more than 512) events.
int creactor_epoll_wait(int epoll, creactor_event *events, int capacity, int timeout);

int creactor_eventfd(void);
/// Accepts a connection that is non-blocking and closed on exec. `address` takes that of the peer, in at most `length`
/// bytes, which becomes what it has.
int creactor_accept(int listener, void *address, unsigned int *length);
/// A socket that is non-blocking and closed on exec.
int creactor_socket(int family);
/// Sets one integer socket option.
int creactor_set_option(int fd, int level, int option, int value);
/// A timer on the monotonic clock, non-blocking and closed on exec.
int creactor_timerfd(void);
/// Has it fire once at `moment`, in nanoseconds of that clock; 0 would switch it off.
int creactor_timerfd_set(int timer, uint64_t moment);
int64_t creactor_monotonic_microseconds(void);
int64_t creactor_monotonic_nanoseconds(void);
int64_t creactor_wall_milliseconds(void);
void creactor_ignore_sigpipe(void);
void creactor_name_thread(const char *name);
/// The processors this process may run on.
int creactor_usable_processors(void);
