-- Training: patterns, formats, pieces of strings.
local rows = {}
for i = 1, 800 do
  rows[i] = string.format("%05d;%s;%.2f;%q", i, ("name"):rep(i % 3 + 1, "-"), i / 7, "note " .. i)
end
local text = table.concat(rows, "\n") .. "\n"
local total, fields, letters = 0, 0, {}
for _ = 1, 6 do
  for line in text:gmatch("([^\n]*)\n") do
    local at = 1
    while true do
      local from, to = line:find(";", at, true)
      local field = line:sub(at, from and from - 1 or -1)
      fields = fields + 1
      local number = tonumber(field)
      if number then total = total + number elseif field:match("^[%a-]+$") then total = total + #field end
      if not from then break end
      at = to + 1
    end
  end
  for k, v in text:gmatch("(%d+);(%a+)") do letters[v] = (letters[v] or 0) + #k end
end
local function cipher(s, by)
  local out = {}
  for i = 1, #s do
    local c = s:byte(i)
    if c >= 97 and c <= 122 then c = (c - 97 + by) % 26 + 97 end
    out[#out + 1] = string.char(c)
  end
  return table.concat(out)
end
local plain = text:lower():sub(1, 4000)
local there = plain
for i = 1, 8 do there = cipher(there, i) end
for i = 8, 1, -1 do there = cipher(there, 26 - i) end
assert(there == plain)
local changed = text:gsub("%d+", function(d) return #d end):gsub("name", {name = "n"}):gsub("%s+", " "):upper():reverse()
local function palindrome(s)
  local i, j = 1, #s
  while i < j do
    if s:byte(i) ~= s:byte(j) then return false end
    i, j = i + 1, j - 1
  end
  return true
end
local found = 0
for i = 1, 40000 do
  if palindrome(tostring(i)) then found = found + 1 end
end
local checks = 0
for round = 1, 25 do
  for i = 1, 4000 do checks = (checks * 33 ~ plain:byte(i)) & 0xffffff end
end
local built = {}
for i = 1, 20000 do
  built[#built + 1] = "k" .. i % 100 .. "=" .. i
  if #built == 50 then built = {table.concat(built, "&"):sub(-40)} end
end
local counts = {}
for round = 1, 4 do
  for w in plain:gmatch("%a+") do counts[w] = (counts[w] or 0) + 1 end
end
local key = ""
for i = 1, 3000 do
  key = key .. i % 10
  if #key > 60 then key = key:sub(20) end
  letters[key] = i
end
local a, b = "kitten sitting on the mat", "sitting kitten at the mats"
local previous = {}
for round = 1, 12 do
  for j = 0, #b do previous[j] = j end
  for i = 1, #a do
    local diagonal = previous[0]
    previous[0] = i
    for j = 1, #b do
      local cost = a:sub(i, i) == b:sub(j, j) and 0 or 1
      local best = math.min(previous[j] + 1, previous[j - 1] + 1, diagonal + cost)
      diagonal = previous[j]
      previous[j] = best
    end
  end
end
print(checks, #built, counts.note, total, fields, letters.name, #changed, found, previous[#b], ("%s|%5.1f|%-4d|%x"):format(key:sub(1, 5), total, found, found))
