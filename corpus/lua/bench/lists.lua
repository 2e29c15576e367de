-- Objects: linked lists that are built, reversed, merged and walked; the checksum is a weighted sum.
local n = tonumber(arg[1]) or 100000
local function build(from, count, step)
  local head
  for i = from + (count - 1) * step, from, -step do head = {value = i, next = head} end
  return head
end
local function reverse(list)
  local out
  while list do list.next, out, list = out, list, list.next end
  return out
end
local function merge(a, b)
  local first = {}
  local last = first
  while a and b do
    if a.value <= b.value then last.next, a = a, a.next else last.next, b = b, b.next end
    last = last.next
  end
  last.next = a or b
  return first.next
end
local list = merge(reverse(reverse(build(1, n, 2))), build(2, n, 3))
local sum, i = 0, 0
while list do
  i = i + 1
  sum = (sum + list.value * (i % 10)) % 1000000007
  list = list.next
end
print(i, sum)
