// The kernel `sums`, as defined in README.md.
package main

import "math"

func kernel(n, seed int64) int64 {
	x, whole, real := uint64(seed), uint64(0), 0.0
	for i := int64(0); i < n; i++ {
		x = x*6364136223846793005 + 1442695040888963407
		whole += x >> 33
		real += float64(int64(x>>11)) * 0x1p-53
	}
	return int64(whole*31 + math.Float64bits(real))
}
