// The kernel `mandelbrot`, as defined in README.md.
package main

func kernel(n, seed int64) int64 {
	shift := float64(seed&1023) * 0x1p-20
	hash := seed
	for row := int64(0); row < n; row++ {
		ci := 2.5*float64(row)/float64(n) - 1.25
		for col := int64(0); col < n; col++ {
			cr := 2.5*float64(col)/float64(n) - 2.0 + shift
			zr, zi := 0.0, 0.0
			k := int64(0)
			for k < 50 {
				rr, ii := zr*zr, zi*zi
				if 4.0 < rr+ii {
					break
				}
				zi = (zr+zr)*zi + ci
				zr = rr - ii + cr
				k++
			}
			hash = hash*31 + k
		}
	}
	return hash
}
