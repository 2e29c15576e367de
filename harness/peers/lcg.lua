-- The kernel `lcg`, as defined in README.md.
local function kernel(n, seed)
  local x, acc = seed & 0xffffffff, 0
  for _ = 1, n do
    x = (x * 1664525 + 1013904223) & 0xffffffff
    acc = ((acc ~ (x >> 16)) + x) & 0xffffffff
  end
  return acc << 32 | x
end

local n, seed = math.tointeger(tonumber(arg[1])), math.tointeger(tonumber(arg[2]))
local start = os.clock()
local checksum = kernel(n, seed)
local time = os.clock() - start
print("checksum " .. checksum)
print(string.format("seconds %.9f", time))
