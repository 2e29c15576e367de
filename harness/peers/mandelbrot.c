/* The kernel `mandelbrot`, as defined in README.md. */
#include "peer.h"

static int64_t kernel(int64_t n, int64_t seed) {
    double shift = (double)(seed & 1023) * 0x1p-20;
    uint64_t hash = (uint64_t)seed;
    for (int64_t row = 0; row < n; row++) {
        double ci = 2.5 * (double)row / (double)n - 1.25;
        for (int64_t col = 0; col < n; col++) {
            double cr = 2.5 * (double)col / (double)n - 2.0 + shift;
            double zr = 0.0, zi = 0.0;
            int64_t k = 0;
            while (k < 50) {
                double rr = zr * zr, ii = zi * zi;
                if (4.0 < rr + ii) break;
                zi = (zr + zr) * zi + ci;
                zr = rr - ii + cr;
                k++;
            }
            hash = hash * 31 + (uint64_t)k;
        }
    }
    return (int64_t)hash;
}
