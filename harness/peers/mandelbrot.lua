-- The kernel `mandelbrot`, as defined in README.md.
local function kernel(n, seed)
  local shift = (seed & 1023) * 0x1p-20
  local hash = seed
  for row = 0, n - 1 do
    local ci = 2.5 * row / n - 1.25
    for col = 0, n - 1 do
      local cr = 2.5 * col / n - 2.0 + shift
      local zr, zi = 0.0, 0.0
      local k = 0
      while k < 50 do
        local rr, ii = zr * zr, zi * zi
        if 4.0 < rr + ii then break end
        zi = (zr + zr) * zi + ci
        zr = rr - ii + cr
        k = k + 1
      end
      hash = hash * 31 + k
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
