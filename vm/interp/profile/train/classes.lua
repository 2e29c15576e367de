-- Training: methods, inheritance, operators by metatables.
local Vector = {}
Vector.__index = Vector
Vector.__add = function(a, b) return setmetatable({x = a.x + b.x, y = a.y + b.y}, Vector) end
Vector.__mul = function(a, k) return setmetatable({x = a.x * k, y = a.y * k}, Vector) end
Vector.__eq = function(a, b) return a.x == b.x and a.y == b.y end
Vector.__lt = function(a, b) return a:norm() < b:norm() end
Vector.__len = function() return 2 end
Vector.__call = function(self, k) return self.x * k end
Vector.__tostring = function(v) return "(" .. v.x .. ", " .. v.y .. ")" end
function Vector.new(x, y) return setmetatable({x = x, y = y}, Vector) end
function Vector:norm() return self.x * self.x + self.y * self.y end
function Vector:move(dx, dy)
  self.x = self.x + dx
  self.y = self.y + dy
  return self
end

local Account = {}
Account.__index = Account
function Account.new(owner) return setmetatable({owner = owner, balance = 0, log = {}}, Account) end
function Account:deposit(n)
  self.balance = self.balance + n
  self.log[#self.log + 1] = n
end
function Account:fee() return 1 end
function Account:withdraw(n)
  if n + self:fee() > self.balance then return nil, "too little" end
  self.balance = self.balance - n - self:fee()
  return n
end
local Savings = setmetatable({}, {__index = Account})
Savings.__index = Savings
function Savings.new(owner)
  local s = Account.new(owner)
  return setmetatable(s, Savings)
end
function Savings:fee() return self.balance > 1000 and 0 or 2 end

local Queue = {}
Queue.__index = Queue
function Queue.new() return setmetatable({first = 1, last = 0, items = {}}, Queue) end
function Queue:push(v)
  local last = self.last + 1
  self.last = last
  self.items[last] = v
end
function Queue:pop()
  local first = self.first
  if first > self.last then return nil end
  local v = self.items[first]
  self.items[first] = nil
  self.first = first + 1
  return v
end
function Queue:size() return self.last - self.first + 1 end

local defaults = setmetatable({}, {__index = function(_, k) return #k end, __newindex = function(t, k, v) rawset(t, k, v + 1) end})
local sum, p, q = 0, Vector.new(1, 2), Vector.new(3, 4)
for i = 1, 40000 do
  local r = (p + q) * 0.5
  if r == p then sum = sum + 1 end
  if p < r then sum = sum + #r end
  sum = sum + r(2) + p:move(1, -1):norm() % 7
  if i % 100 == 0 then p = Vector.new(i, i) end
end
local accounts = {Account.new("a"), Savings.new("b"), Account.new("c")}
for i = 1, 60000 do
  local account = accounts[i % 3 + 1]
  account:deposit(i % 50)
  local got, why = account:withdraw(i % 70)
  sum = sum + (got or #why)
  if #account.log > 100 then account.log = {} end
end
local queue = Queue.new()
for i = 1, 40000 do
  queue:push(i)
  if i % 3 ~= 0 then sum = sum + queue:pop() end
end
while queue:size() > 0 do sum = sum + queue:pop() end
for i = 1, 3000 do
  sum = sum + defaults["k" .. i % 9]
  defaults["n" .. i % 500] = i
end
print(sum, tostring(p))
