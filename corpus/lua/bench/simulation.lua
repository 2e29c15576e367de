-- Objects: a simulation of events in a binary heap: customers at counters; the checksum is the times they waited.
local n = tonumber(arg[1]) or 20000
local seed = 42
local function random(k)
  seed = (seed * 1103515245 + 12345) & 0x7fffffff
  return (seed >> 8) % k
end
local Queue = {}
Queue.__index = Queue
local function before(a, b) return a.time < b.time or a.time == b.time and a.id < b.id end
function Queue:push(e)
  local i = #self + 1
  while i > 1 and before(e, self[i // 2]) do
    self[i] = self[i // 2]
    i = i // 2
  end
  self[i] = e
end
function Queue:pop()
  local top, last, n = self[1], self[#self], #self
  self[n] = nil
  n = n - 1
  if n == 0 then return top end
  local i = 1
  while true do
    local c = 2 * i
    if c > n then break end
    if c < n and before(self[c + 1], self[c]) then c = c + 1 end
    if not before(self[c], last) then break end
    self[i] = self[c]
    i = c
  end
  self[i] = last
  return top
end
local events, ids = setmetatable({}, Queue), 0
local waiting, head, free, waited, served = {}, 1, 3, 0, 0
local function schedule(time, action)
  ids = ids + 1
  events:push {time = time, id = ids, action = action}
end
local leave
local function serve(now)
  if free > 0 and waiting[head] then
    waited = (waited + now - waiting[head]) % 1000000007
    waiting[head] = nil
    head = head + 1
    free = free - 1
    schedule(now + 5 + random(20), leave)
  end
end
function leave(now)
  free, served = free + 1, served + 1
  serve(now)
end
local arrived = 0
local function arrive(now)
  arrived = arrived + 1
  waiting[head + arrived - served - (3 - free) - 1] = now
  if arrived < n then schedule(now + 1 + random(9), arrive) end
  serve(now)
end
schedule(0, arrive)
while #events > 0 do
  local e = events:pop()
  e.action(e.time)
end
print(arrived, served, waited)
