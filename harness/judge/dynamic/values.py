"""The values that instructions of the dynamic half meet in the grid, and what assembly and Lua share around them.

A *kind* is a row of the matrix of operands. The same names stand in `vm/bytecode/src/grid_dynamic.rs`, which demands their cells.
"""

import math

# name, how assembly makes it in `v` (None: see `values` below), the expression in Lua.
KINDS = [
    ("nil", "const.any v, nil", "nil"),
    ("false", "const.any v, false", "false"),
    ("true", "const.any v, true", "true"),
    ("i64", "const.any v, 7", "7"),
    ("f64", "const.any v, 2.5", "2.5"),
    ("numeral", 'const.any v, "10"', '"10"'),
    ("string", 'const.any v, "abc"', '"abc"'),
    ("table", None, None),
    ("meta1", None, None),
    ("meta2", None, None),
    ("closure", None, None),
    ("foreign", None, None),
    ("coroutine", None, None),
    ("userdata", None, None),
    ("metadata", None, None),
]

# Kinds that a register can be fixed to, where a generic instruction reads it: the register's kind and its value.
FIXED = [("fixed_i64", "i64", "7"), ("fixed_f64", "f64", "2.5"), ("fixed_bool", "bool", "true")]

MIN, MAX = -(1 << 63), (1 << 63) - 1

# Numbers at which arithmetic and comparisons change what they do, and strings that spell some.
EDGES = [
    ("zero", 0),
    ("one", 1),
    ("minus_one", -1),
    ("two", 2),
    ("minus_seven", -7),
    ("min", MIN),
    ("max", MAX),
    ("width_minus_one", 63),
    ("width", 64),
    ("pow53_plus_one", (1 << 53) + 1),
    ("f_zero", 0.0),
    ("f_minus_zero", -0.0),
    ("f_half", 0.5),
    ("f_minus_five_halves", -2.5),
    ("f_three", 3.0),
    ("f_pow53", 2.0**53),
    ("f_pow63", 2.0**63),
    ("f_minus_pow63", -(2.0**63)),
    ("f_max", 1.7976931348623157e308),
    ("f_inf", math.inf),
    ("f_minus_inf", -math.inf),
    ("f_nan", math.nan),
    ("s_ten", "10"),
    ("s_hexadecimal", "0x10"),
    ("s_float", "1e1"),
    ("s_spaces", " -7 "),
    ("s_hexadecimal_float", "0x1p-1"),
    ("s_pow63", "9223372036854775808"),
]

INTEGERS = [
    ("zero", 0),
    ("one", 1),
    ("minus_one", -1),
    ("two", 2),
    ("minus_seven", -7),
    ("min", MIN),
    ("min_plus_one", MIN + 1),
    ("max", MAX),
    ("max_minus_one", MAX - 1),
    ("width_minus_one", 63),
    ("width", 64),
    ("width_plus_one", 65),
    ("pow31", 1 << 31),
    ("minus_pow31_minus_one", -(1 << 31) - 1),
    ("pow32", 1 << 32),
    ("pow32_minus_one", (1 << 32) - 1),
    ("pow53_plus_one", (1 << 53) + 1),
]

FLOATS = [
    ("zero", 0.0),
    ("minus_zero", -0.0),
    ("one", 1.0),
    ("minus_one", -1.0),
    ("half", 0.5),
    ("minus_half", -0.5),
    ("three_halves", 1.5),
    ("five_halves", 2.5),
    ("tenth", 0.1),
    ("below_half", 0.49999999999999994),
    ("denormal", 5e-324),
    ("minus_denormal", -5e-324),
    ("min_normal", 2.0**-1022),
    ("max", 1.7976931348623157e308),
    ("minus_max", -1.7976931348623157e308),
    ("inf", math.inf),
    ("minus_inf", -math.inf),
    ("nan", math.nan),
    ("pow31_minus_one", 2.0**31 - 1),
    ("pow31", 2.0**31),
    ("below_pow31", 2.0**31 - 0.5),
    ("minus_pow31", -(2.0**31)),
    ("below_minus_pow31", -(2.0**31) - 0.5),
    ("minus_pow31_minus_one", -(2.0**31) - 1),
    ("pow32", 2.0**32),
    ("below_pow32", 2.0**32 - 0.5),
    ("pow51_plus_half", 2.0**51 + 0.5),
    ("pow53", 2.0**53),
    ("pow63", 2.0**63),
    ("below_pow63", 2.0**63 - 1024),
    ("minus_pow63", -(2.0**63)),
    ("below_minus_pow63", -(2.0**63) - 2048),
    ("pow64", 2.0**64),
    ("below_pow64", 2.0**64 - 2048),
]

IMM16 = [("zero", 0), ("one", 1), ("minus_one", -1), ("seven", 7), ("min", -32768), ("max", 32767)]
IMM8 = [("zero", 0), ("one", 1), ("minus_one", -1), ("min", -128), ("max", 127)]
IMM32 = [("zero", 0), ("one", 1), ("minus_one", -1), ("seven", 7), ("min", -(1 << 31)), ("max", (1 << 31) - 1)]
IMMU16 = [("zero", 0), ("one", 1), ("max", 65535)]

# Metamethods of `meta1`, `meta2` and `metadata`. Those of the second answer false.
EVENTS = (
    "add sub mul div mod idiv pow band bor bxor shl shr unm bnot eq lt le concat len index newindex call close".split()
)


def asm(value):
    """A constant as assembly has it."""
    if isinstance(value, str):
        return '"' + value + '"'
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        return repr(value) if math.isfinite(value) else ("inf" if value > 0 else "-inf")
    return str(value)


def lua(value):
    """A constant as Lua has it."""
    if isinstance(value, str):
        return '"' + value + '"'
    if isinstance(value, float):
        if math.isnan(value):
            return "(0/0)"
        return "(" + (value.hex() if math.isfinite(value) else ("1/0" if value > 0 else "-1/0")) + ")"
    return "math.mininteger" if value == MIN else f"({value})"


def _asm_values():
    """`values(env)`: fills the lists of `env` and names its objects."""
    lines = []
    for number, (name, how, _) in enumerate(KINDS, 1):
        if how is None:
            lines += [f'get_name.any v, env, "{name}"', f'const.any k, "{name}"', "set.any named, v, k"]
        else:
            lines += [how]
        lines += [f"const.any k, {number}", "set.any list, k, v", f'const.any v, "{name}"', "set.any names, k, v"]
    lines += ['get_name.any list, env, "edges"', 'get_name.any names, env, "edge_names"']
    for number, (name, value) in enumerate(EDGES, 1):
        lines += [f"const.any k, {number}", f"const.any v, {asm(value)}", "set.any list, k, v"]
        lines += [f'const.any v, "{name}"', "set.any names, k, v"]
    return "\n".join("    " + line for line in lines)


def _asm_events():
    lines = []
    for event in EVENTS:
        lines += ["move.any what, tag", f'const.any dot, ".{event}"', "concat.any what, 2"]
        lines += ["closure.any f, handler(env, what, result)", f'set_name.any mt, f, "__{event}"']
    # Each handler has a name of its own: what is captured is a variable that is ended before the next one begins.
    return "\n".join("    " + line + ("\n    close.any 5" if line.startswith("set_name.any mt") else "") for line in lines)


def prelude_asm(main):
    """The functions around a case's own. `main` are the lines that run its subjects."""
    return PRELUDE_ASM.replace("@VALUES", _asm_values()).replace("@EVENTS", _asm_events()).replace(
        "@KINDS", str(len(KINDS))
    ).replace("@EDGES", str(len(EDGES))).replace("@MAIN", "\n".join("    " + line for line in main))


def prelude_lua():
    """The same in Lua, as a chunk to stand behind the subjects."""
    kinds = "".join(
        f"names[{n}] = '{name}' " + (f"values[{n}] = {how}\n" if how else f"values[{n}] = objects['{name}'] named[objects['{name}']] = '{name}'\n")
        for n, (name, _, how) in enumerate(KINDS, 1)
    )
    edges = "".join(f"enames[{n}] = '{name}' edges[{n}] = {lua(value)}\n" for n, (name, value) in enumerate(EDGES, 1))
    events = ", ".join(f"'{event}'" for event in EVENTS)
    return (
        PRELUDE_LUA.replace("@VALUES", kinds)
        .replace("@EVALUES", edges)
        .replace("@EVENTS", events)
        .replace("@KINDS", str(len(KINDS)))
        .replace("@EDGES", str(len(EDGES)))
    )


PRELUDE_ASM = """\
func main() {
    reg f: any, a: any, b: any, c: any, d: any, env: any
    table.any env, 0, 0
    closure.any f, prelude()
    move.any a, env
    call.any f, 1, 0
@MAIN
    ret_void
}
func prelude(env: any) -> ... {
    reg t: any, f: any, a: any, b: any, c: any
    table.any t, 0, 0
    set_name.any env, t, "values"
    table.any t, 0, 0
    set_name.any env, t, "names"
    table.any t, 0, 0
    set_name.any env, t, "edges"
    table.any t, 0, 0
    set_name.any env, t, "edge_names"
    table.any t, 0, 0
    set_name.any env, t, "named"
    closure.any t, show()
    set_name.any env, t, "show"
    closure.any t, report()
    set_name.any env, t, "report"
    closure.any t, attempt()
    set_name.any env, t, "attempt"
    closure.any t, each()
    set_name.any env, t, "each"
    closure.any t, pairs()
    set_name.any env, t, "pairs"
    closure.any t, row()
    set_name.any env, t, "row"
    closure.any t, rows()
    set_name.any env, t, "rows"
    table.any t, 0, 0
    const.any a, "named x"
    set_name.any t, a, "x"
    const.any a, 7
    const.any b, "seven"
    set.any t, a, b
    const.any a, 2.5
    const.any b, "two and a half"
    set.any t, a, b
    const.any a, true
    const.any b, "yes"
    set.any t, a, b
    const.any b, "itself"
    set.any t, t, b
    set_name.any env, t, "table"
    closure.any t, plain()
    set_name.any env, t, "closure"
    coroutine.any t, t
    set_name.any env, t, "coroutine"
    import.any t, "type"
    set_name.any env, t, "foreign"
    import.any f, "userdata"
    call.any f, 0, 1
    set_name.any env, f, "userdata"
    closure.any f, instrument()
    move.any a, env
    const.any b, "meta1"
    const.any c, "m1"
    call.any f, 3, 1
    move.any a, f
    import.any f, "setmetatable"
    move.any b, a
    table.any a, 0, 0
    call.any f, 2, 1
    set_name.any env, f, "meta1"
    closure.any f, instrument()
    move.any a, env
    const.any b, "meta2"
    const.any c, false
    call.any f, 3, 1
    move.any a, f
    import.any f, "setmetatable"
    move.any b, a
    table.any a, 0, 0
    call.any f, 2, 1
    set_name.any env, f, "meta2"
    closure.any f, instrument()
    move.any a, env
    const.any b, "metadata"
    const.any c, 3
    call.any f, 3, 1
    move.any a, f
    import.any f, "userdata"
    call.any f, 1, 1
    set_name.any env, f, "metadata"
    closure.any f, values()
    move.any a, env
    tail_call.any f, 1
}
func plain(a: any) -> ... {
    reg x: any, y: any
    const.any x, "plain"
    move.any y, a
    ret.any x, 2
}
func instrument(env: any, tag: any, result: any) -> ... {
    reg mt: any, f: any, what: any, dot: any
    table.any mt, 0, 0
@EVENTS
    ret.any mt, 1
}
func handler(x: any, y: any) -> ... {
    .upvalue "env"
    .upvalue "what"
    .upvalue "result"
    reg line: any, open: any, f: any, e: any, v: any
    upvalue_get.any e, "env"
    get_name.any f, e, "show"
    move.any v, x
    call.any f, 2, 1
    move.any x, f
    upvalue_get.any e, "env"
    get_name.any f, e, "show"
    move.any v, y
    call.any f, 2, 1
    move.any y, f
    upvalue_get.any line, "what"
    const.any open, "("
    move.any f, x
    const.any e, ", "
    move.any v, y
    concat.any line, 5
    const.any open, ")"
    concat.any line, 2
    upvalue_get.any e, "env"
    set_name.any e, line, "log"
    upvalue_get.any e, "result"
    ret.any e, 1
}
func values(env: any) -> ... {
    reg list: any, names: any, named: any, k: any, v: any
    get_name.any list, env, "values"
    get_name.any names, env, "names"
    get_name.any named, env, "named"
@VALUES
    ret.any r0, 0
}
func show(env: any, v: any) -> ... {
    reg f: any, x: any, t: any
    import.any f, "type"
    move.any x, v
    call.any f, 1, 1
    move.any t, f
    const.any x, "number"
    jeq.any t, x, number
    const.any x, "string"
    jeq.any t, x, string
    const.any x, "nil"
    jeq.any t, x, plain
    const.any x, "boolean"
    jeq.any t, x, plain
    get_name.any x, env, "named"
    get.any x, x, v
    jnotnil.any x, known
    ret.any t, 1
known:
    ret.any x, 1
number:
    jeq.any v, v, plain
    const.any x, "nan"
    ret.any x, 1
plain:
    import.any f, "tostring"
    move.any x, v
    tail_call.any f, 1
string:
    const.any f, "'"
    move.any x, v
    const.any t, "'"
    concat.any f, 3
    ret.any f, 1
}
func report(env: any, label: any, n: any, ok: any, a: any, b: any, c: any, d: any) -> ... {
    reg line: any, x: any, y: any, f: any, e: any, v: any
    move.any line, label
    const.any x, ":"
    concat.any line, 2
    jtrue.any ok, good
    const.any x, " error "
    concat.any line, 2
    import.any f, "type"
    move.any e, a
    call.any f, 1, 1
    const.any e, "string"
    move.any x, a
    jeq.any f, e, raw
    get_name.any f, env, "show"
    move.any e, env
    move.any v, a
    call.any f, 2, 1
    move.any x, f
raw:
    concat.any line, 2
    jump log
good:
    jlei.any n, 0, log
    get_name.any f, env, "show"
    move.any e, env
    move.any v, a
    call.any f, 2, 1
    const.any x, " "
    move.any y, f
    concat.any line, 3
    subi.any n, n, 1
    move.any a, b
    move.any b, c
    move.any c, d
    const.any d, nil
    jump good
log:
    get_name.any f, env, "log"
    jnil.any f, out
    const.any x, "  <- "
    move.any y, f
    concat.any line, 3
    const.any f, nil
    set_name.any env, f, "log"
out:
    print.any line
    ret.any r0, 0
}
func attempt(env: any, label: any, n: any, op: any, ...) -> ... {
    reg f: any, e: any, l: any, k: any, g: any, x: any
    get_name.any f, env, "report"
    move.any e, env
    move.any l, label
    move.any k, n
    move.any g, op
    vararg.any r0, open
    pcall.any g, open 0, open
    call.any f, open 3, 0
    ret.any r0, 0
}
func each(env: any, label: any, n: any, op: any) -> ... {
    reg i: any, f: any, e: any, l: any, k: any, g: any, v: any, x: any
    const.any i, 1
loop:
    get_name.any f, env, "attempt"
    move.any e, env
    move.any l, label
    get_name.any k, env, "names"
    get.any k, k, i
    concat.any l, 2
    move.any k, n
    move.any g, op
    get_name.any v, env, "values"
    get.any v, v, i
    call.any f, 5, 0
    addi.any i, i, 1
    jlei.any i, @KINDS, loop
    ret.any r0, 0
}
func pairs(env: any, label: any, n: any, op: any) -> ... {
    reg i: any, j: any, f: any, e: any, l: any, k: any, g: any, v: any, w: any
    const.any i, 1
rows:
    const.any j, 1
loop:
    get_name.any f, env, "attempt"
    move.any e, env
    get_name.any w, env, "names"
    move.any l, label
    get.any k, w, i
    const.any g, ","
    get.any v, w, j
    concat.any l, 4
    move.any k, n
    move.any g, op
    get_name.any w, env, "values"
    get.any v, w, i
    get.any w, w, j
    call.any f, 6, 0
    addi.any j, j, 1
    jlei.any j, @KINDS, loop
    addi.any i, i, 1
    jlei.any i, @KINDS, rows
    ret.any r0, 0
}
func row(env: any, label: any, n: any, op: any, ...) -> ... {
    reg i: any, line: any, x: any, y: any, f: any, a: any, b: any, v: any
    const.any x, ":"
    move.any line, label
    concat.any line, 2
    const.any i, 1
loop:
    move.any f, op
    get_name.any a, env, "edges"
    get.any a, a, i
    vararg.any r0, open
    pcall.any f, open 1, 2
    jtrue.any f, good
    const.any x, " | "
    move.any y, a
    concat.any line, 3
    jump next
good:
    get_name.any f, env, "show"
    move.any b, a
    move.any a, env
    call.any f, 2, 1
    const.any x, " | "
    move.any y, f
    concat.any line, 3
next:
    addi.any i, i, 1
    jlei.any i, @EDGES, loop
    print.any line
    ret.any r0, 0
}
func rows(env: any, label: any, n: any, op: any) -> ... {
    reg i: any, f: any, e: any, l: any, k: any, g: any, v: any
    const.any i, 1
loop:
    get_name.any f, env, "row"
    move.any e, env
    move.any l, label
    get_name.any k, env, "edge_names"
    get.any k, k, i
    concat.any l, 2
    move.any k, n
    move.any g, op
    get_name.any v, env, "edges"
    get.any v, v, i
    call.any f, 5, 0
    addi.any i, i, 1
    jlei.any i, @EDGES, loop
    ret.any r0, 0
}
"""

PRELUDE_LUA = """\
local log
local named, values, names, edges, enames = {}, {}, {}, {}, {}
local function show(v)
  local t = type(v)
  if t == 'number' then return v == v and tostring(v) or 'nan' end
  if t == 'string' then return "'" .. v .. "'" end
  if t == 'nil' or t == 'boolean' then return tostring(v) end
  return named[v] or t
end
local function report(label, n, ok, ...)
  local line = label .. ':'
  if ok then
    for i = 1, n do line = line .. ' ' .. show((select(i, ...))) end
  else
    local e = ...
    line = line .. ' error ' .. (type(e) == 'string' and e or show(e))
  end
  if log then line, log = line .. '  <- ' .. log, nil end
  io.write(line, '\\n')
end
-- Errors of functions of the library have no position; those of instructions do, but for divisions of strings by zero: strings do arithmetic in metamethods of the library.
local function placed(f, ok, e, ...)
  local by_zero = e == 'attempt to divide by zero' or e == "attempt to perform 'n%0'"
  if not ok and type(e) == 'string' and POSITIONS and not by_zero and not string.find(e, '^cell:') then
    e = 'cell:' .. debug.getinfo(f, 'S').linedefined .. ': ' .. e
  end
  return ok, e, ...
end
local function attempt(label, n, op, ...)
  report(label, n, placed(op, pcall(op, ...)))
end
local function each(label, n, op)
  for i = 1, @KINDS do attempt(label .. names[i], n, op, values[i]) end
end
local function pairs(label, n, op)
  for i = 1, @KINDS do
    for j = 1, @KINDS do attempt(label .. names[i] .. ',' .. names[j], n, op, values[i], values[j]) end
  end
end
local function row(label, n, op, ...)
  local line = label .. ':'
  for i = 1, @EDGES do
    local ok, v = placed(op, pcall(op, edges[i], ...))
    line = line .. ' | ' .. (ok and show(v) or v)
  end
  io.write(line, '\\n')
end
local function rows(label, n, op)
  for i = 1, @EDGES do row(label .. enames[i], n, op, edges[i]) end
end
local function instrument(tag, result)
  local mt = {}
  for _, event in ipairs { @EVENTS } do
    mt['__' .. event] = function(x, y)
      log = tag .. '.' .. event .. '(' .. show(x) .. ', ' .. show(y) .. ')'
      return result
    end
  end
  return mt
end
local function plain(a) return 'plain', a end
local objects = {
  table = {x = 'named x', [7] = 'seven', [2.5] = 'two and a half', [true] = 'yes'},
  meta1 = setmetatable({}, instrument('meta1', 'm1')),
  meta2 = setmetatable({}, instrument('meta2', false)),
  closure = plain,
  foreign = type,
  coroutine = coroutine.create(plain),
  userdata = debug.setmetatable(io.stdin, nil),
  metadata = debug.setmetatable(io.stderr, instrument('metadata', 3)),
}
objects.table[objects.table] = 'itself'
@VALUES
@EVALUES
"""
