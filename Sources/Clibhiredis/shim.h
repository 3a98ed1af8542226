#ifndef CLIBHIREDIS_SHIM_H
#define CLIBHIREDIS_SHIM_H

// Distributions differ in whether pkg-config's include directory is the headers' own or the one above it.
#if __has_include(<hiredis/hiredis.h>)
#include <hiredis/hiredis.h>
#else
#include <hiredis.h>
#endif

#endif
