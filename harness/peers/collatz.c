/* The kernel `collatz`, as defined in README.md. */
#include "peer.h"

static int64_t kernel(int64_t n, int64_t seed) {
    uint64_t base = (uint64_t)seed & 1023, hash = (uint64_t)seed;
    for (int64_t i = 1; i <= n; i++) {
        uint64_t x = base + (uint64_t)i, steps = 0;
        while (x != 1) {
            x = x & 1 ? 3 * x + 1 : x >> 1;
            steps++;
        }
        hash = hash * 31 + steps;
    }
    return (int64_t)hash;
}
