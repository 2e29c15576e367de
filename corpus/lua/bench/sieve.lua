-- Numeric: primes below SIZE by a sieve of booleans; the checksum is their number and sum.
local n = tonumber(arg[1]) or 500000
local composite = {}
for i = 1, n do composite[i] = false end
local count, sum = 0, 0
for i = 2, n do
  if not composite[i] then
    count, sum = count + 1, sum + i
    for j = i * i, n, i do composite[j] = true end
  end
end
print(count, sum)
