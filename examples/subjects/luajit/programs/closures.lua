-- Closures, upvalues and coroutines: what trace compilers have to leave for.
local function counter(step)
  local total = 0
  return function(x) total = (total + x * step) % 1000000007; return total end
end

local function generator(n)
  return coroutine.wrap(function()
    for i = 1, n do coroutine.yield(i * i) end
  end)
end

local function work(n)
  local counters = {}
  for i = 1, 5 do counters[i] = counter(i) end
  local last = 0
  for square in generator(n) do
    last = counters[square % 5 + 1](square % 1000)
  end
  local sum = 0
  for i = 1, 5 do sum = (sum * 31 + counters[i](1)) % 1000000007 end
  return sum, last
end

local start = os.clock()
local sum, last = work(tonumber(arg[1]))
local time = os.clock() - start
print("checksum " .. sum .. " " .. last)
print(string.format("seconds %.9f", time))
