/* The kernel `spectralnorm`, as defined in README.md. */
#include <math.h>

#include "peer.h"

static void times(int64_t n, const double *v, double *out) {
    for (int64_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (int64_t j = 0; j < n; j++) sum += 1.0 / (double)(((i + j) * (i + j + 1) >> 1) + i + 1) * v[j];
        out[i] = sum;
    }
}

static void times_transposed(int64_t n, const double *v, double *out) {
    for (int64_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (int64_t j = 0; j < n; j++) sum += 1.0 / (double)(((i + j) * (i + j + 1) >> 1) + j + 1) * v[j];
        out[i] = sum;
    }
}

static int64_t kernel(int64_t n, int64_t seed) {
    double *u = array(n, sizeof *u), *v = array(n, sizeof *v), *t = array(n, sizeof *t);
    for (int64_t i = 0; i < n; i++) u[i] = (double)(((uint64_t)i * 7 + (uint64_t)seed) & 15) + 1.0;
    for (int round = 0; round < 10; round++) {
        times(n, u, t), times_transposed(n, t, v);
        times(n, v, t), times_transposed(n, t, u);
    }
    double uv = 0.0, vv = 0.0;
    uint64_t hash = (uint64_t)seed;
    for (int64_t i = 0; i < n; i++) {
        uv += u[i] * v[i];
        vv += v[i] * v[i];
        hash = hash * 31 + bits(u[i]);
    }
    if (n > 0) hash = hash * 31 + bits(sqrt(uv / vv));
    free(u), free(v), free(t);
    return (int64_t)hash;
}
