-- Strings: text is built by concatenation, by tables and by formats; the checksum is of the bytes.
local n = tonumber(arg[1]) or 20000
local parts, hash = {}, 5381
for i = 1, n do
  parts[#parts + 1] = i .. ":" .. ("%05x"):format(i * 7919 % 65536) .. (i % 2 == 0 and "," or ";")
  if #parts == 50 then
    local s = table.concat(parts):upper():reverse()
    for k = 1, #s, 3 do hash = (hash * 33 + s:byte(k)) % 4294967291 end
    parts = {}
  end
end
local s = ""
for i = 1, n // 50 do
  s = s .. string.char(97 + i % 26)
  if #s > 200 then s = s:sub(101) end
end
print(hash, #s, s:sub(1, 10))
