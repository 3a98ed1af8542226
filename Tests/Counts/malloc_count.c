// malloc_count: counts the allocations of a process, for LD_PRELOAD. The two counters lie in the file that
// MALLOC_COUNT_FILE names, shared, so that they can be read from outside without a word to the process.
//
//   cc -O2 -Wall -shared -fPIC -o malloc_count.so malloc_count.c
//
// It stands on the names by which glibc exports its own allocator, and so needs no dlsym, which itself allocates.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

struct counters {
  _Atomic uint64_t allocations;  // a realloc is one, whether it moves or not
  _Atomic uint64_t frees;
};

// Until the file is there: what happens before main counts, too, and is thrown away.
static struct counters early;
static struct counters *counters = &early;

__attribute__((constructor)) static void open_counters(void) {
  const char *path = getenv("MALLOC_COUNT_FILE");
  if (!path) return;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  if (ftruncate(fd, sizeof *counters) == 0) {
    void *shared = mmap(NULL, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared != MAP_FAILED) counters = shared;
  }
  close(fd);
}

static void count_allocation(void) { atomic_fetch_add_explicit(&counters->allocations, 1, memory_order_relaxed); }

void *malloc(size_t size) {
  count_allocation();
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  count_allocation();
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  count_allocation();
  return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
  count_allocation();
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  count_allocation();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  count_allocation();
  void *aligned = __libc_memalign(alignment, size);
  if (!aligned) return ENOMEM;
  *memory = aligned;
  return 0;
}

void free(void *memory) {
  if (memory) atomic_fetch_add_explicit(&counters->frees, 1, memory_order_relaxed);
  __libc_free(memory);
}
