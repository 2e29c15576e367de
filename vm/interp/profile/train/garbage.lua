-- Training: objects that live short and long, and the collector that tells them apart.
local kept, sum = {}, 0
for i = 1, 60000 do
  local record = {id = i, tags = {i % 7, i % 11}, name = "r" .. i % 1000}
  if i % 20 == 0 then kept[#kept + 1] = record end
  sum = sum + record.tags[1] + #record.name
end
local function rope(n) if n == 0 then return {leaf = "x"} end return {left = rope(n - 1), right = rope(n - 1)} end
local function weigh(r) if r.leaf then return 1 end return weigh(r.left) + weigh(r.right) end
for _ = 1, 12 do sum = sum + weigh(rope(11)) end
local weak = setmetatable({}, {__mode = "k"})
for i = 1, 3000 do weak[{}] = i end
local list
for i = 1, 40000 do list = {value = i, next = list} end
local node = list
while node do
  sum = sum + node.value
  node = node.next
end
local functions = {}
for i = 1, 20000 do functions[i % 100 + 1] = function(x) return x + i end end
for _, f in ipairs(functions) do sum = sum + f(1) end
local map = {}
for i = 1, 20000 do map[i % 3000 * 7] = i end
for k in pairs(map) do if k % 2 == 0 then map[k] = nil end end
for _, v in pairs(map) do sum = sum + v end
collectgarbage()
print(sum, #kept)
