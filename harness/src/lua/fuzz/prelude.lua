local fuel, format, type = 90, string.format, type
local function tick() fuel = fuel - 1 if fuel < 0 then error("out of fuel", 0) end return true end
local function cap(s) if type(s) == "string" and #s > 60 then return s:sub(1, 60) end return s end
local function text(v, depth)
  local t = math.type(v) or type(v)
  if t == "float" then return v ~= v and "nan" or format("%.17g", v) .. "f" end
  if t == "string" then return '"' .. v .. '"' end
  if t == "integer" or t == "boolean" or t == "nil" then return tostring(v) end
  if t ~= "table" then return t end
  if depth == 0 then return "{...}" end
  local keys = {}
  for k, w in next, v do
    if type(k) ~= "table" and type(k) ~= "function" then keys[#keys + 1] = "[" .. text(k, 0) .. "]=" .. text(w, depth - 1) end
  end
  table.sort(keys)
  return "{" .. table.concat(keys, " ") .. "}" .. (debug.getmetatable(v) and "*" or "")
end
local function show(...)
  local n, out = select("#", ...), {}
  for i = 1, n do out[i] = text((select(i, ...)), 3) end
  return table.concat(out, ", ", 1, n)
end
local function try(f, ...) print(show(pcall(f, ...))) end
local function act(f) fuel = 90 try(f) end
local function seq(t) local r = {} for i = 1, 9 do if t[i] == nil then break end r[i] = t[i] end return r end
local function whole(t) local n = 0 while t[n + 1] ~= nil do n = n + 1 end for i = n + 2, 9 do t[i] = nil end return t end
local function set(a, k, v) if k <= #a + 1 then a[k] = v end end
local function append(a, v) if #a < 20 then a[#a + 1] = v end return a end
local function arg_list(...) return seq({...}) end
local function sorted(a, less) local r = seq(a) table.sort(r, less) return r end
local function keys(t) local r = {} for k in next, t do if type(k) == "number" then r[#r + 1] = k end end table.sort(r) return r end
local function each(a, f) local r = {} for i, v in ipairs(a) do r[i] = f(v) end return r end
local function collect(f, ...) local r = {} for a in f, ... do tick() r[#r + 1] = tostring(a) end return r end
local function with(t, k, v) t[k] = v return t end
local function dig(t, ...) for i = 1, select("#", ...) do t = t[(select(i, ...))] end return t end
local function range(n, closing) return function(_, i) if i < n then return i + 1, closing end end, nil, 0, closing end
local function closer(name, fails) return setmetatable({}, {__close = function(_, e) print("close", name, show(e)) if fails then error(fails, 0) end end}) end
local function N(x) if type(x) == "table" then return math.tointeger(rawget(x, "n")) or 0 end return math.tointeger(tonumber(x)) or 0 end
local function F(x) if x ~= x then return 0.5 end return x end
local function some(x) if x == nil then return "nil" end return x end
local function S(x) if type(x) == "table" then return "O" .. N(x) end return tostring(x) end
local M1, M2 = {}, {}
local function O(n) return setmetatable({n = n}, M1) end
local function f1(...) return ... end
local function f2(a, b) return b, a end
local function f3(n) return n and 1 end
local mod = {sub = {}}
g1, g2, g3 = 1, 2, 3
