// The kernel `collatz`, as defined in README.md.
package main

func kernel(n, seed int64) int64 {
	base, hash := seed&1023, seed
	for i := int64(1); i <= n; i++ {
		x, steps := base+i, int64(0)
		for x != 1 {
			if x&1 == 0 {
				x >>= 1
			} else {
				x = 3*x + 1
			}
			steps++
		}
		hash = hash*31 + steps
	}
	return hash
}
