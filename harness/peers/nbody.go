// The kernel `nbody`, as defined in README.md.
package main

import "math"

type body struct{ x, y, z, vx, vy, vz, mass float64 }

func kernel(n, seed int64) int64 {
	bodies := [5]body{
		{0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 39.48},
		{4.84, -1.16, -0.10, 0.606, 2.812, -0.025, 0.0377},
		{8.34, 4.12, -0.40, -1.011, 1.826, 0.008, 0.0113},
		{12.89, -15.11, -0.22, 1.083, 0.869, -0.011, 0.0017},
		{15.38, -25.92, 0.18, 0.979, 0.595, -0.035, 0.0020},
	}
	bodies[1].x += float64(seed&1023) * 0x1p-20
	for step := int64(0); step < n; step++ {
		for i := range bodies {
			one := &bodies[i]
			for j := i + 1; j < len(bodies); j++ {
				other := &bodies[j]
				dx, dy, dz := one.x-other.x, one.y-other.y, one.z-other.z
				d2 := dx*dx + dy*dy + dz*dz
				mag := 0.01 / (d2 * math.Sqrt(d2))
				mi, mj := one.mass*mag, other.mass*mag
				one.vx -= dx * mj
				one.vy -= dy * mj
				one.vz -= dz * mj
				other.vx += dx * mi
				other.vy += dy * mi
				other.vz += dz * mi
			}
		}
		for i := range bodies {
			one := &bodies[i]
			one.x += 0.01 * one.vx
			one.y += 0.01 * one.vy
			one.z += 0.01 * one.vz
		}
	}
	hash := uint64(seed)
	for _, one := range bodies {
		for _, value := range [6]float64{one.x, one.y, one.z, one.vx, one.vy, one.vz} {
			hash = hash*31 + math.Float64bits(value)
		}
	}
	return int64(hash)
}
