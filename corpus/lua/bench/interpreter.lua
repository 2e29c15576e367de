-- Calls: an interpreter of a small stack machine, dispatching by a table of functions; the checksum is the machine's result.
local n = tonumber(arg[1]) or 20000
local stack, top, vars, pc, running = {}, 0, {}, 1, true
local function push(v) top = top + 1; stack[top] = v end
local function pop() top = top - 1; return stack[top + 1] end
local ops = {
  const = function(k) push(k) end,
  load = function(name) push(vars[name]) end,
  store = function(name) vars[name] = pop() end,
  add = function() local b = pop(); push(pop() + b) end,
  mul = function() local b = pop(); push(pop() * b) end,
  mod = function() local b = pop(); push(pop() % b) end,
  less = function() local b = pop(); push(pop() < b) end,
  jump = function(to) pc = to end,
  unless = function(to) if not pop() then pc = to end end,
  halt = function() running = false end,
}
local program = {
  {"const", 0}, {"store", "i"}, {"const", 1}, {"store", "s"},
  {"load", "i"}, {"const", n}, {"less"}, {"unless", 20},
  {"load", "s"}, {"const", 31}, {"mul"}, {"load", "i"}, {"add"}, {"const", 1000003}, {"mod"}, {"store", "s"},
  {"load", "i"}, {"const", 1}, {"jump", 21},
  {"halt"},
  {"add"}, {"store", "i"}, {"jump", 5},
}
local steps = 0
while running do
  local op = program[pc]
  pc = pc + 1
  steps = steps + 1
  ops[op[1]](op[2])
end
print(vars.s, vars.i, steps)
