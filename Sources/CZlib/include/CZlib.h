#ifndef CZLIB_H
#define CZLIB_H

#include <zlib.h>

// zlib's init functions are macros, which Swift does not see. They return zlib's codes.

/// A stream that compresses, raw, without header and checksum, as RFC 7692 section 7.2 wants it; `window_bits` from 9 to 15.
int czlib_deflate_init(z_stream *stream, int level, int window_bits);

/// A stream that compresses to a file of gzip (RFC 1952).
int czlib_gzip_init(z_stream *stream, int level);

/// A raw stream that decompresses whatever was compressed with a window of up to 15 bits.
int czlib_inflate_init(z_stream *stream);

#endif
