#ifndef CZLIB_H
#define CZLIB_H

#include <zlib.h>

// zlib's init functions are macros, which Swift does not see. Both make raw streams, without header and checksum, as
// RFC 7692 section 7.2 wants them. They return zlib's codes.

/// A stream that compresses; `window_bits` from 9 to 15.
int czlib_deflate_init(z_stream *stream, int level, int window_bits);

/// A stream that decompresses whatever was compressed with a window of up to 15 bits.
int czlib_inflate_init(z_stream *stream);

#endif
