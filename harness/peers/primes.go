// The kernel `primes`, as defined in README.md.
package main

func kernel(n, seed int64) int64 {
	rests, hash := []int64{}, seed
	first := 2*(seed&1023) + 3
	for candidate := first; candidate < first+2*n; candidate += 2 {
		prime := true
		d := int64(3)
		for k, rest := range rests {
			rest += 2
			if rest >= d {
				rest -= d
				if rest == 0 {
					prime = false
				}
			}
			rests[k] = rest
			d += 2
		}
		for ; d*d <= candidate; d += 2 {
			rest := candidate % d
			rests = append(rests, rest)
			if rest == 0 {
				prime = false
			}
		}
		hash *= 31
		if prime {
			hash += candidate
		}
	}
	return hash
}
