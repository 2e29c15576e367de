-- The kernel `spectralnorm`, as defined in README.md.
local function times(n, v, out)
  for i = 0, n - 1 do
    local sum = 0.0
    for j = 0, n - 1 do
      sum = sum + 1.0 / (((i + j) * (i + j + 1) >> 1) + i + 1) * v[j + 1]
    end
    out[i + 1] = sum
  end
end

local function times_transposed(n, v, out)
  for i = 0, n - 1 do
    local sum = 0.0
    for j = 0, n - 1 do
      sum = sum + 1.0 / (((i + j) * (i + j + 1) >> 1) + j + 1) * v[j + 1]
    end
    out[i + 1] = sum
  end
end

local function kernel(n, seed)
  local u, v, t = {}, {}, {}
  for i = 0, n - 1 do
    u[i + 1] = ((i * 7 + seed) & 15) + 1.0
  end
  for _ = 1, 10 do
    times(n, u, t)
    times_transposed(n, t, v)
    times(n, v, t)
    times_transposed(n, t, u)
  end
  local pack, unpack = string.pack, string.unpack
  local uv, vv, hash = 0.0, 0.0, seed
  for i = 1, n do
    uv = uv + u[i] * v[i]
    vv = vv + v[i] * v[i]
    hash = hash * 31 + unpack("<i8", pack("<d", u[i]))
  end
  if n > 0 then hash = hash * 31 + unpack("<i8", pack("<d", math.sqrt(uv / vv))) end
  return hash
end

local n, seed = math.tointeger(tonumber(arg[1])), math.tointeger(tonumber(arg[2]))
local start = os.clock()
local checksum = kernel(n, seed)
local time = os.clock() - start
print("checksum " .. checksum)
print(string.format("seconds %.9f", time))
