-- Allocation: many small objects of short life; the checksum is a sum over those that survive.
local n = tonumber(arg[1]) or 300000
local ring, sum = {}, 0
for i = 1, n do
  local o = {id = i, pair = {i, -i}, name = "n" .. i % 100}
  local slot = i % 64 + 1
  local old = ring[slot]
  if old then sum = (sum + old.id * old.pair[1] + #old.name) % 1000000007 end
  ring[slot] = o
end
print(sum)
