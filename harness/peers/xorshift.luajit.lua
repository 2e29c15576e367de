-- The kernel `xorshift`, as defined in README.md.
local bit, ffi = require("bit"), require("ffi")
local bxor, lshift, rshift = bit.bxor, bit.lshift, bit.rshift

local function kernel(n, seed)
  local x, sum = bxor(ffi.cast("uint64_t", seed), 0x2545f4914f6cdd1dULL), 0ULL
  if x == 0 then x = 1ULL end
  for _ = 1, n do
    x = bxor(x, lshift(x, 13))
    x = bxor(x, rshift(x, 7))
    x = bxor(x, lshift(x, 17))
    sum = sum + x
  end
  return sum
end

dofile(arg[0]:gsub("[^/]*$", "") .. "peer.luajit.lua")(kernel)
