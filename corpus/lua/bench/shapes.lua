-- Objects: methods of several classes called through one loop; the checksum is the sum of areas after scaling.
local n = tonumber(arg[1]) or 200000
local Shape = {}
Shape.__index = Shape
function Shape:describe() return self:area() + self:corners() end
function Shape:corners() return 0 end
local function class()
  local c = setmetatable({}, {__index = Shape})
  c.__index = c
  return c
end
local Rectangle, Circle, Triangle = class(), class(), class()
function Rectangle:area() return self.w * self.h end
function Rectangle:corners() return 4 end
function Rectangle:scale(k) self.w, self.h = self.w * k % 97, self.h * k % 89 end
function Circle:area() return 3 * self.r * self.r end
function Circle:scale(k) self.r = self.r * k % 83 end
function Triangle:area() return self.b * self.h // 2 end
function Triangle:corners() return 3 end
function Triangle:scale(k) self.b, self.h = self.b * k % 79, self.h * k % 73 end
local shapes = {}
for i = 1, 30 do
  local kind = i % 3
  shapes[i] = kind == 0 and setmetatable({w = i, h = i + 1}, Rectangle)
    or kind == 1 and setmetatable({r = i}, Circle)
    or setmetatable({b = i, h = 2 * i}, Triangle)
end
local sum = 0
for i = 1, n do
  local s = shapes[i % 30 + 1]
  sum = (sum + s:describe()) % 1000000007
  s:scale(i % 7 + 2)
end
print(sum)
