-- Collections: tables by numbers and by text that grow, shrink and are searched; the checksum is what was found.
local n = tonumber(arg[1]) or 50000
local t, found, x = {}, 0, 1
for i = 1, n do
  x = (x * 48271) % 2147483647
  local k = x % n
  t[k] = (t[k] or 0) + i
  local s = "key" .. k % 1000
  t[s] = (t[s] or 0) + 1
  if i % 3 == 0 then t[(x >> 5) % n] = nil end
end
for k = 0, n - 1 do found = (found + (t[k] or 0)) % 1000000007 end
for k = 0, 999 do found = (found * 3 + (t["key" .. k] or 0)) % 1000000007 end
print(found)
