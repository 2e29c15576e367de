/* The kernel `nbody`, as defined in README.md. */
#include <math.h>

#include "peer.h"

enum { BODIES = 5 };

static int64_t kernel(int64_t n, int64_t seed) {
    double x[BODIES] = {0.0, 4.84, 8.34, 12.89, 15.38}, y[BODIES] = {0.0, -1.16, 4.12, -15.11, -25.92};
    double z[BODIES] = {0.0, -0.10, -0.40, -0.22, 0.18}, vx[BODIES] = {0.0, 0.606, -1.011, 1.083, 0.979};
    double vy[BODIES] = {0.0, 2.812, 1.826, 0.869, 0.595}, vz[BODIES] = {0.0, -0.025, 0.008, -0.011, -0.035};
    double mass[BODIES] = {39.48, 0.0377, 0.0113, 0.0017, 0.0020};
    x[1] += (double)(seed & 1023) * 0x1p-20;
    for (int64_t step = 0; step < n; step++) {
        for (int i = 0; i < BODIES; i++) {
            for (int j = i + 1; j < BODIES; j++) {
                double dx = x[i] - x[j], dy = y[i] - y[j], dz = z[i] - z[j];
                double d2 = dx * dx + dy * dy + dz * dz;
                double mag = 0.01 / (d2 * sqrt(d2));
                double mi = mass[i] * mag, mj = mass[j] * mag;
                vx[i] -= dx * mj, vy[i] -= dy * mj, vz[i] -= dz * mj;
                vx[j] += dx * mi, vy[j] += dy * mi, vz[j] += dz * mi;
            }
        }
        for (int i = 0; i < BODIES; i++) x[i] += 0.01 * vx[i], y[i] += 0.01 * vy[i], z[i] += 0.01 * vz[i];
    }
    uint64_t hash = (uint64_t)seed;
    for (int i = 0; i < BODIES; i++) {
        hash = hash * 31 + bits(x[i]), hash = hash * 31 + bits(y[i]), hash = hash * 31 + bits(z[i]);
        hash = hash * 31 + bits(vx[i]), hash = hash * 31 + bits(vy[i]), hash = hash * 31 + bits(vz[i]);
    }
    return (int64_t)hash;
}
