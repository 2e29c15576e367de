/* What all C peers share: arguments, the clock, the two lines of output. Each peer defines `kernel` and nothing else. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t kernel(int64_t n, int64_t seed);

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline void *array(int64_t count, size_t size) {
    void *memory = calloc((size_t)count, size);
    if (memory == NULL) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }
    return memory;
}

/* The bits of a float. */
static inline uint64_t bits(double value) {
    uint64_t same;
    memcpy(&same, &value, sizeof same);
    return same;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s SIZE SEED\n", argv[0]);
        return 2;
    }
    int64_t n = strtoll(argv[1], NULL, 10), seed = strtoll(argv[2], NULL, 10);
    double start = seconds();
    int64_t checksum = kernel(n, seed);
    double time = seconds() - start;
    printf("checksum %" PRId64 "\nseconds %.9f\n", checksum, time);
    return 0;
}
