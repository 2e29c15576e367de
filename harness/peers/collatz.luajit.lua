-- The kernel `collatz`, as defined in README.md.
local bit = require("bit")

-- Numbers hold every value exactly: none reaches 2^53 from any start in use.
local function kernel(n, seed)
  local base, hash = tonumber(bit.band(seed, 1023)), seed
  for i = 1, n do
    local x, steps = base + i, 0
    while x ~= 1 do
      local half = x * 0.5
      if half % 1 == 0 then x = half else x = 3 * x + 1 end
      steps = steps + 1
    end
    hash = hash * 31 + steps
  end
  return hash
end

dofile(arg[0]:gsub("[^/]*$", "") .. "peer.luajit.lua")(kernel)
