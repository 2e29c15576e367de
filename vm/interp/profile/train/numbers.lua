-- Training: arithmetic on integers and floats, arrays of both.
local function solve(n)
  -- Gaussian elimination with a matrix of rows.
  local a = {}
  for i = 1, n do
    local row = {}
    for j = 1, n + 1 do row[j] = ((i * 37 + j * 91) % 101) / 7 + (i == j and 40 or 0) end
    a[i] = row
  end
  for k = 1, n do
    local pivot = a[k]
    for i = k + 1, n do
      local row = a[i]
      local f = row[k] / pivot[k]
      for j = k, n + 1 do row[j] = row[j] - f * pivot[j] end
    end
  end
  local x = {}
  for i = n, 1, -1 do
    local s = a[i][n + 1]
    for j = i + 1, n do s = s - a[i][j] * x[j] end
    x[i] = s / a[i][i]
  end
  return x[1]
end

local function bits(n)
  local h, ones = 0x811c9dc5, 0
  for i = 1, n do
    h = ((h ~ (i & 255)) * 16777619) & 0xffffffff
    ones = ones + (h >> 31) + ((h << 3 | h >> 29) & 1)
  end
  return h, ones
end

local function digits(n)
  local total = 0
  for i = 1, n do
    local k = i
    while k > 0 do
      total = total + k % 10
      k = k // 10
    end
  end
  return total
end

local function integrate(n)
  local sum, step = 0.0, 1 / n
  for i = 0, n - 1 do
    local x = (i + 0.5) * step
    sum = sum + math.sqrt(1 - x * x) * math.cos(x) + math.floor(x * 10) + x ^ 2
  end
  return sum * step
end

local function wave(n, rounds)
  local u, v = {}, {}
  for i = 0, n + 1 do u[i], v[i] = math.sin(i / n * 6.28), 0.0 end
  for _ = 1, rounds do
    for i = 1, n do v[i] = v[i] + 0.1 * (u[i - 1] - 2 * u[i] + u[i + 1]) end
    for i = 1, n do u[i] = u[i] + v[i] end
  end
  return u[n // 2]
end

local function perfect(limit)
  local found = 0
  for i = 2, limit do
    local sum = 1
    local d = 2
    while d * d <= i do
      if i % d == 0 then
        sum = sum + d
        if d ~= i // d then sum = sum + i // d end
      end
      d = d + 1
    end
    if sum == i then found = found + 1 end
  end
  return found
end
local function orbits(n)
  -- How long x → a·x·(1 − x), and points of a cubic map of the plane, stay within bounds.
  local steps, sum = 0, 0.0
  for k = 1, n do
    local a, x = 2.5 + 1.5 * k / n, 0.5
    for _ = 1, 40 do x = a * x * (1.0 - x) end
    sum = sum + x
    local re, im, cr, ci = 0.0, 0.0, k / n - 0.5, 0.3
    for i = 1, 60 do
      local r2, i2 = re * re, im * im
      if r2 + i2 > 4.0 then break end
      re, im = re * (r2 - 3.0 * i2) + cr, im * (3.0 * r2 - i2) + ci
      steps = steps + 1
    end
  end
  return steps, sum
end

local function springs(n)
  local bodies = {}
  for i = 1, 6 do bodies[i] = {x = i * 1.5, y = i % 2 * 0.5, vx = 0.0, vy = 0.1 * i, mass = 1.0 + i / 10} end
  for _ = 1, n do
    for i = 1, #bodies - 1 do
      local a, b = bodies[i], bodies[i + 1]
      local dx, dy = b.x - a.x, b.y - a.y
      local length = math.sqrt(dx * dx + dy * dy)
      local force = 0.01 * (length - 1.0) / length
      a.vx = a.vx + dx * force / a.mass
      a.vy = a.vy + dy * force / a.mass
      b.vx = b.vx - dx * force / b.mass
      b.vy = b.vy - dy * force / b.mass
    end
    for _, p in ipairs(bodies) do
      p.x = p.x + p.vx * 0.1
      p.y = p.y + p.vy * 0.1
    end
  end
  return bodies[1].x
end

local function product(n)
  local a, b, c = {}, {}, {}
  for i = 1, n do
    a[i], b[i], c[i] = {}, {}, {}
    for j = 1, n do a[i][j], b[i][j] = i + j * 0.5, i - j end
  end
  for i = 1, n do
    local ai, ci = a[i], c[i]
    for j = 1, n do
      local sum = 0
      for k = 1, n do sum = sum + ai[k] * b[k][j] end
      ci[j] = sum
    end
  end
  return c[n][n]
end

local function marks(n)
  local flags, count = {}, 0
  for i = 1, n do flags[i] = true end
  for step = 2, 40 do
    for i = step, n, step do flags[i] = not flags[i] end
  end
  for i = 1, n do if flags[i] then count = count + 1 end end
  return count
end
print(orbits(4000), springs(6000), product(45), marks(30000))
print(solve(60), bits(150000), digits(50000), integrate(60000), wave(300, 200), perfect(6000))
