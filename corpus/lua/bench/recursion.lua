-- Calls: deep, double and mutual recursion; the checksum is the results.
local n = tonumber(arg[1]) or 24
local function fib(k) if k < 2 then return k end return fib(k - 1) + fib(k - 2) end
local function tak(x, y, z) if y >= x then return z end return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y)) end
local even, odd
function even(k) if k == 0 then return true end return odd(k - 1) end
function odd(k) if k == 0 then return false end return even(k - 1) end
local function depth(k) if k == 0 then return 0 end return 1 + depth(k - 1) end
print(fib(n), tak(n // 2, n // 3, n // 6), even(n * 1000), depth(n * 100))
