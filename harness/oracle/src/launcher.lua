-- Starts a program as the stand-alone interpreter does: manual of Lua 5.4, section 7.
local arguments = ...
local file = arguments[0]
arg = arguments

local function complain(message)
  io.stderr:write("lua: ", message, "\n")
  return 1
end

local function handler(value)
  if type(value) ~= "string" then
    local meta = debug.getmetatable(value)
    if meta and meta.__tostring then
      local text = tostring(value)
      return text
    end
    if type(value) == "number" then
      value = tostring(value)
    else
      value = "(error object is a " .. type(value) .. " value)"
    end
  end
  return debug.traceback(value, 2)
end

local program, mistake
if file == "-" then
  program, mistake = loadfile()
else
  program, mistake = loadfile(file)
end
if not program then
  return complain(mistake)
end
local fine, message = xpcall(program, handler, table.unpack(arguments))
if not fine then
  return complain(message)
end
return 0
