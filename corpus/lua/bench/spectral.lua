-- Numeric: power iteration of an implicit matrix of SIZE rows; the checksum is its largest singular value.
local n = tonumber(arg[1]) or 150
local function a(i, j) return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1) end
local function product(x, f)
  local y = {}
  for i = 0, n - 1 do
    local s = 0.0
    for j = 0, n - 1 do s = s + f(i, j) * x[j] end
    y[i] = s
  end
  return y
end
local function transposed(i, j) return a(j, i) end
local u, v = {}, nil
for i = 0, n - 1 do u[i] = 1.0 end
for _ = 1, 5 do
  v = product(product(u, a), transposed)
  u = product(product(v, a), transposed)
end
local vu, vv = 0.0, 0.0
for i = 0, n - 1 do vu, vv = vu + u[i] * v[i], vv + v[i] * v[i] end
print(("%.9f"):format((vu / vv) ^ 0.5))
