-- Calls: errors are raised at some depth, caught, and raised again; the checksum is what was caught.
local n = tonumber(arg[1]) or 50000
local function risky(d, i)
  if d == 0 then
    if i % 4 == 0 then error({code = i}) elseif i % 4 == 1 then error("text " .. i, 0) end
    return i
  end
  return (risky(d - 1, i))
end
local function guarded(i)
  local ok, e = pcall(risky, 5, i)
  if ok then return e end
  if type(e) == "table" then return e.code * 2 end
  error(e, 0)
end
local sum, caught = 0, 0
for i = 1, n do
  local ok, v = pcall(guarded, i)
  if ok then sum = (sum + v) % 1000000007 else
    caught = caught + 1
    sum = (sum + #v) % 1000000007
  end
end
print(sum, caught)
