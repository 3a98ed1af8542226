#include "CPages.h"

// Each file as it is, between two symbols. `.incbin` looks in this folder and the one above, and takes no time;
// `embedInCode` of the package manager makes an array literal, over which the compiler sits for minutes.
#define FILE(name, path, symbol)                                                                                       \
    __asm__(".section .rodata\n"                                                                                       \
            "cpages_" #symbol "_start:\n"                                                                              \
            ".incbin \"" path "\"\n"                                                                                   \
            "cpages_" #symbol "_end:\n"                                                                                \
            ".byte 0\n"                                                                                                \
            ".previous\n");                                                                                            \
    extern const unsigned char cpages_##symbol##_start[];                                                              \
    extern const unsigned char cpages_##symbol##_end[];
#include "files.inc"
#undef FILE

#define FILE(name, path, symbol) {name, cpages_##symbol##_start, cpages_##symbol##_end},
static const cpages_file files[] = {
#include "files.inc"
};
#undef FILE

size_t cpages_count(void) {
    return sizeof files / sizeof files[0];
}

cpages_file cpages_get(size_t index) {
    return files[index];
}
