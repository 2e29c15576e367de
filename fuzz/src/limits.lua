-- What of the library takes long without a call of the program, and so beside its budget, refuses to.
local error, tonumber, type, count = error, tonumber, type, string.gsub
local function refuse() error("the fuzzer has no time for that", 0) end
local function patterns(name)
  local f = string[name]
  string[name] = function(s, p, ...)
    if #s > 64 or type(p) == "string" and (#p > 20 or select(2, count(p, "[*+-]", "")) > 3) then refuse() end
    return f(s, p, ...)
  end
end
for _, name in ipairs {"find", "match", "gmatch", "gsub"} do patterns(name) end
local function lists(name)
  local f = table[name]
  table[name] = function(t, ...)
    if #t > 2000 then refuse() end
    return f(t, ...)
  end
end
for _, name in ipairs {"insert", "remove", "sort"} do lists(name) end
local move = table.move
function table.move(a, from, to, ...)
  local first, last = tonumber(from), tonumber(to)
  -- Of floats, since the difference of integers may wrap around.
  if first and last and last / 1 - first / 1 > 2000 then refuse() end
  return move(a, from, to, ...)
end
local load = load
function _G.load(from, ...)
  if type(from) ~= "function" then return load(from, ...) end
  -- A reader need not end, and who calls it does not count.
  local pieces = 0
  return load(function()
    pieces = pieces + 1
    if pieces > 1000 then refuse() end
    return from()
  end, ...)
end
