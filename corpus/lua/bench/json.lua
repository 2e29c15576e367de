-- Strings: documents are encoded and decoded; the checksum is of the text after a round trip.
local n = tonumber(arg[1]) or 300
local encode
local escapes = {['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t"}
function encode(v, out)
  local t = type(v)
  if t == "table" then
    if #v > 0 then
      out[#out + 1] = "["
      for i, e in ipairs(v) do
        if i > 1 then out[#out + 1] = "," end
        encode(e, out)
      end
      out[#out + 1] = "]"
    else
      local keys = {}
      for k in pairs(v) do keys[#keys + 1] = k end
      table.sort(keys)
      out[#out + 1] = "{"
      for i, k in ipairs(keys) do
        out[#out + 1] = (i > 1 and "," or "") .. '"' .. k .. '":'
        encode(v[k], out)
      end
      out[#out + 1] = "}"
    end
  elseif t == "string" then
    out[#out + 1] = '"' .. v:gsub('[%c"\\]', escapes) .. '"'
  else
    out[#out + 1] = tostring(v)
  end
end
local decode
local unescapes = {n = "\n", t = "\t"}
local function value(s, i)
  i = s:match("^%s*()", i)
  local c = s:sub(i, i)
  if c == "{" then
    local t = {}
    i = s:match("^%s*()", i + 1)
    while s:sub(i, i) ~= "}" do
      local k
      k, i = s:match('^"([^"]*)"%s*:()', i)
      t[k], i = value(s, i)
      i = s:match("^%s*,?%s*()", i)
    end
    return t, i + 1
  elseif c == "[" then
    local t = {}
    i = s:match("^%s*()", i + 1)
    while s:sub(i, i) ~= "]" do
      t[#t + 1], i = value(s, i)
      i = s:match("^%s*,?%s*()", i)
    end
    return t, i + 1
  elseif c == '"' then
    local j = i + 1
    while true do
      local k = s:find('["\\]', j)
      if s:sub(k, k) == '"' then
        return (s:sub(i + 1, k - 1):gsub("\\(.)", function(x) return unescapes[x] or x end)), k + 1
      end
      j = k + 2
    end
  end
  local word, j = s:match("^([%w%.%-+]+)()", i)
  if word == "true" then return true, j elseif word == "false" then return false, j end
  return math.tointeger(word) or tonumber(word), j
end
function decode(s) return (value(s, 1)) end
local hash = 0
for round = 1, n do
  local doc = {id = round, name = "item \"" .. round .. "\"\n", tags = {"a", "b\\c", "tab\there"}, on = round % 2 == 0, nested = {x = round * 0.5, list = {1, 2, {deep = round}}}}
  local out = {}
  encode(doc, out)
  local again = {}
  encode(decode(table.concat(out)), again)
  local text = table.concat(again)
  for i = 1, #text, 7 do hash = (hash * 31 + text:byte(i)) % 1000000007 end
end
print(hash)
