-- The kernel `xorshift`, as defined in README.md.
local function kernel(n, seed)
  local x, sum = seed ~ 0x2545f4914f6cdd1d, 0
  if x == 0 then x = 1 end
  for _ = 1, n do
    x = x ~ (x << 13)
    x = x ~ (x >> 7)
    x = x ~ (x << 17)
    sum = sum + x
  end
  return sum
end

local n, seed = math.tointeger(tonumber(arg[1])), math.tointeger(tonumber(arg[2]))
local start = os.clock()
local checksum = kernel(n, seed)
local time = os.clock() - start
print("checksum " .. checksum)
print(string.format("seconds %.9f", time))
