/* The kernel `matmul`, as defined in README.md. */
#include "peer.h"

static int64_t kernel(int64_t n, int64_t seed) {
    double *a = array(n * n, sizeof *a), *b = array(n * n, sizeof *b), *c = array(n * n, sizeof *c);
    for (int64_t i = 0; i < n * n; i++) {
        a[i] = (double)(((uint64_t)i * 7 + (uint64_t)seed) & 15) - 7.0;
        b[i] = (double)(((uint64_t)i * 5 + (uint64_t)seed) & 15) - 7.0;
    }
    for (int64_t row = 0; row < n; row++) {
        for (int64_t col = 0; col < n; col++) {
            double sum = 0.0;
            for (int64_t k = 0; k < n; k++) sum += a[row * n + k] * b[k * n + col];
            c[row * n + col] = sum;
        }
    }
    uint64_t hash = (uint64_t)seed;
    for (int64_t i = 0; i < n * n; i++) hash = hash * 31 + (uint64_t)(int64_t)c[i];
    free(a), free(b), free(c);
    return (int64_t)hash;
}
