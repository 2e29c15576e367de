-- Calls: closures are made, composed and called; the checksum is what they count.
local n = tonumber(arg[1]) or 200000
local function adder(k) return function(x) return (x + k) % 1000003 end end
local function twice(f) return function(x) return f(f(x)) end end
local function counter()
  local c = 0
  return function(d) c = (c + d) % 1000003; return c end
end
local count, v = counter(), 1
for i = 1, n do
  v = twice(adder(i))(v)
  count(v)
end
print(v, count(0))
