-- Numeric: five bodies under gravity; the checksum is the energy after SIZE steps.
local n = tonumber(arg[1]) or 50000
local function body(x, y, z, vx, vy, vz, m) return {x = x, y = y, z = z, vx = vx, vy = vy, vz = vz, m = m} end
local bodies = {
  body(0, 0, 0, 0, 0, 0, 40.0),
  body(5.0, -1.0, 0.1, 0.6, 2.8, -0.02, 0.04),
  body(8.3, 4.1, -0.4, -1.0, 1.8, 0.008, 0.01),
  body(-12.9, -15.1, 0.2, 1.1, 0.9, -0.01, 0.002),
  body(15.4, -25.9, 0.18, 0.98, 0.6, -0.03, 0.002),
}
local function advance(dt)
  for i = 1, #bodies do
    local a = bodies[i]
    for j = i + 1, #bodies do
      local b = bodies[j]
      local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
      local d2 = dx * dx + dy * dy + dz * dz
      local mag = dt / (d2 * d2 ^ 0.5)
      a.vx, a.vy, a.vz = a.vx - dx * b.m * mag, a.vy - dy * b.m * mag, a.vz - dz * b.m * mag
      b.vx, b.vy, b.vz = b.vx + dx * a.m * mag, b.vy + dy * a.m * mag, b.vz + dz * a.m * mag
    end
  end
  for _, b in ipairs(bodies) do
    b.x, b.y, b.z = b.x + dt * b.vx, b.y + dt * b.vy, b.z + dt * b.vz
  end
end
local function energy()
  local e = 0.0
  for i, a in ipairs(bodies) do
    e = e + 0.5 * a.m * (a.vx * a.vx + a.vy * a.vy + a.vz * a.vz)
    for j = i + 1, #bodies do
      local b = bodies[j]
      local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
      e = e - a.m * b.m / (dx * dx + dy * dy + dz * dz) ^ 0.5
    end
  end
  return e
end
for _ = 1, n do advance(0.001) end
print(("%.9f"):format(energy()))
