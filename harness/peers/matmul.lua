-- The kernel `matmul`, as defined in README.md.
local function kernel(n, seed)
  local a, b, c = {}, {}, {}
  for i = 0, n * n - 1 do
    a[i + 1] = ((i * 7 + seed) & 15) - 7.0
    b[i + 1] = ((i * 5 + seed) & 15) - 7.0
  end
  for row = 0, n - 1 do
    for col = 0, n - 1 do
      local sum = 0.0
      for k = 0, n - 1 do
        sum = sum + a[row * n + k + 1] * b[k * n + col + 1]
      end
      c[row * n + col + 1] = sum
    end
  end
  local tointeger = math.tointeger
  local hash = seed
  for i = 1, n * n do
    hash = hash * 31 + tointeger(c[i])
  end
  return hash
end

local n, seed = math.tointeger(tonumber(arg[1])), math.tointeger(tonumber(arg[2]))
local start = os.clock()
local checksum = kernel(n, seed)
local time = os.clock() - start
print("checksum " .. checksum)
print(string.format("seconds %.9f", time))
