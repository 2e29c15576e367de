-- Training: arrays and maps, as programs fill, walk and search them.
local seed = 42
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return seed // 65536 % n
end
local function push(heap, key, value)
  local i = #heap + 1
  heap[i] = {key = key, value = value}
  while i > 1 do
    local up = i // 2
    if heap[up].key <= heap[i].key then break end
    heap[up], heap[i] = heap[i], heap[up]
    i = up
  end
end
local function pop(heap)
  local top, n = heap[1], #heap
  heap[1] = heap[n]
  heap[n] = nil
  n = n - 1
  local i = 1
  while true do
    local least, left, right = i, 2 * i, 2 * i + 1
    if left <= n and heap[left].key < heap[least].key then least = left end
    if right <= n and heap[right].key < heap[least].key then least = right end
    if least == i then return top end
    heap[i], heap[least] = heap[least], heap[i]
    i = least
  end
end
local graph, nodes = {}, 900
for i = 1, nodes do graph[i] = {} end
for i = 2, nodes do
  for _ = 1, 4 do
    local to = random(nodes) + 1
    table.insert(graph[i], {to = to, weight = random(20) + 1})
    table.insert(graph[to], {to = i, weight = random(20) + 1})
  end
end
local function paths(from)
  local distance, heap = {[from] = 0}, {}
  push(heap, 0, from)
  while #heap > 0 do
    local entry = pop(heap)
    if distance[entry.value] == entry.key then
      for _, edge in ipairs(graph[entry.value]) do
        local d = entry.key + edge.weight
        local old = distance[edge.to]
        if not old or d < old then
          distance[edge.to] = d
          push(heap, d, edge.to)
        end
      end
    end
  end
  local sum = 0
  for _, d in pairs(distance) do sum = sum + d end
  return sum
end
local parent = {}
for i = 1, 4000 do parent[i] = i end
local function root(i)
  while parent[i] ~= i do
    parent[i] = parent[parent[i]]
    i = parent[i]
  end
  return i
end
for _ = 1, 6000 do parent[root(random(4000) + 1)] = root(random(4000) + 1) end
local sets = {}
for i = 1, 4000 do sets[root(i)] = (sets[root(i)] or 0) + 1 end
local count = 0
for _ in next, sets do count = count + 1 end
local list = {}
for i = 1, 3000 do list[i] = {id = random(5000), name = "n" .. i % 50} end
table.sort(list, function(x, y) return x.id < y.id end)
local names = {}
for i, item in ipairs(list) do names[i] = item.name end
table.sort(names)
local board, size = {}, 40
for y = 1, size do
  board[y] = {}
  for x = 1, size do board[y][x] = random(3) == 0 end
end
for _ = 1, 12 do
  local after = {}
  for y = 1, size do
    local row = {}
    for x = 1, size do
      local alive = 0
      for dy = -1, 1 do
        local near = board[(y + dy - 1) % size + 1]
        for dx = -1, 1 do
          if (dx ~= 0 or dy ~= 0) and near[(x + dx - 1) % size + 1] then alive = alive + 1 end
        end
      end
      row[x] = alive == 3 or alive == 2 and board[y][x]
    end
    after[y] = row
  end
  board = after
end
local living = 0
for _, row in ipairs(board) do for _, cell in ipairs(row) do if cell then living = living + 1 end end end
local stack = {}
for i = 1, 20000 do
  stack[#stack + 1] = i
  if i % 4 == 0 then
    table.remove(stack)
    stack[#stack] = nil
  end
end
local weight, best = {}, {}
for i = 1, 40 do weight[i] = random(30) + 1 end
for i = 0, 600 do best[i] = 0 end
for i = 1, #weight do
  for w = 600, weight[i], -1 do
    local with = best[w - weight[i]] + weight[i] * 3 % 17
    if with > best[w] then best[w] = with end
  end
end
print(paths(1) + paths(7), count, list[1].id, names[#names], living, #stack, best[600], select("#", table.unpack(list, 1, 50)))
