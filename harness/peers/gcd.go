// The kernel `gcd`, as defined in README.md.
package main

func kernel(n, seed int64) int64 {
	x, hash := uint64(seed), seed
	for i := int64(0); i < n; i++ {
		x = x*6364136223846793005 + 1442695040888963407
		a, b := int64(x>>44)|1, int64(x>>24&0xfffff)|1
		for b != 0 {
			if a < b {
				b -= a
			} else {
				a, b = b, a-b
			}
		}
		hash = hash*31 + a
	}
	return hash
}
