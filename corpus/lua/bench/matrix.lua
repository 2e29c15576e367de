-- Numeric: products of SIZE by SIZE matrices of floats; the checksum is the trace and the sum.
local n = tonumber(arg[1]) or 100
local function make(f)
  local m = {}
  for i = 1, n do
    local row = {}
    for j = 1, n do row[j] = f(i, j) end
    m[i] = row
  end
  return m
end
local function multiply(a, b)
  local columns = make(function(i, j) return b[j][i] end)
  return make(function(i, j)
    local row, column, s = a[i], columns[j], 0.0
    for k = 1, n do s = s + row[k] * column[k] end
    return s
  end)
end
local a = make(function(i, j) return (i - j) / n end)
local b = make(function(i, j) return (i + j) / n end)
local c = multiply(multiply(a, b), a)
local trace, sum = 0.0, 0.0
for i = 1, n do
  trace = trace + c[i][i]
  for j = 1, n do sum = sum + c[i][j] * (j % 3) end
end
print(("%.6f %.6f"):format(trace, sum))
