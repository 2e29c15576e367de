/* The kernel `primes`, as defined in README.md. */
#include "peer.h"

static int64_t kernel(int64_t n, int64_t seed) {
    uint64_t hash = (uint64_t)seed;
    if (n == 0) return (int64_t)hash;
    int64_t candidate = 2 * (seed & 1023) + 3, last = candidate + 2 * (n - 1), divisors = 0;
    for (int64_t d = 3; d * d <= last; d += 2) divisors++;
    int64_t *rests = array(divisors, sizeof *rests);
    divisors = 0;
    for (; candidate <= last; candidate += 2) {
        bool prime = true;
        for (int64_t k = 0, d = 3; k < divisors; k++, d += 2) {
            int64_t rest = rests[k] + 2;
            if (rest >= d) {
                rest -= d;
                if (rest == 0) prime = false;
            }
            rests[k] = rest;
        }
        for (int64_t d = 2 * divisors + 3; d * d <= candidate; d += 2) {
            int64_t rest = candidate % d;
            rests[divisors++] = rest;
            if (rest == 0) prime = false;
        }
        hash = hash * 31 + (prime ? (uint64_t)candidate : 0);
    }
    free(rests);
    return (int64_t)hash;
}
