-- The kernel `nbody`, as defined in README.md.
local bit, ffi = require("bit"), require("ffi")
local sqrt = math.sqrt
local bits = ffi.new("union { double value; int64_t bits; }")

local function body(x, y, z, vx, vy, vz, mass)
  return {x = x, y = y, z = z, vx = vx, vy = vy, vz = vz, mass = mass}
end

local function kernel(n, seed)
  local bodies = {
    body(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 39.48),
    body(4.84, -1.16, -0.10, 0.606, 2.812, -0.025, 0.0377),
    body(8.34, 4.12, -0.40, -1.011, 1.826, 0.008, 0.0113),
    body(12.89, -15.11, -0.22, 1.083, 0.869, -0.011, 0.0017),
    body(15.38, -25.92, 0.18, 0.979, 0.595, -0.035, 0.0020),
  }
  bodies[2].x = bodies[2].x + tonumber(bit.band(seed, 1023)) * 0x1p-20
  for _ = 1, n do
    for i = 1, 5 do
      local one = bodies[i]
      for j = i + 1, 5 do
        local other = bodies[j]
        local dx, dy, dz = one.x - other.x, one.y - other.y, one.z - other.z
        local d2 = dx * dx + dy * dy + dz * dz
        local mag = 0.01 / (d2 * sqrt(d2))
        local mi, mj = one.mass * mag, other.mass * mag
        one.vx = one.vx - dx * mj
        one.vy = one.vy - dy * mj
        one.vz = one.vz - dz * mj
        other.vx = other.vx + dx * mi
        other.vy = other.vy + dy * mi
        other.vz = other.vz + dz * mi
      end
    end
    for i = 1, 5 do
      local one = bodies[i]
      one.x = one.x + 0.01 * one.vx
      one.y = one.y + 0.01 * one.vy
      one.z = one.z + 0.01 * one.vz
    end
  end
  local hash = seed
  for i = 1, 5 do
    local one = bodies[i]
    for _, value in ipairs({one.x, one.y, one.z, one.vx, one.vy, one.vz}) do
      bits.value = value
      hash = hash * 31 + bits.bits
    end
  end
  return hash
end

dofile(arg[0]:gsub("[^/]*$", "") .. "peer.luajit.lua")(kernel)
