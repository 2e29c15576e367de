// The kernel `matmul`, as defined in README.md.
package main

func kernel(n, seed int64) int64 {
	a, b, c := make([]float64, n*n), make([]float64, n*n), make([]float64, n*n)
	for i := range a {
		a[i] = float64((int64(i)*7+seed)&15) - 7.0
		b[i] = float64((int64(i)*5+seed)&15) - 7.0
	}
	for row := int64(0); row < n; row++ {
		for col := int64(0); col < n; col++ {
			sum := 0.0
			for k := int64(0); k < n; k++ {
				sum += a[row*n+k] * b[k*n+col]
			}
			c[row*n+col] = sum
		}
	}
	hash := seed
	for _, element := range c {
		hash = hash*31 + int64(element)
	}
	return hash
}
