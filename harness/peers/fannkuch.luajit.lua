-- The kernel `fannkuch`, as defined in README.md.
local bit, ffi = require("bit"), require("ffi")

local function kernel(n, seed)
  local order, pile, count = ffi.new("int32_t[10]"), ffi.new("int32_t[10]"), ffi.new("int32_t[10]")
  for i = 0, 9 do
    order[i] = (i + tonumber(bit.band(seed, 7))) % 10
    count[i] = i + 1
  end
  local hash = seed
  for _ = 1, n do
    for i = 0, 9 do pile[i] = order[i] end
    local flips = 0
    local top = pile[0]
    while top ~= 0 do
      local low, high = 0, top
      repeat
        pile[low], pile[high] = pile[high], pile[low]
        low = low + 1
        high = high - 1
      until low >= high
      flips = flips + 1
      top = pile[0]
    end
    hash = hash * 31 + flips
    for r = 1, 9 do
      local first = order[0]
      for i = 0, r - 1 do order[i] = order[i + 1] end
      order[r] = first
      local left = count[r] - 1
      count[r] = left
      if left > 0 then break end
      count[r] = r + 1
    end
  end
  return hash
end

dofile(arg[0]:gsub("[^/]*$", "") .. "peer.luajit.lua")(kernel)
