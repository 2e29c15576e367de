"""Subjects of tables: making them, reading and writing fields by name and by key, methods, lists of elements."""

from operators import binary, unary
from subject import EACH, ONCE, PAIRS, ROW, Case, Uncaught
from values import IMMU16

# Strings have no metatable of their own in a bare VM; Lua gives them one.
BARE = "debug.setmetatable('', nil)"
NAMES = "A string has no fields here: its metatable is Lua's library's."


def cases():
    return [reading(), writing(), making()]


def reading():
    case = Case("reading.any", "Fields by name and by key, methods.", setup=BARE, by_hand=NAMES)
    unary(case, "get_name.any", '@get_name.any r, a, "x"\nret.any r, 1', "return a.x", edges=False)
    unary(case, "method.any", '@method.any r, a, "x"\nret.any r, 2', "return a.x, a", edges=False, results=2, regs="r: any, s: any")
    binary_without_edges(case, "get.any", "@get.any r, a, b\nret.any r, 1", "return a[b]")
    fill = 'table.any t, 2, 0\nconst.any k, 1\nconst.any v, "one"\nset.any t, k, v\nconst.any k, 2\nconst.any v, "two"\nset.any t, k, v\nconst.any k, -9223372036854775808\nconst.any v, "min"\nset.any t, k, v\nconst.any k, 3\nconst.any v, "three"\nset.any t, k, v\nconst.any k, 0.5\nconst.any v, "half"\nset.any t, k, v\n'
    case.add("get.any/edges", ROW, "a", fill + "@get.any r, t, a\nret.any r, 1", "local t = {'one', 'two', 'three', [math.mininteger] = 'min', [0.5] = 'half'} return t[a]", regs="t: any, k: any, v: any, r: any")
    # Arrays of one kind of element.
    for kind, elements in (("integers", "11 12 13"), ("floats", "1.5 2.5 3.5"), ("truths", "true false true")):
        values = elements.split()
        body = "table.any t, 3, 0\n" + "".join(f"const.any {r}, {v}\n" for r, v in zip("xyz", values)) + "append.any t, x, 3, 1\n@get.any r, t, a\nret.any r, 1"
        case.add(f"get.any/elements/{kind}", ROW, "a", body, f"local t = {{{', '.join(values)}}} return t[a]", regs="t: any, x: any, y: any, z: any, r: any")
    for op, body, lua in (("get_name.any", '@get_name.any r, a, "x"', "return a.x"), ("method.any", '@method.any a, a, "x"', "return a:x()"), ("get.any", "const.any b, 3\n@get.any r, a, b", "local b = 3 return a[b]")):
        case.uncaught.append(Uncaught(f"{op}/error/type_error", "type_error", "const.any a, nil\n" + body, "local a " + lua))
    return case


def binary_without_edges(case, op, body, lua, **more):
    case.add(f"{op}/", PAIRS, "a b", body, lua, **more)
    case.fixed(f"{op}/@,", "a b", "a", body, lua, **more)
    case.fixed(f"{op}/second_@,", "a b", "b", body, lua, **more)


def writing():
    case = Case("writing.any", "Setting fields by name and by key, and lists of elements.", setup=BARE, by_hand=NAMES + " The error of `append`.")
    raw = 'import.any f, "rawget"\nmove.any x, a\nmove.any y, b\n'
    # What is set is looked at raw, and taken away again.
    lua = "a[b] = 'set' if type(a) ~= 'table' then return 'no table' end local r = rawget(a, b) rawset(a, b, nil) return r"
    body = '@set.any a, b, v\nimport.any f, "type"\nmove.any x, a\ncall.any f, 1, 1\nconst.any x, "table"\njeq.any f, x, good\nconst.any x, "no table"\nret.any x, 1\ngood:\n'
    body += raw + 'call.any f, 2, 1\nmove.any v, f\nimport.any f, "rawset"\nmove.any x, a\nmove.any y, b\nconst.any z, nil\ncall.any f, 3, 0\nret.any v, 1'
    regs = "v: any, f: any, x: any, y: any, z: any"
    binary_without_edges(case, "set.any", 'const.any v, "set"\n' + body, lua, regs=regs)
    # A value of each kind goes into an array of each kind of element.
    store = "table.any t, 3, 0\nconst.any x, 1\nconst.any y, 2\nconst.any z, 3\nappend.any t, x, 3, 1\n{}const.any k, 2\n@set.any t, k, v\nconst.any k, 1\nget.any x, t, k\nconst.any k, 2\nget.any y, t, k\nconst.any k, 3\nget.any z, t, k\nret.any x, 3"
    regs = "t: any, k: any, x: any, y: any, z: any"
    for kind, elements in (("integers", "1 2 3"), ("floats", "1.5 2.5 3.5"), ("truths", "true false true"), ("mixed", "1 2.5 nil")):
        a, b, c = elements.split()
        text = store.format("").replace("const.any x, 1", f"const.any x, {a}").replace("const.any y, 2", f"const.any y, {b}").replace("const.any z, 3", f"const.any z, {c}")
        case.add(f"set.any/value/{kind},", EACH, "v", text, f"local t = {{{a}, {b}, {c}}} t[2] = v return t[1], t[2], t[3]", results=3, regs=regs)
    case.fixed("set.any/value/@", "v", "v", store.format(""), "local t = {1, 2, 3} t[2] = v return t[1], t[2], t[3]", results=3, regs=regs)
    keys = "table.any t, 0, 0\nconst.any v, \"here\"\n@set.any t, k, v\nget.any v, t, k\nimport.any f, \"next\"\nmove.any x, t\ncall.any f, 1, 1\nconst.any x, \" \"\nmove.any y, f\nmove.any f, v\nconcat.any f, 3\nret.any f, 1"
    case.add("set.any/edges", ROW, "k", keys, "local t = {} t[k] = 'here' return t[k] .. ' ' .. next(t)", regs="t: any, v: any, f: any, x: any, y: any")
    lua = "a.x = b if type(a) ~= 'table' then return 'no table' end local r = rawget(a, 'x') rawset(a, 'x', nil) return r"
    text = body.replace("@set.any a, b, v", '@set_name.any a, b, "x"').replace("move.any y, b", 'const.any y, "x"')
    binary_without_edges(case, "set_name.any", text, lua, regs="v: any, f: any, x: any, y: any, z: any")
    case.add("set_name.any/nil_removes", ONCE, "a", 'table.any a, 0, 0\nconst.any v, 1\nset_name.any a, v, "x"\nconst.any v, nil\n@set_name.any a, v, "x"\nget_name.any v, a, "x"\nret.any v, 1', "a = {} a.x = 1 a.x = nil return a.x", regs="v: any")
    for op, text, lua in (("set_name.any", 'const.any a, nil\n@set_name.any a, a, "x"', "local a a.x = a"), ("set.any", "table.any a, 0, 0\nconst.any b, nil\n@set.any a, b, a", "local a, b = {} a[b] = a")):
        case.uncaught.append(Uncaught(f"{op}/error/type_error", "type_error", text, lua))
    appending(case)
    return case


def appending(case):
    elements = 'const.any x, "first"\nmove.any y, v\nconst.any z, "third"\n'
    read = "const.any k, {}\nget.any x, t, k\nconst.any k, {}\nget.any y, t, k\nconst.any k, {}\nget.any z, t, k\nret.any x, 3"
    regs = "t: any, k: any, x: any, y: any, z: any"
    case.add("append.any/values/", EACH, "v", "table.any t, 0, 0\n" + elements + "@append.any t, x, 3, 1\n" + read.format(1, 2, 3), "local t = {'first', v, 'third'} return t[1], t[2], t[3]", results=3, regs=regs)
    for name, start in IMMU16:
        body = "table.any t, 0, 0\n" + elements.replace("v\n", "x\n") + f"@append.any t, x, 3, {start}\n" + read.format(start, start + 1, start + 2)
        case.add(f"append.any/start/{name}", ONCE, "a", body, f"local t = {{[{start}] = 'first', [{start} + 1] = 'first', [{start} + 2] = 'third'}} return t[{start}], t[{start} + 1], t[{start} + 2]", results=3, regs=regs)
    for name, first, count, expected in (("zero", "r0", "0", "nil, nil, nil"), ("one", "x", "1", "'first', nil, nil"), ("three", "x", "3", "'first', 'first', 'third'")):
        body = "table.any t, 0, 0\n" + elements.replace("v\n", "x\n") + f"@append.any t, {first}, {count}, 1\n" + read.format(1, 2, 3)
        case.add(f"append.any/count/{name}", ONCE, "a", body, f"return {expected}", results=3, regs=regs)
    three = "func three() -> ... {\n    reg a: any, b: any, c: any\n    const.any a, 1\n    const.any b, 2.5\n    const.any c, \"end\"\n    ret.any a, 3\n}\n"
    body = "table.any t, 0, 0\nconst.any x, \"first\"\nclosure.any y, three()\ncall.any y, 0, open\n@append.any t, x, open 1, 1\nlen.any k, t\nget.any z, t, k\nconst.any y, 2\nget.any y, t, y\nmove.any x, k\nret.any x, 3"
    case.add("append.any/count/open", ONCE, "a", body, "local function three() return 1, 2.5, 'end' end local t = {'first', three()} return #t, t[2], t[#t]", results=3, regs=regs, others=three)
    case.add("append.any/", EACH, "a", "const.any x, 1\n@append.any a, x, 1, 1\nconst.any x, nil\nappend.any a, x, 1, 1\nconst.any x, \"done\"\nret.any x, 1", "if type(a) ~= 'table' then error('elements of a ' .. type(a) .. ' value') end return 'done'", regs="x: any")
    case.uncaught.append(Uncaught("append.any/error/type_error", "type_error", "const.any a, nil\nconst.any b, 1\n@append.any a, b, 1, 1", "error('elements of a nil value')"))


def making():
    case = Case("table.any", "Empty tables of stated sizes.")
    for operand in ("elements", "fields"):
        for name, value in IMMU16:
            sizes = f"{value}, 0" if operand == "elements" else f"0, {value}"
            body = f"@table.any t, {sizes}\nlen.any r, t\nimport.any f, \"type\"\nmove.any x, t\ncall.any f, 1, 1\nget_name.any t, t, \"x\"\nmove.any x, f\nmove.any y, t\nmove.any f, r\nret.any f, 3"
            case.add(f"table.any/{operand}/{name}", ONCE, "a", body, "local t = {} return #t, type(t), t.x", results=3, regs="t: any, r: any, f: any, x: any, y: any")
    return case
