-- Allocation: binary trees of depth up to SIZE are made, counted and dropped; the checksum is the number of nodes.
local n = tonumber(arg[1]) or 12
local function make(d) if d == 0 then return {} end return {make(d - 1), make(d - 1)} end
local function count(t) if not t[1] then return 1 end return 1 + count(t[1]) + count(t[2]) end
local long = make(n)
local total = 0
for d = 4, n, 2 do
  for _ = 1, 1 << (n - d) do total = total + count(make(d)) end
end
print(total, count(long))
