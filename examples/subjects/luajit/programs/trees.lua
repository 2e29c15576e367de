-- Binary trees: allocation and collection under compiled code.
local function tree(depth)
  if depth == 0 then return {} end
  return { tree(depth - 1), tree(depth - 1) }
end

local function count(node)
  if not node[1] then return 1 end
  return 1 + count(node[1]) + count(node[2])
end

local start = os.clock()
local sum = 0
for depth = 1, tonumber(arg[1]) do
  for _ = 1, 4 do sum = sum + count(tree(depth)) * depth end
end
local time = os.clock() - start
print("checksum " .. sum)
print(string.format("seconds %.9f", time))
