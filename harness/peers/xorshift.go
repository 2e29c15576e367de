// The kernel `xorshift`, as defined in README.md.
package main

func kernel(n, seed int64) int64 {
	x, sum := uint64(seed)^0x2545f4914f6cdd1d, uint64(0)
	if x == 0 {
		x = 1
	}
	for i := int64(0); i < n; i++ {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		sum += x
	}
	return int64(sum)
}
