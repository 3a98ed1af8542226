#define _GNU_SOURCE
#include "CReactor.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

_Static_assert(CREACTOR_READABLE == EPOLLIN && CREACTOR_WRITABLE == EPOLLOUT && CREACTOR_ERROR == EPOLLERR &&
                   CREACTOR_HANG_UP == EPOLLHUP && CREACTOR_PEER_CLOSED == EPOLLRDHUP,
               "the constants of the header are the kernel's");

const uint32_t CREACTOR_EDGE_TRIGGERED = EPOLLET;
const uint32_t CREACTOR_EXCLUSIVE = EPOLLEXCLUSIVE;

int creactor_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

static int control(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  return epoll_ctl(epoll, operation, fd, &event);
}

int creactor_epoll_add(int epoll, int fd, uint32_t events, uint64_t data) {
  return control(epoll, EPOLL_CTL_ADD, fd, events, data);
}

int creactor_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data) {
  return control(epoll, EPOLL_CTL_MOD, fd, events, data);
}

int creactor_epoll_remove(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0, 0); }

int creactor_epoll_wait(int epoll, creactor_event *events, int capacity, int timeout) {
  struct epoll_event batch[512];
  if (capacity > 512) capacity = 512;
  int count = epoll_wait(epoll, batch, capacity, timeout);
  for (int i = 0; i < count; i++) events[i] = (creactor_event){batch[i].events, batch[i].data.u64};
  return count;
}

int creactor_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

int creactor_timerfd(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC); }

int creactor_timerfd_set(int timer, uint64_t moment) {
  struct itimerspec when = {.it_value = {.tv_sec = moment / 1000000000, .tv_nsec = moment % 1000000000}};
  return timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

int creactor_accept(int listener, void *address, unsigned int *length) {
  return accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int creactor_socket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

int creactor_set_option(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value);
}

static int64_t clock_in(clockid_t clock, int64_t per_second) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * per_second + time.tv_nsec / (1000000000 / per_second);
}

int64_t creactor_monotonic_microseconds(void) { return clock_in(CLOCK_MONOTONIC, 1000000); }
int64_t creactor_monotonic_nanoseconds(void) { return clock_in(CLOCK_MONOTONIC, 1000000000); }
int64_t creactor_wall_milliseconds(void) { return clock_in(CLOCK_REALTIME, 1000); }

void creactor_ignore_sigpipe(void) { signal(SIGPIPE, SIG_IGN); }

void creactor_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int creactor_usable_processors(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}
