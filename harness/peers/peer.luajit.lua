-- What all LuaJIT peers share: arguments, the clock, the two lines of output. Returns the function to which a peer hands its kernel, which takes the
-- size as a number and the seed as an int64_t, and returns a 64-bit integer.
local ffi = require("ffi")
ffi.cdef("long long strtoll(const char *text, char **end, int base);")

return function(kernel)
  local n, seed = tonumber(arg[1]), ffi.C.strtoll(arg[2], nil, 10)
  local start = os.clock()
  local checksum = kernel(n, seed)
  local time = os.clock() - start
  print("checksum " .. tostring(ffi.cast("int64_t", checksum)):gsub("LL$", ""))
  print(string.format("seconds %.9f", time))
end
