// The kernel `spectralnorm`, as defined in README.md.
package main

import "math"

func times(n int64, v, out []float64) {
	for i := int64(0); i < n; i++ {
		sum := 0.0
		for j := int64(0); j < n; j++ {
			sum += 1.0 / float64((i+j)*(i+j+1)>>1+i+1) * v[j]
		}
		out[i] = sum
	}
}

func timesTransposed(n int64, v, out []float64) {
	for i := int64(0); i < n; i++ {
		sum := 0.0
		for j := int64(0); j < n; j++ {
			sum += 1.0 / float64((i+j)*(i+j+1)>>1+j+1) * v[j]
		}
		out[i] = sum
	}
}

func kernel(n, seed int64) int64 {
	u, v, t := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range u {
		u[i] = float64((int64(i)*7+seed)&15) + 1.0
	}
	for round := 0; round < 10; round++ {
		times(n, u, t)
		timesTransposed(n, t, v)
		times(n, v, t)
		timesTransposed(n, t, u)
	}
	uv, vv, hash := 0.0, 0.0, uint64(seed)
	for i := range u {
		uv += u[i] * v[i]
		vv += v[i] * v[i]
		hash = hash*31 + math.Float64bits(u[i])
	}
	if n > 0 {
		hash = hash*31 + math.Float64bits(math.Sqrt(uv/vv))
	}
	return int64(hash)
}
