-- Objects: a solver of one-way constraints between variables, by propagation in planned order; the checksum is the last values.
local n = tonumber(arg[1]) or 2000
local Variable, Constraint = {}, {}
Variable.__index, Constraint.__index = Variable, Constraint
local function variable(v) return setmetatable({value = v, users = {}, mark = 0}, Variable) end
function Variable:add(c) self.users[#self.users + 1] = c end
local function constraint(inputs, output, method)
  local c = setmetatable({inputs = inputs, output = output, method = method}, Constraint)
  for _, v in ipairs(inputs) do v:add(c) end
  return c
end
function Constraint:execute()
  local a, b = self.inputs[1], self.inputs[2]
  self.output.value = self.method(a.value, b and b.value)
end
local function plan(from, mark)
  local order, todo = {}, {from}
  local at = 1
  while todo[at] do
    for _, c in ipairs(todo[at].users) do
      if c.output.mark ~= mark then
        c.output.mark = mark
        order[#order + 1] = c
        todo[#todo + 1] = c.output
      end
    end
    at = at + 1
  end
  return order
end
local function scale(a, b) return (a * 3 + (b or 1)) % 10007 end
local function offset(a) return (a + 11) % 10007 end
local first, side = variable(1), variable(5)
local chain = {first}
for i = 1, 60 do
  local out = variable(0)
  if i % 2 == 0 then constraint({chain[i], side}, out, scale) else constraint({chain[i]}, out, offset) end
  chain[i + 1] = out
end
local sum = 0
for step = 1, n do
  first.value = step
  for _, c in ipairs(plan(first, step)) do c:execute() end
  sum = (sum * 31 + chain[#chain].value) % 1000000007
end
print(sum)
