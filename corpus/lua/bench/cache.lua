-- Allocation: a cache of long life with least-recent eviction beside short-lived requests; the checksum is hits and values.
local n = tonumber(arg[1]) or 100000
local capacity, size, map = 1000, 0, {}
local head, tail = {}, {}
head.next, tail.prev = tail, head
local function unlink(e) e.prev.next, e.next.prev = e.next, e.prev end
local function front(e)
  e.next, e.prev = head.next, head
  head.next.prev, head.next = e, e
end
local hits, sum, x = 0, 0, 17
for _ = 1, n do
  x = (x * 1103515245 + 12345) & 0x7fffffff
  local r = (x >> 7) % 3000
  local request = {key = r * r // 3000}
  local e = map[request.key]
  if e then
    hits = hits + 1
    unlink(e)
  else
    if size == capacity then
      map[tail.prev.key] = nil
      unlink(tail.prev)
    else
      size = size + 1
    end
    e = {key = request.key, value = {request.key * 7}}
    map[e.key] = e
  end
  front(e)
  sum = (sum + e.value[1]) % 1000000007
end
print(hits, size, sum)
