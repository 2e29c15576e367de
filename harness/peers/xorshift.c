/* The kernel `xorshift`, as defined in README.md. */
#include "peer.h"

static int64_t kernel(int64_t n, int64_t seed) {
    uint64_t x = (uint64_t)seed ^ 0x2545f4914f6cdd1du, sum = 0;
    if (x == 0) x = 1;
    for (int64_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        sum += x;
    }
    return (int64_t)sum;
}
