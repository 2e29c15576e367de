-- The kernel `heat`, as defined in README.md.
local SIDE <const> = 128

local function kernel(n, seed)
  local now, next = {}, {}
  for i = 0, SIDE * SIDE - 1 do
    local heat = ((i * 7 + seed) & 15) + 0.0
    now[i + 1] = heat
    next[i + 1] = heat
  end
  for _ = 1, n do
    for row = 1, SIDE - 2 do
      for at = row * SIDE + 2, row * SIDE + SIDE - 1 do
        local here = now[at]
        local around = now[at - SIDE] + now[at + SIDE] + now[at - 1] + now[at + 1]
        next[at] = here + 0.1 * (around - 4.0 * here)
      end
    end
    now, next = next, now
  end
  local pack, unpack = string.pack, string.unpack
  local hash = seed
  for i = 1, SIDE * SIDE do
    hash = hash * 31 + unpack("<i8", pack("<d", now[i]))
  end
  return hash
end

local n, seed = math.tointeger(tonumber(arg[1])), math.tointeger(tonumber(arg[2]))
local start = os.clock()
local checksum = kernel(n, seed)
local time = os.clock() - start
print("checksum " .. checksum)
print(string.format("seconds %.9f", time))
