-- Training: closures, varargs, generators, errors, recursion.
local function counter(step)
  local n = 0
  return function() n = n + step return n end, function() return n end
end
local sum = 0
for i = 1, 4000 do
  local up, get = counter(i % 5)
  for _ = 1, 5 do up() end
  sum = sum + get()
end
local function map(f, ...)
  local out = {}
  for i = 1, select("#", ...) do out[i] = f((select(i, ...))) end
  return table.unpack(out)
end
local function add(...)
  local total = 0
  for _, v in ipairs({...}) do total = total + v end
  return total
end
for i = 1, 4000 do sum = sum + add(map(function(x) return x * i end, 1, 2, 3)) end
local function memoize(f)
  local known = {}
  return function(n)
    local v = known[n]
    if v == nil then
      v = f(n)
      known[n] = v
    end
    return v
  end
end
local function compose(f, g) return function(x) return f(g(x)) end end
local function curry(a) return function(b) return function(c) return a + b * c end end end
for i = 1, 20000 do
  local f = compose(curry(i)(2), function(x) return x - 1 end)
  sum = sum + f(i) % 13
end
local function reduce(list, f, start)
  for _, v in ipairs(list) do start = f(start, v) end
  return start
end
local numbers = {}
for i = 1, 50 do numbers[i] = i end
for i = 1, 800 do sum = sum + reduce(numbers, function(a, b) return (a + b * i) % 1009 end, 0) end
local fibonacci
fibonacci = memoize(function(n) if n < 2 then return n end return fibonacci(n - 1) + fibonacci(n - 2) end)
sum = sum + fibonacci(60)
-- Permutations by a generator; a producer, and a consumer that resumes it by hand.
local function permute(items, n)
  if n == 1 then coroutine.yield(items) else
    for i = 1, n do
      items[i], items[n] = items[n], items[i]
      permute(items, n - 1)
      items[i], items[n] = items[n], items[i]
    end
  end
end
for p in coroutine.wrap(function() permute({1, 2, 3, 4, 5, 6, 7}, 7) end) do sum = sum + p[1] * p[7] end
local producer = coroutine.create(function(first)
  local got = first
  for i = 1, 20000 do got = coroutine.yield(i, got) end
  return "done"
end)
local ok, value, echo = coroutine.resume(producer, 1)
while coroutine.status(producer) ~= "dead" do
  sum = sum + (echo or 0)
  ok, value, echo = coroutine.resume(producer, value)
end
local function range(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end
for i = 1, 300 do for v in range(i % 40) do sum = sum + v end end
-- Errors: values, messages, handlers, what is closed on the way.
local Problem = {}
Problem.__index = Problem
local function check(n)
  if n % 5 == 0 then error(setmetatable({code = n}, Problem)) end
  if n % 7 == 0 then error("seven: " .. n) end
  if n % 11 == 0 then local t = nil return t.field end
  return n
end
local function deep(n, d) if d == 0 then return check(n) end return (deep(n, d - 1)) end
for i = 1, 12000 do
  local fine, result = pcall(deep, i, i % 4)
  if fine then sum = sum + result
  elseif type(result) == "table" then sum = sum + result.code
  else sum = sum + #result end
end
for i = 1, 1500 do
  local _, message = xpcall(function() error("inner " .. i) end, function(m) return m .. "!" end)
  sum = sum + #message
  do local guard <close> = setmetatable({}, {__close = function() sum = sum + 1 end}) end
end
-- A parser of expressions by recursive descent.
local function evaluate(text)
  local at = 1
  local expression
  local function blank() at = text:find("%S", at) or #text + 1 end
  local function atom()
    blank()
    if text:sub(at, at) == "(" then
      at = at + 1
      local v = expression()
      blank()
      at = at + 1
      return v
    end
    local from, to = text:find("^%d+", at)
    at = to + 1
    return tonumber(text:sub(from, to))
  end
  local function term()
    local v = atom()
    while true do
      blank()
      local op = text:sub(at, at)
      if op ~= "*" and op ~= "/" then return v end
      at = at + 1
      local w = atom()
      if op == "*" then v = v * w else v = v // (w == 0 and 1 or w) end
    end
  end
  function expression()
    local v = term()
    while true do
      blank()
      local op = text:sub(at, at)
      if op ~= "+" and op ~= "-" then return v end
      at = at + 1
      local w = term()
      v = op == "+" and v + w or v - w
    end
  end
  return expression()
end
for i = 1, 1200 do sum = sum + evaluate("(" .. i .. " + 4) * 3 - 12 / (2 + " .. i % 3 .. ") + 7") end
-- Backtracking, and calls that call each other.
local function queens(n, row, columns, up, down)
  if row > n then return 1 end
  local count = 0
  for c = 1, n do
    if not columns[c] and not up[row + c] and not down[row - c + n] then
      columns[c], up[row + c], down[row - c + n] = true, true, true
      count = count + queens(n, row + 1, columns, up, down)
      columns[c], up[row + c], down[row - c + n] = nil, nil, nil
    end
  end
  return count
end
local function hanoi(n, a, b, c) if n == 0 then return 0 end return hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a) end
local function ackermann(m, n)
  if m == 0 then return n + 1 end
  if n == 0 then return ackermann(m - 1, 1) end
  return ackermann(m - 1, ackermann(m, n - 1))
end
local steps = 0
for i = 1, 30000 do
  ::again::
  steps = steps + 1
  if steps % 3 == 0 then goto again end
end
print(sum, queens(7, 1, {}, {}, {}), hanoi(14, 1, 2, 3), ackermann(2, 60), steps)
