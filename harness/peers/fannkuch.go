// The kernel `fannkuch`, as defined in README.md.
package main

func kernel(n, seed int64) int64 {
	var order, pile, count [10]int64
	for i := range order {
		order[i] = (int64(i) + seed&7) % 10
		count[i] = int64(i) + 1
	}
	hash := seed
	for done := int64(0); done < n; done++ {
		pile = order
		flips := int64(0)
		for top := pile[0]; top != 0; top = pile[0] {
			for low, high := int64(0), top; low < high; low, high = low+1, high-1 {
				pile[low], pile[high] = pile[high], pile[low]
			}
			flips++
		}
		hash = hash*31 + flips
		for r := 1; r < len(order); r++ {
			first := order[0]
			for i := 0; i < r; i++ {
				order[i] = order[i+1]
			}
			order[r] = first
			count[r]--
			if count[r] > 0 {
				break
			}
			count[r] = int64(r) + 1
		}
	}
	return hash
}
