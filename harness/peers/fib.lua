-- The kernel `fib`, as defined in README.md.
local function fib(k)
  if k < 2 then return k end
  return fib(k - 1) + fib(k - 2)
end

local function kernel(n, seed)
  return fib(n) + seed
end

local n, seed = math.tointeger(tonumber(arg[1])), math.tointeger(tonumber(arg[2]))
local start = os.clock()
local checksum = kernel(n, seed)
local time = os.clock() - start
print("checksum " .. checksum)
print(string.format("seconds %.9f", time))
