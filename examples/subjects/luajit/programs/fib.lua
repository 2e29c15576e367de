-- Calls and small integers.
local function fib(k)
  if k < 2 then return k end
  return fib(k - 1) + fib(k - 2)
end

local start = os.clock()
local sum = fib(tonumber(arg[1]))
local time = os.clock() - start
print("checksum " .. sum)
print(string.format("seconds %.9f", time))
