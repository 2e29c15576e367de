//! Whatever is generated verifies; what it does is judged by running it.

use crate::compile;

/// Every statement and operator, in the combinations that are awkward: captured variables in loops, jumps out of them, open lists, chains.
const EVERYTHING: &str = r#"
local a, b <const>, c <close> = 1, 2, nil
local K <const> = "text"
local t = {1, 2, 3, x = 1, ["y"] = 2, [a] = 3; f(), ...}
local function rec(n) if n == 0 then return 0 end return rec(n - 1) end
function t.f(x) return x, K end
function t:m(x, ...) return self, x, ... end
t.a.b.c = t:m(1, ...):m().x[1](2)(3)
a, b1, t.x, t[a] = a + 1, f()
a = a and t or not b
a = t and (a or b) and {} or {a}
a = {a, a}
local s = a .. b .. "c" .. 1 .. 2.5
a = -a + ~b - #t * 2 // 3 % 4 ^ 5 / 6 & 7 | 8 ~ 9 << 1 >> 2
local z = a < b == (b > a) ~= (a <= b) == (a >= b)
if a < 1 then f() elseif 2 > b then g() elseif a == nil then h() else i() end
if not (a and b or c) then f() end
while true do
  local captured = a
  if a then break end
  t[#t + 1] = function() captured = captured + 1 return captured end
  if b then goto continue end
  local x = 1
  ::continue::
end
repeat local x = f() local function g() return x end until x or g()
for i = 1, 10 do local j = i; t[i] = function() return i + j end if i > 5 then break end end
for i = 10, 1, -1 do if i == 3 then goto out end end
::out::
for k, v in pairs(t) do t[k] = function() return k, v end if v then return f(k) end end
for k in next, t do local x <close> = k end
do local x <close> = t; return (f()) end
"#;

#[test]
fn everything_verifies() {
    compile(EVERYTHING.as_bytes(), b"=everything").expect("compiles");
    for source in ["", "return", "return ...", "return f(...)", "goto x ::x::", "x = 1; ::l:: goto l", "f'a'{}''"] {
        compile(source.as_bytes(), b"=small").expect(source);
    }
}

#[test]
fn large_things_are_errors_or_work() {
    let elements = format!("return {{{}}}", "1,".repeat(70_000));
    compile(elements.as_bytes(), b"=t").expect("a long list");
    let sum = format!("return 1{}", " + a".repeat(20_000));
    compile(sum.as_bytes(), b"=t").expect("a long sum");
    let args = format!("f({}1)", "1,".repeat(300));
    let error = compile(args.as_bytes(), b"=t").expect_err("too many arguments");
    assert_eq!(error.to_string(), "t:1: function or expression needs too many registers");
    let names: String = (0..70_000).map(|i| format!("x = {i}.5\n")).collect();
    let error = compile(names.as_bytes(), b"=t").expect_err("too many constants");
    assert_eq!(error.to_string(), "t:1: function has too many constants and accesses");
}
