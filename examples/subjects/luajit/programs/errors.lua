-- Errors raised in hot code and caught: the message holds the line, which must be the same compiled or not. Ends with status 3.
local function element(t, i)
  return t[i].value
end

local items = {}
for i = 1, 50 do items[i] = { value = i } end
items[37] = nil

local function work(n)
  local sum, caught, message = 0, 0, ""
  for i = 1, n do
    local ok, value = pcall(element, items, i % 50 + 1)
    if ok then sum = sum + value else caught = caught + 1; message = value end
  end
  return sum, caught, message
end

local start = os.clock()
local sum, caught, message = work(tonumber(arg[1]))
local time = os.clock() - start
print("checksum " .. sum .. " " .. caught)
print((message:gsub("^.*/", "")))
print(string.format("seconds %.9f", time))
os.exit(3)
