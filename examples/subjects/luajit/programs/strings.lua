-- Building, cutting and hashing strings; string keys of tables.
local function work(n)
  local seen, distinct, hash = {}, 0, 7
  local seed = 42
  for i = 1, n do
    seed = (seed * 1103515245 + 12345) % 2147483648
    local word = string.format("%x", seed % 4096) .. "-" .. tostring(i % 7)
    if not seen[word] then seen[word] = 0; distinct = distinct + 1 end
    seen[word] = seen[word] + 1
    local tail = word:sub(-3):upper()
    for k = 1, #tail do hash = (hash * 31 + tail:byte(k)) % 1000000007 end
  end
  return distinct, hash
end

local start = os.clock()
local distinct, hash = work(tonumber(arg[1]))
local time = os.clock() - start
print("checksum " .. distinct .. " " .. hash)
print(string.format("seconds %.9f", time))
