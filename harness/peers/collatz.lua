-- The kernel `collatz`, as defined in README.md.
local function kernel(n, seed)
  local base, hash = seed & 1023, seed
  for i = 1, n do
    local x, steps = base + i, 0
    while x ~= 1 do
      if x & 1 == 0 then x = x >> 1 else x = 3 * x + 1 end
      steps = steps + 1
    end
    hash = hash * 31 + steps
  end
  return hash
end

local n, seed = math.tointeger(tonumber(arg[1])), math.tointeger(tonumber(arg[2]))
local start = os.clock()
local checksum = kernel(n, seed)
local time = os.clock() - start
print("checksum " .. checksum)
print(string.format("seconds %.9f", time))
