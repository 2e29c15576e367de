"""Subjects of constants, moves, checked moves, closures, upvalues and the ends of variables."""

from subject import EACH, ONCE, Case, Uncaught
from values import FLOATS, IMM32, INTEGERS, asm, lua

UNBOXED = {"i64": ("integer", "math.type(a) == 'integer'"), "f64": ("float", "math.type(a) == 'float'"), "bool": ("boolean", "type(a) == 'boolean'")}


def cases():
    return [moves(), unboxing(), closures(), closing()]


def moves():
    case = Case("moves.any", "Constants, moves, and values of the host.", by_hand="What the host has under a name.")
    case.add("nil.any/value", ONCE, "", "@nil.any r\nret.any r, 1", "return nil")
    for value in ("false", "true"):
        case.add(f"bool.any/value/{value}", ONCE, "", f"@bool.any r, {value}\nret.any r, 1", f"return {value}")
    for name, value in IMM32:
        case.add(f"int.any/value/{name}", ONCE, "", f"@int.any r, {value}\nret.any r, 1", f"return {lua(value)}")
    for name, value in INTEGERS:
        case.add(f"pool_int.any/value/{name}", ONCE, "", f"@pool_int.any r, {value}\nret.any r, 1", f"return {lua(value)}")
    for name, value in FLOATS:
        case.add(f"pool_float.any/value/{name}", ONCE, "", f"@pool_float.any r, {asm(value)}\nret.any r, 1", f"return {lua(value)}")
    case.add("move.any/", EACH, "a", "@move.any r, a\nret.any r, 1", "return a")
    case.fixed("move.any/@", "a", "a", "@move.any r, a\nret.any r, 1", "return a")
    long = "forty-one bytes are not interned any more"
    for name, text in (("empty", ""), ("short", "short"), ("long", long)):
        case.add(f"string.any/value/{name}", ONCE, "", f'@string.any r, "{text}"\nret.any r, 1', f"return '{text}'")
    body = '@string.any r, "\\x00\\xff\\x80"\nlen.any r, r\nret.any r, 1'
    case.add("string.any/value/bytes", ONCE, "", body, "return #'\\0\\xff\\x80'")
    case.add("import.any/name/present", ONCE, "", '@import.any r, "type"\nret.any r, 1', "return type")
    case.add("import.any/name/absent", ONCE, "", '@import.any r, "no such name"\nret.any r, 1', "return nil")
    return case


def unboxing():
    case = Case("unbox.any", "Checked moves to fixed registers.", by_hand="All of it: the kind must be the register's own, and the message says what it is.")
    for kind, (name, test) in UNBOXED.items():
        op = f"unbox.{kind}"
        found = "(math.type(a) or type(a))"
        lua = f"if {test} then return a end error('{name} expected, got ' .. {found} .. \" (local 'a')\")"
        case.add(f"{op}/", EACH, "a", f"@{op} x, a\nmove.any r, x\nret.any r, 1", lua, regs=f"x: {kind}, r: any")
        body = f'const.any a, "7"\n@{op} x, a'
        case.uncaught.append(Uncaught(f"{op}/error/type_error", "type_error", body, f"error('{name} expected, got string (local \\'a\\')')", f"a: any, x: {kind}"))
    return case


def closures():
    case = Case("closures.any", "Closures of variables, reads and writes of upvalues.")
    none = "func none() -> ... {\n    reg r: any\n    const.any r, \"none\"\n    ret.any r, 1\n}\n"
    case.add("closure.any/captures/none", ONCE, "", "@closure.any r, none()\ncall.any r, 0, 1\nret.any r, 1", "local f = function() return 'none' end return f()", others=none)
    get = 'func get() -> ... {\n    .upvalue "v"\n    reg r: any\n    upvalue_get.any r, "v"\n    ret.any r, 1\n}\n'
    case.add("closure.any/captures/variable,", EACH, "a", "@closure.any r, get(a)\ncall.any r, 0, 1\nret.any r, 1", "local f = function() return a end return f()", others=get)
    outer = 'func outer() -> ... {\n    .upvalue "w"\n    reg f: any\n    closure.any f, get(upvalue 0)\n    ret.any f, 1\n}\n'
    body = "@closure.any r, outer(a)\ncall.any r, 0, 1\ncall.any r, 0, 1\nret.any r, 1"
    case.add("closure.any/captures/upvalue,", EACH, "a", body, "local f = function() return function() return a end end return f()()", others=outer)
    body = "@closure.any r, get(a)\nconst.any a, \"later\"\ncall.any r, 0, 1\nret.any r, 1"
    case.add("closure.any/captures/shared", ONCE, "a", body, "local f = function() return a end a = 'later' return f()")
    body = "@closure.any r, get(a)\nclosure.any s, get(a)\neq.any r, r, s\nret.any r, 1"
    case.add("closure.any/captures/identity", ONCE, "a", body, "local f, g = function() return a end, function() return a end return f == g", regs="r: any, s: any")
    # An open upvalue is read in place, a closed one out of its own slot.
    case.add("upvalue_get.any/", EACH, "a", "closure.any r, get(a)\n@call.any r, 0, 1\nret.any r, 1", "local f = function() return a end return f()")
    body = "closure.any r, maker()\nmove.any s, a\ncall.any r, 1, 1\n@call.any r, 0, 1\nret.any r, 1"
    maker = "func maker(v: any) -> ... {\n    reg f: any\n    closure.any f, get(v)\n    ret.any f, 1\n}\n"
    case.add("upvalue_get.any/closed,", EACH, "a", body, "local m = function(v) return function() return v end end return m(a)()", regs="r: any, s: any", others=maker)
    setter = 'func set() -> ... {\n    .upvalue "v"\n    .upvalue "w"\n    reg x: any\n    upvalue_get.any x, "w"\n    upvalue_set.any "v", x\n    ret.any r0, 0\n}\n'
    body = "const.any r, \"before\"\nclosure.any s, set(r, a)\n@call.any s, 0, 0\nret.any r, 1"
    case.add("upvalue_set.any/", EACH, "a", body, "local r = 'before' local s = function() r = a end s() return r", regs="r: any, s: any", others=setter)
    for kind, value in (("i64", "7"), ("f64", "2.5"), ("bool", "true")):
        fixed = f'func set_{kind}() -> ... {{\n    .upvalue "v"\n    reg x: {kind}\n    const.{kind} x, {value}\n    upvalue_set.any "v", x\n    ret.any r0, 0\n}}\n'
        body = f"const.any r, \"before\"\nclosure.any s, set_{kind}(r)\n@call.any s, 0, 0\nret.any r, 1"
        case.add(f"upvalue_set.any/fixed_{kind}", ONCE, "", body, f"local r = 'before' local s = function() r = {value} end s() return r", regs="r: any, s: any", others=fixed)
    return case


def closing():
    case = Case("closing.any", "Variables that are to be closed, and variables that end.")
    case.add("to_be_closed.any/", EACH, "a", "@to_be_closed.any a\nclose.any 0\nconst.any r, \"done\"\nret.any r, 1", "do local a <close> = a end return 'done'")
    body = "const.any a, 5\n@to_be_closed.any a"
    case.uncaught.append(Uncaught("to_be_closed.any/error/type_error", "type_error", body, "local a <close> = 5"))
    fail = 'func fail() -> ... {\n    reg e: any\n    const.any e, "oops"\n    throw.any e\n}\n'
    body = 'import.any f, "setmetatable"\ntable.any x, 0, 0\ntable.any y, 0, 0\nclosure.any a, fail()\nset_name.any y, a, "__close"\ncall.any f, 2, 1\nmove.any a, f\nto_be_closed.any a\n@close.any 0\nret.any r0, 0'
    lua = "do local a <close> = setmetatable({}, {__close = function() error('oops', 0) end}) end"
    case.add("close.any/error/raised", ONCE, "a", body, lua, results=0, regs="f: any, x: any, y: any", others=fail)
    case.add("close.any/nothing", ONCE, "a", "@close.any 0\nconst.any r, \"done\"\nret.any r, 1", "do local a end return 'done'")
    get = 'func read() -> ... {\n    .upvalue "v"\n    reg r: any\n    upvalue_get.any r, "v"\n    ret.any r, 1\n}\n'
    # Each round of a loop has a variable of its own, if it is ended.
    body = (
        "const.any i, 0\nconst.any s, nil\nagain:\naddi.any i, i, 1\nmove.any v, i\nclosure.any f, read(v)\n@close.any 3\njnotnil.any s, both\nmove.any s, f\njump again\n"
        "both:\ncall.any s, 0, 1\ncall.any f, 0, 1\nmove.any i, s\nmove.any s, f\nret.any i, 2"
    )
    case.add("close.any/captured", ONCE, "a", body, "local t = {} for i = 1, 2 do t[i] = function() return i end end return t[1](), t[2]()", results=2, regs="i: any, s: any, v: any, f: any".replace("s: any, v", "s: any, v"), others=get)
    body = "@closure.any f, read(a)\nmove.any r, a\nclose.any 1\nconst.any a, \"later\"\ncall.any f, 0, 1\nret.any f, 1"
    case.add("close.any/kept,", EACH, "a", body, "local f = function() return a end local r = f() a = 'later' return f()", regs="r: any, f: any")
    return case
