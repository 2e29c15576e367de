-- The kernel `primes`, as defined in README.md.
local function kernel(n, seed)
  local rests, divisors, hash = {}, 0, seed
  local first = 2 * (seed & 1023) + 3
  for candidate = first, first + 2 * (n - 1), 2 do
    local prime = true
    local d = 3
    for k = 1, divisors do
      local rest = rests[k] + 2
      if rest >= d then
        rest = rest - d
        if rest == 0 then prime = false end
      end
      rests[k] = rest
      d = d + 2
    end
    while d * d <= candidate do
      local rest = candidate % d
      divisors = divisors + 1
      rests[divisors] = rest
      if rest == 0 then prime = false end
      d = d + 2
    end
    hash = hash * 31
    if prime then hash = hash + candidate end
  end
  return hash
end

local n, seed = math.tointeger(tonumber(arg[1])), math.tointeger(tonumber(arg[2]))
local start = os.clock()
local checksum = kernel(n, seed)
local time = os.clock() - start
print("checksum " .. checksum)
print(string.format("seconds %.9f", time))
