-- The kernel `gcd`, as defined in README.md.
local function kernel(n, seed)
  local x, hash = seed, seed
  for _ = 1, n do
    x = x * 6364136223846793005 + 1442695040888963407
    local a, b = x >> 44 | 1, x >> 24 & 0xfffff | 1
    while b ~= 0 do
      if a < b then b = b - a else a, b = b, a - b end
    end
    hash = hash * 31 + a
  end
  return hash
end

local n, seed = math.tointeger(tonumber(arg[1])), math.tointeger(tonumber(arg[2]))
local start = os.clock()
local checksum = kernel(n, seed)
local time = os.clock() - start
print("checksum " .. checksum)
print(string.format("seconds %.9f", time))
