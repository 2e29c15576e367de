-- Five bodies under gravity: floats in fields of tables. The checksum is exact: every operation is rounded once, in order.
local bodies = {
  { x = 0, y = 0, z = 0, vx = 0, vy = 0, vz = 0, mass = 39.47 },
  { x = 4.84, y = -1.16, z = -0.10, vx = 0.60, vy = 2.81, vz = -0.02, mass = 0.037 },
  { x = 8.34, y = 4.12, z = -0.40, vx = -1.01, vy = 1.82, vz = 0.008, mass = 0.011 },
  { x = 12.89, y = -15.11, z = -0.22, vx = 1.08, vy = 0.86, vz = -0.01, mass = 0.0017 },
  { x = 15.37, y = -25.9, z = 0.17, vx = 0.97, vy = 0.59, vz = -0.03, mass = 0.002 },
}

local function advance(dt)
  local n = #bodies
  for i = 1, n do
    local a = bodies[i]
    for j = i + 1, n do
      local b = bodies[j]
      local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
      local square = dx * dx + dy * dy + dz * dz
      local pull = dt / (square * math.sqrt(square))
      a.vx = a.vx - dx * b.mass * pull
      a.vy = a.vy - dy * b.mass * pull
      a.vz = a.vz - dz * b.mass * pull
      b.vx = b.vx + dx * a.mass * pull
      b.vy = b.vy + dy * a.mass * pull
      b.vz = b.vz + dz * a.mass * pull
    end
  end
  for i = 1, n do
    local a = bodies[i]
    a.x = a.x + dt * a.vx
    a.y = a.y + dt * a.vy
    a.z = a.z + dt * a.vz
  end
end

local start = os.clock()
for _ = 1, tonumber(arg[1]) do advance(0.01) end
local time = os.clock() - start
for _, a in ipairs(bodies) do print(string.format("%.17g %.17g %.17g", a.x, a.y, a.z)) end
print(string.format("seconds %.9f", time))
