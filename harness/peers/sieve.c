/* The kernel `sieve`, as defined in README.md. */
#include "peer.h"

static int64_t kernel(int64_t n, int64_t seed) {
    int64_t limit = 65536 + (seed & 1023);
    bool *composite = array(limit + 1, sizeof *composite);
    uint64_t hash = (uint64_t)seed;
    for (int64_t round = 0; round < n; round++) {
        for (int64_t i = 0; i <= limit; i++) composite[i] = false;
        int64_t sum = 0;
        for (int64_t i = 2; i <= limit; i++) {
            if (composite[i]) continue;
            sum += i;
            for (int64_t j = i * i; j <= limit; j += i) composite[j] = true;
        }
        hash = hash * 31 + (uint64_t)sum;
    }
    free(composite);
    return (int64_t)hash;
}
