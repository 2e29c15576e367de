-- Has what a program writes with `print` and `io.write` go to a file without a name; answers a function that reads it.
local file = io.tmpfile()
io.output(file)
local tostring, select, write, pcall, error = tostring, select, file.write, pcall, error
function print(...)
  for i = 1, select("#", ...) do
    local fine, text = pcall(tostring, (select(i, ...)))
    if not fine then
      -- This one has the position of whoever called `print`.
      error(text, text == "'__tostring' must return a string" and 2 or 0)
    end
    write(file, i > 1 and "\t" or "", text)
  end
  write(file, "\n")
end
return function()
  file:seek("set")
  return file:read("a")
end
