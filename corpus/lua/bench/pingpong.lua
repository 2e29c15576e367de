-- Calls: library functions that call back, and are called, back and forth; the checksum is what comes out.
local n = tonumber(arg[1]) or 50000
local sum = 0
local function back(c) sum = (sum + c:byte()) % 1000000007; return c:upper() end
local proxy = setmetatable({}, {__index = function(_, k) return k * 2 end, __call = function(_, a) return a + 1 end})
for i = 1, n do
  local s = ("x" .. i % 100):gsub("%w", back)
  sum = (sum + #s + math.max(i % 7, i % 11) + select("#", table.unpack {1, 2, 3})) % 1000000007
  sum = (sum + proxy(i) + proxy[i] + (tonumber(tostring(i % 50)) or 0)) % 1000000007
end
local t = {}
for i = 1, n // 50 do t[i] = i * 7919 % 1000 end
local compared = 0
table.sort(t, function(a, b) compared = compared + 1; return a < b end)
print(sum, t[1], t[#t], compared > 0)
