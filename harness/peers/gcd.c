/* The kernel `gcd`, as defined in README.md. */
#include "peer.h"

static int64_t kernel(int64_t n, int64_t seed) {
    uint64_t x = (uint64_t)seed, hash = (uint64_t)seed;
    for (int64_t i = 0; i < n; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        int64_t a = (int64_t)(x >> 44) | 1, b = (int64_t)(x >> 24 & 0xfffff) | 1;
        while (b != 0) {
            int64_t difference = a < b ? b - a : a - b;
            a = a < b ? a : b;
            b = difference;
        }
        hash = hash * 31 + (uint64_t)a;
    }
    return (int64_t)hash;
}
