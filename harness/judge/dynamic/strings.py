"""Subjects of bytes, parts and places of strings. Numbers are no strings here, as they are in Lua's library: that, and the messages, are by hand."""

from subject import PAIRS, ROW, ROWS, Case, Uncaught

# Checks an operand: a string, an integer.
CHECKS = (
    "local function text(v, name) if type(v) ~= 'string' then error('string expected, got ' .. type(v) .. \" (local '\" .. name .. \"')\", 0) end return v end "
    "local function index(v, name) local n = (type(v) == 'number' or type(v) == 'string') and tonumber(v) "
    "if not n then error('number expected, got ' .. type(v) .. \" (local '\" .. name .. \"')\", 0) end "
    "return math.tointeger(n) or error('number has no integer representation', 0) end"
)
HELLO = 'const.any s, "hello"\n'


def cases():
    case = Case("strings.any", "A byte, a part, and the place of a string in another.", setup=CHECKS, positions=True, by_hand="What is no string and what is no index.")
    byte = ("@byte.any r, a, b\nret.any r, 1", "text(a, 'a') return (string.byte(a, index(b, 'b')))")
    part = ("@slice.any r, a, b, b\nret.any r, 1", "text(a, 'a') local i = index(b, 'b') return (string.sub(a, i, i))")
    place = ("const.any i, 1\n@find.any r, a, b, i\nret.any r, 1", "return (string.find(text(a, 'a'), text(b, 'b'), 1, true))")
    for op, (body, lua), regs in (("byte", byte, "r: any"), ("slice", part, "r: any"), ("find", place, "i: any, r: any")):
        case.add(f"{op}.any/", PAIRS, "a b", body, lua, regs=regs)
        case.fixed(f"{op}.any/@,", "a b", "a", body, lua, regs=regs)
        case.fixed(f"{op}.any/second_@,", "a b", "b", body, lua, regs=regs)
    case.fixed("slice.any/last/@", "l", "l", HELLO + "const.any i, 2\n@slice.any r, s, i, l\nret.any r, 1", "return (string.sub('hello', 2, index(l, 'l')))", regs="s: any, i: any, r: any")
    case.fixed("find.any/first/@", "l", "l", HELLO + 'const.any i, "l"\n@find.any r, s, i, l\nret.any r, 1', "return (string.find('hello', 'l', index(l, 'l'), true))", regs="s: any, i: any, r: any")
    case.add("byte.any/edges", ROW, "a", HELLO + "@byte.any r, s, a\nret.any r, 1", "return (string.byte('hello', index(a, 'a')))", regs="s: any, r: any")
    case.add("slice.any/edge/", ROWS, "b a", HELLO + "@slice.any r, s, a, b\nret.any r, 1", "local i = index(a, 'a') return (string.sub('hello', i, index(b, 'b')))", regs="s: any, r: any")
    # From 1 to 6 the empty string is everywhere; Lua's place in front of the string is its first.
    for number, wanted in enumerate(("", "l", "lo", "hello", "hello!", "x")):
        body = HELLO + f'const.any w, "{wanted}"\n@find.any r, s, w, a\nret.any r, 1'
        case.add(f"find.any/wanted/{number}", ROW, "a", body, f"return (string.find('hello', '{wanted}', index(a, 'a'), true))", regs="s: any, w: any, r: any")
    for op, operands in (("byte", "a, b"), ("slice", "a, b, b"), ("find", "a, a, b")):
        case.uncaught.append(Uncaught(f"{op}.any/error/type_error", "type_error", f"const.any a, nil\nconst.any b, 1\n@{op}.any r, {operands}", "text(nil, 'a')"))
        case.uncaught.append(Uncaught(f"{op}.any/error/conversion", "conversion", f'const.any a, "x"\nconst.any b, 2.5\n@{op}.any r, {operands}', "index(2.5, 'b')"))
    return [case]
