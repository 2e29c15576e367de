// The kernel `lcg`, as defined in README.md.
package main

func kernel(n, seed int64) int64 {
	x, acc := uint32(seed), uint32(0)
	for i := int64(0); i < n; i++ {
		x = x*1664525 + 1013904223
		acc = (acc ^ x>>16) + x
	}
	return int64(uint64(acc)<<32 | uint64(x))
}
