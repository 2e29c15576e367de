-- The kernel `fannkuch`, as defined in README.md.
local function kernel(n, seed)
  local order, pile, count = {}, {}, {}
  for i = 0, 9 do
    order[i + 1] = (i + (seed & 7)) % 10
    count[i + 1] = i + 1
  end
  local hash = seed
  for _ = 1, n do
    for i = 1, 10 do pile[i] = order[i] end
    local flips = 0
    local top = pile[1]
    while top ~= 0 do
      local low, high = 1, top + 1
      repeat
        pile[low], pile[high] = pile[high], pile[low]
        low = low + 1
        high = high - 1
      until low >= high
      flips = flips + 1
      top = pile[1]
    end
    hash = hash * 31 + flips
    for r = 2, 10 do
      local first = order[1]
      for i = 1, r - 1 do order[i] = order[i + 1] end
      order[r] = first
      local left = count[r] - 1
      count[r] = left
      if left > 0 then break end
      count[r] = r
    end
  end
  return hash
end

local n, seed = math.tointeger(tonumber(arg[1])), math.tointeger(tonumber(arg[2]))
local start = os.clock()
local checksum = kernel(n, seed)
local time = os.clock() - start
print("checksum " .. checksum)
print(string.format("seconds %.9f", time))
