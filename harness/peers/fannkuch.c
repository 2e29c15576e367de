/* The kernel `fannkuch`, as defined in README.md. */
#include "peer.h"

enum { LENGTH = 10 };

static int64_t kernel(int64_t n, int64_t seed) {
    int64_t order[LENGTH], pile[LENGTH], count[LENGTH];
    for (int64_t i = 0; i < LENGTH; i++) {
        order[i] = (i + (seed & 7)) % LENGTH;
        count[i] = i + 1;
    }
    uint64_t hash = (uint64_t)seed;
    for (int64_t done = 0; done < n; done++) {
        for (int64_t i = 0; i < LENGTH; i++) pile[i] = order[i];
        int64_t flips = 0;
        for (int64_t top = pile[0]; top != 0; top = pile[0]) {
            for (int64_t low = 0, high = top; low < high; low++, high--) {
                int64_t card = pile[low];
                pile[low] = pile[high];
                pile[high] = card;
            }
            flips++;
        }
        hash = hash * 31 + (uint64_t)flips;
        for (int64_t r = 1; r < LENGTH; r++) {
            int64_t first = order[0];
            for (int64_t i = 0; i < r; i++) order[i] = order[i + 1];
            order[r] = first;
            if (--count[r] > 0) break;
            count[r] = r + 1;
        }
    }
    return (int64_t)hash;
}
