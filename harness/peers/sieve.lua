-- The kernel `sieve`, as defined in README.md.
local function kernel(n, seed)
  local limit = 65536 + (seed & 1023)
  local composite = {}
  local hash = seed
  for _ = 1, n do
    for i = 1, limit do composite[i] = false end
    local sum = 0
    for i = 2, limit do
      if not composite[i] then
        sum = sum + i
        for j = i * i, limit, i do composite[j] = true end
      end
    end
    hash = hash * 31 + sum
  end
  return hash
end

local n, seed = math.tointeger(tonumber(arg[1])), math.tointeger(tonumber(arg[2]))
local start = os.clock()
local checksum = kernel(n, seed)
local time = os.clock() - start
print("checksum " .. checksum)
print(string.format("seconds %.9f", time))
