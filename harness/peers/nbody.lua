-- The kernel `nbody`, as defined in README.md.
local function kernel(n, seed)
  local x, y = {0.0, 4.84, 8.34, 12.89, 15.38}, {0.0, -1.16, 4.12, -15.11, -25.92}
  local z, vx = {0.0, -0.10, -0.40, -0.22, 0.18}, {0.0, 0.606, -1.011, 1.083, 0.979}
  local vy, vz = {0.0, 2.812, 1.826, 0.869, 0.595}, {0.0, -0.025, 0.008, -0.011, -0.035}
  local mass = {39.48, 0.0377, 0.0113, 0.0017, 0.0020}
  local sqrt = math.sqrt
  x[2] = x[2] + (seed & 1023) * 0x1p-20
  for _ = 1, n do
    for i = 1, 5 do
      for j = i + 1, 5 do
        local dx, dy, dz = x[i] - x[j], y[i] - y[j], z[i] - z[j]
        local d2 = dx * dx + dy * dy + dz * dz
        local mag = 0.01 / (d2 * sqrt(d2))
        local mi, mj = mass[i] * mag, mass[j] * mag
        vx[i] = vx[i] - dx * mj
        vy[i] = vy[i] - dy * mj
        vz[i] = vz[i] - dz * mj
        vx[j] = vx[j] + dx * mi
        vy[j] = vy[j] + dy * mi
        vz[j] = vz[j] + dz * mi
      end
    end
    for i = 1, 5 do
      x[i] = x[i] + 0.01 * vx[i]
      y[i] = y[i] + 0.01 * vy[i]
      z[i] = z[i] + 0.01 * vz[i]
    end
  end
  local pack, unpack = string.pack, string.unpack
  local hash = seed
  for i = 1, 5 do
    for _, values in ipairs({x, y, z, vx, vy, vz}) do
      hash = hash * 31 + unpack("<i8", pack("<d", values[i]))
    end
  end
  return hash
end

local n, seed = math.tointeger(tonumber(arg[1])), math.tointeger(tonumber(arg[2]))
local start = os.clock()
local checksum = kernel(n, seed)
local time = os.clock() - start
print("checksum " .. checksum)
print(string.format("seconds %.9f", time))
