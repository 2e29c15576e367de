// The kernel `sieve`, as defined in README.md.
package main

func kernel(n, seed int64) int64 {
	limit := 65536 + seed&1023
	composite := make([]bool, limit+1)
	hash := seed
	for round := int64(0); round < n; round++ {
		for i := range composite {
			composite[i] = false
		}
		sum := int64(0)
		for i := int64(2); i <= limit; i++ {
			if composite[i] {
				continue
			}
			sum += i
			for j := i * i; j <= limit; j += i {
				composite[j] = true
			}
		}
		hash = hash*31 + sum
	}
	return hash
}
