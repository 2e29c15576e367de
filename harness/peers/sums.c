/* The kernel `sums`, as defined in README.md. */
#include "peer.h"

static int64_t kernel(int64_t n, int64_t seed) {
    uint64_t x = (uint64_t)seed, whole = 0;
    double real = 0.0;
    for (int64_t i = 0; i < n; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        whole += x >> 33;
        real += (double)(int64_t)(x >> 11) * 0x1p-53;
    }
    return (int64_t)(whole * 31 + bits(real));
}
