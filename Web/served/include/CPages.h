#ifndef CPAGES_H
#define CPAGES_H

#include <stddef.h>

/// A file that is built in.
typedef struct {
    const char *name;
    const unsigned char *start;
    const unsigned char *end;
} cpages_file;

/// How many there are.
size_t cpages_count(void);

/// One of them, by its number from 0 on.
cpages_file cpages_get(size_t index);

#endif
