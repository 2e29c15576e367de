-- Strings: words of generated text are counted and ranked; the checksum is the ranking.
local n = tonumber(arg[1]) or 20000
local syllables = {"ka", "to", "mi", "re", "su", "no", "ha", "li"}
local x, out = 11, {}
for i = 1, n do
  x = (x * 69069 + 1) & 0xffffffff
  local w = syllables[(x >> 10) % 8 + 1] .. syllables[(x >> 16) % 8 + 1]
  if x & 0x4000000 ~= 0 then w = w .. syllables[(x >> 22) % 3 + 1] end
  out[i] = w .. (i % 12 == 0 and ".\n" or " ")
end
local counts, words = {}, {}
for w in table.concat(out):gmatch "%a+" do
  local c = counts[w]
  if not c then
    words[#words + 1] = w
    c = 0
  end
  counts[w] = c + 1
end
table.sort(words, function(a, b)
  if counts[a] ~= counts[b] then return counts[a] > counts[b] end
  return a < b
end)
local hash = 0
for i, w in ipairs(words) do hash = (hash * 31 + counts[w] * i + w:byte(1)) % 1000000007 end
print(#words, words[1], counts[words[1]], hash)
