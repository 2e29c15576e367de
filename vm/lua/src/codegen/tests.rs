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

/// The variables of the main function that have names, with the kinds of their registers.
fn kinds(source: &str) -> String {
    let module = compile(source.as_bytes(), b"=kinds").expect("compiles");
    let function = &module.functions[0];
    let mut locals: Vec<_> = function.locals.iter().collect();
    locals.sort_by_key(|local| (local.start, local.register));
    let locals = locals.iter().map(|local| format!("{} {}", local.name, function.kind(local.register)));
    locals.collect::<Vec<_>>().join(", ")
}

#[test]
fn variables_of_one_kind_have_registers_of_it() {
    for (source, expected) in [
        ("local s = 0 for i = 1, n do s = s + i end", "s i64, i i64"),
        ("local x = 0.5 for i = 1, n do x = x * x + i end", "x f64, i i64"),
        ("local x = 1.0 for i = 1, n do local y = i / 2 x = y // 1 end", "x f64, i i64, y f64"),
        ("local a, b = 0, 1 while b < 9 do a, b = b, a + b end", "a i64, b i64"),
        ("local a = 7 repeat a = ~(a & 3 | 4) << -a % 5 until a", "a i64"),
        ("for x = 1, 2, 0.5 do end for y = 1.0, 2 do end for z = 1, 0.5 do end", "x f64, y f64, z i64"),
        ("local a = 1 while a do ::l:: local b = a a = b + 1 goto l end", "a i64, b i64"),
        ("for i = 3, 1, -1 do i = i + 1 end", "i i64"),
    ] {
        assert_eq!(kinds(source), expected, "{source}");
    }
}

#[test]
fn what_is_not_certain_has_no_kind() {
    for (source, expected) in [
        // More than one kind, or none.
        ("local a = 1 while a do a = a / 2 end", "a any"),
        ("local a = 1 while a do a = a + 0.5 end", "a any"),
        ("local a while true do a = 1 end", "a any"),
        ("local a, b = 1 while a do a, b = 1 end", "a i64, b any"),
        ("local a, b = 1, 2 while a do a, b = 1 end", "a i64, b any"),
        ("local a, b = 1, f() while a do a = b end", "a any, b any"),
        ("local a, b = 1, 0.5 while a do a, b = b, a end", "a any, b any"),
        // What others know.
        ("local a, b = f(), ... while a do b = a + 1 end", "a any, b any"),
        ("local s = 0 for i = 1, n do s = s + t[i] end", "s any, i i64"),
        ("local s = 0 for i = 1, n do s = s + '1' end", "s any, i i64"),
        ("local a = 0.5 while a do local b = a | 1 end", "a f64, b any"),
        ("for i = n, 2 do end for i = 1, 2, n do end for k in f do end", "i any, i any, k any"),
        ("local a = #t while a do a = (a) and 1 or 2 end", "a any"),
        // Who else writes them.
        ("local a = 1 local function f() a = 'x' end while a do a = 2 end", "a any, f any"),
        ("for i = 1, 2 do local j = i f(function() return i end) end", "i any, j any"),
        ("local a = 1 while a do debug.setlocal(1, 1, a) end", "a any"),
        // Where no loop is, nothing is gained.
        ("local a = 1 a = a + 1", "a any"),
    ] {
        assert_eq!(kinds(source), expected, "{source}");
    }
}

#[test]
fn too_many_kinds_are_none() {
    let many: String = (0..60).map(|index| format!("local x{index} = {index}\n")).collect();
    assert!(!kinds(&format!("{many} while x1 do x2 = x3 end")).contains("i64"));
    // Those whose scopes have ended leave their registers to others.
    let blocks: String = (0..60).map(|index| format!("do local x{index} = {index} end\n")).collect();
    assert!(!kinds(&format!("{blocks} while true do end")).contains("any"));
    // Floats have registers of their own as long as there are some.
    let floats: String = (0..60).map(|index| format!("x = x + {index}.5\n")).collect();
    assert_eq!(kinds(&format!("local x = 0.0 while x < 1 do {floats} end")), "x f64");
}
