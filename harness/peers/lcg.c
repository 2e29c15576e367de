/* The kernel `lcg`, as defined in README.md. */
#include "peer.h"

static int64_t kernel(int64_t n, int64_t seed) {
    uint32_t x = (uint32_t)seed, acc = 0;
    for (int64_t i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        acc = (acc ^ (x >> 16)) + x;
    }
    return (int64_t)((uint64_t)acc << 32 | x);
}
