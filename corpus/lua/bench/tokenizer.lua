-- Strings: source text is cut into tokens by patterns; the checksum is their number by kind.
local n = tonumber(arg[1]) or 200
local source = [[
local function area(w, h) -- the area
  if w >= 10.5 and h ~= 0 then return w * h else return nil, "too small" end
end
for i = 1, 100 do t[i] = area(i, i + 1) or 0 end
]]
local keywords = {}
for w in ("local function if then else end for do return nil and or"):gmatch "%a+" do keywords[w] = true end
local counts, order = {}, {"keyword", "name", "number", "string", "comment", "operator"}
for _, k in ipairs(order) do counts[k] = 0 end
local hash = 0
local function token(kind, text)
  counts[kind] = counts[kind] + 1
  hash = (hash * 33 + #text + text:byte(1)) % 1000000007
end
for _ = 1, n do
  local i = 1
  while true do
    i = source:match("^%s*()", i)
    if i > #source then break end
    local text = source:match("^%-%-[^\n]*", i)
    local kind = "comment"
    if not text then text, kind = source:match("^[%a_][%w_]*", i), "name" end
    if not text then text, kind = source:match("^%d+%.?%d*", i), "number" end
    if not text then text, kind = source:match('^"[^"]*"', i), "string" end
    if not text then text, kind = source:match("^[<>=~]=", i) or source:sub(i, i), "operator" end
    if kind == "name" and keywords[text] then kind = "keyword" end
    token(kind, text)
    i = i + #text
  end
end
for _, k in ipairs(order) do io.write(k, "=", counts[k], " ") end
print(hash)
