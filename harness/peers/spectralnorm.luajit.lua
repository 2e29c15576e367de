-- The kernel `spectralnorm`, as defined in README.md.
local bit, ffi = require("bit"), require("ffi")
local bits = ffi.new("union { double value; int64_t bits; }")

local function times(n, v, out)
  for i = 0, n - 1 do
    local sum = 0.0
    for j = 0, n - 1 do
      sum = sum + 1.0 / ((i + j) * (i + j + 1) * 0.5 + i + 1) * v[j]
    end
    out[i] = sum
  end
end

local function times_transposed(n, v, out)
  for i = 0, n - 1 do
    local sum = 0.0
    for j = 0, n - 1 do
      sum = sum + 1.0 / ((i + j) * (i + j + 1) * 0.5 + j + 1) * v[j]
    end
    out[i] = sum
  end
end

local function kernel(n, seed)
  local u, v, t = ffi.new("double[?]", n), ffi.new("double[?]", n), ffi.new("double[?]", n)
  for i = 0, n - 1 do
    u[i] = tonumber(bit.band(i * 7 + seed, 15)) + 1.0
  end
  for _ = 1, 10 do
    times(n, u, t)
    times_transposed(n, t, v)
    times(n, v, t)
    times_transposed(n, t, u)
  end
  local uv, vv, hash = 0.0, 0.0, seed
  for i = 0, n - 1 do
    uv = uv + u[i] * v[i]
    vv = vv + v[i] * v[i]
    bits.value = u[i]
    hash = hash * 31 + bits.bits
  end
  if n > 0 then
    bits.value = math.sqrt(uv / vv)
    hash = hash * 31 + bits.bits
  end
  return hash
end

dofile(arg[0]:gsub("[^/]*$", "") .. "peer.luajit.lua")(kernel)
