-- Prime counting: a table of booleans, strided writes.
local function sieve(n)
  local composite, count = {}, 0
  for i = 2, n do composite[i] = false end
  for i = 2, n do
    if not composite[i] then
      count = count + 1
      for j = i * i, n, i do composite[j] = true end
    end
  end
  return count
end

local start = os.clock()
local count = sieve(tonumber(arg[1]))
local time = os.clock() - start
print("checksum " .. count)
print(string.format("seconds %.9f", time))
