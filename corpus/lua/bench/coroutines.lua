-- Calls: a pipeline of coroutines, and a walk over a tree by a generator; the checksum is the sum of what passes.
local n = tonumber(arg[1]) or 50000
local yield, wrap = coroutine.yield, coroutine.wrap
local function source() return wrap(function() for i = 1, n do yield(i) end end) end
local function map(f, from) return wrap(function() for v in from do yield(f(v)) end end) end
local function filter(f, from) return wrap(function() for v in from do if f(v) then yield(v) end end end) end
local sum = 0
for v in filter(function(v) return v % 3 ~= 0 end, map(function(v) return v * v % 1009 end, source())) do sum = sum + v end
local function tree(lo, hi)
  if lo > hi then return nil end
  local mid = (lo + hi) // 2
  return {key = mid, left = tree(lo, mid - 1), right = tree(mid + 1, hi)}
end
local function walk(t)
  if t then
    walk(t.left)
    yield(t.key)
    walk(t.right)
  end
end
local i, hash = 0, 0
for k in wrap(function() walk(tree(1, n // 10)) end) do
  i = i + 1
  hash = (hash + i * k) % 1000000007
end
print(sum, i, hash)
