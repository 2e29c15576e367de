-- The kernel `lcg`, as defined in README.md.
local bit, ffi = require("bit"), require("ffi")
local band, bor, bxor, lshift, rshift = bit.band, bit.bor, bit.bxor, bit.lshift, bit.rshift

local function kernel(n, seed)
  local x, acc = band(ffi.cast("uint64_t", seed), 0xffffffffULL), 0ULL
  for _ = 1, n do
    x = band(x * 1664525 + 1013904223, 0xffffffffULL)
    acc = bxor(acc, rshift(x, 16)) + x
  end
  -- What `acc` holds above its 32 bits never comes down, and is shifted out.
  return bor(lshift(acc, 32), x)
end

dofile(arg[0]:gsub("[^/]*$", "") .. "peer.luajit.lua")(kernel)
