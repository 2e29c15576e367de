-- Collections: the library's sort and a merge sort of our own over numbers and records; the checksum is of the orders.
local n = tonumber(arg[1]) or 20000
local seed = 7
local function random()
  seed = (seed * 16807) % 2147483647
  return seed
end
local function merge_sort(t, less)
  local source, target, width = t, {}, 1
  while width < #t do
    for lo = 1, #t, 2 * width do
      local i, mid, hi = lo, math.min(lo + width, #t + 1), math.min(lo + 2 * width, #t + 1)
      local j = mid
      for k = lo, hi - 1 do
        if i < mid and (j >= hi or not less(source[j], source[i])) then target[k], i = source[i], i + 1
        else target[k], j = source[j], j + 1 end
      end
    end
    source, target, width = target, source, 2 * width
  end
  return source
end
local numbers, records = {}, {}
for i = 1, n do
  numbers[i] = random() % 100000
  records[i] = {key = random() % 1000, id = i}
end
table.sort(numbers)
records = merge_sort(records, function(a, b) return a.key < b.key end)
local hash = 0
for i = 1, n do hash = (hash * 31 + numbers[i] + records[i].id) % 1000000007 end
print(hash, numbers[1], numbers[n], records[1].key, records[n].key)
