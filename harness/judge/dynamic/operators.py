"""Subjects of arithmetic, comparisons, branches, concatenation, lengths and prints."""

from subject import EACH, PAIRS, ROW, ROWS, Case, Uncaught
from values import IMM8, IMM16

ARITHMETIC = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%", "idiv": "//", "pow": "^",
    "band": "&", "bor": "|", "bxor": "~", "shl": "<<", "shr": ">>",
}  # fmt: skip
BITWISE = {"band", "bor", "bxor", "shl", "shr", "bnot"}
COMPARISONS = {"eq": "==", "lt": "<", "le": "<="}
TESTS = {
    "jeq": "a == b", "jne": "a ~= b", "jlt": "a < b", "jnlt": "not (a < b)", "jle": "a <= b", "jnle": "not (a <= b)",
}  # fmt: skip
IMMEDIATE_TESTS = {
    "jeqi": "a == @", "jnei": "a ~= @", "jlti": "a < @", "jnlti": "not (a < @)", "jlei": "a <= @", "jnlei": "not (a <= @)",
    "jgti": "a > @", "jngti": "not (a > @)", "jgei": "a >= @", "jngei": "not (a >= @)",
}  # fmt: skip
NO_POSITION = "Positions of errors in arithmetic on strings, which Lua does in a function of its library."


def binary(case, op, body, lua, **more):
    """All that a generic instruction of two operands is shown with."""
    case.add(f"{op}/", PAIRS, "a b", body, lua, **more)
    case.fixed(f"{op}/@,", "a b", "a", body, lua, **more)
    case.fixed(f"{op}/second_@,", "a b", "b", body, lua, **more)
    case.add(f"{op}/edge/", ROWS, "b a", body, lua, **more)


def unary(case, op, body, lua, edges=True, **more):
    case.add(f"{op}/", EACH, "a", body, lua, **more)
    case.fixed(f"{op}/@", "a", "a", body, lua, **more)
    if edges:
        case.add(f"{op}/edges", ROW, "a", body, lua, **more)


def errors_of(case, op, name, lua, imm=None):
    """What the instruction raises, where nobody catches it."""
    def raises(error, a, b):

        body = f"const.any a, {a}\nconst.any b, {b}\n@{op} r, a, {b if imm else 'b'}"
        case_lua = f"local a, b = {a}, {b} return {lua.replace('@', str(b))}"
        case.uncaught.append(Uncaught(f"{op}/error/{error}", error, body, case_lua))

    raises("type_error", "nil", 3)
    if name in ("mod", "idiv"):
        raises("divide_by_zero", 3, 0)
    if name in BITWISE:
        raises("conversion", 2.5, 3)


def branch(op, operands):
    """Says whether the branch is taken."""
    return f"@{op} {operands}, yes\nconst.any r, \"next\"\nret.any r, 1\nyes:\nconst.any r, \"taken\"\nret.any r, 1"


def cases():
    out = []
    for name, sign in ARITHMETIC.items():
        op = f"{name}.any"
        case = Case(op, f"`a {sign} b` of every kind and at the edges of numbers.", by_hand=NO_POSITION, positions=True)
        binary(case, op, f"@{op} r, a, b\nret.any r, 1", f"return a {sign} b")
        errors_of(case, op, name, f"a {sign} b")
        out.append(case)
    for first, last, part in (("add", "div", 1), ("mod", "pow", 2), ("band", "bxor", 3), ("shl", "shr", 4)):
        names = list(ARITHMETIC)
        names = names[names.index(first) : names.index(last) + 1]
        ops = [f"{name}i.any" for name in names]
        case = Case(f"immediate_{part}.any", f"Arithmetic with constants: {', '.join(ops)}.", by_hand=NO_POSITION, positions=True)
        for name, op in zip(names, ops):
            sign = ARITHMETIC[name]
            unary(case, op, f"@{op} r, a, 3\nret.any r, 1", f"return a {sign} 3", edges=False)
            for edge, value in IMM16:
                case.add(f"{op}/imm/{edge}", ROW, "a", f"@{op} r, a, {value}\nret.any r, 1", f"local k = {value} return a {sign} k")
            errors_of(case, op, name, f"a {sign} @", imm=True)
        out.append(case)
    case = Case("unary.any", "Negation, complement, length and `not`.", by_hand=NO_POSITION, positions=True)
    for name, sign in (("neg", "-"), ("bnot", "~"), ("len", "#"), ("not", "not ")):
        op = f"{name}.any"
        unary(case, op, f"@{op} r, a\nret.any r, 1", f"return {sign}a")
        if name != "not":
            case.uncaught.append(Uncaught(f"{op}/error/type_error", "type_error", f"const.any a, nil\n@{op} r, a", f"local a return {sign}a"))
    case.uncaught.append(Uncaught("bnot.any/error/conversion", "conversion", "const.any a, 2.5\n@bnot.any r, a", "local a = 2.5 return ~a"))
    out.append(case)
    for name, sign in COMPARISONS.items():
        op = f"{name}.any"
        case = Case(op, f"`a {sign} b` of every kind and at the edges of numbers.")
        binary(case, op, f"@{op} r, a, b\nret.any r, 1", f"return a {sign} b")
        if name != "eq":
            case.uncaught.append(Uncaught(f"{op}/error/type_error", "type_error", f"const.any a, nil\nconst.any b, 3\n@{op} r, a, b", f"local a, b = nil, 3 return a {sign} b"))
        out.append(case)
    for name, test in TESTS.items():
        op = f"{name}.any"
        case = Case(op, f"Branches where `{test}`.")
        binary(case, op, branch(op, "a, b"), f"if {test} then return 'taken' end return 'next'")
        if name not in ("jeq", "jne"):
            body = f"const.any a, nil\nconst.any b, 3\n@{op} a, b, out\nout:"
            case.uncaught.append(Uncaught(f"{op}/error/type_error", "type_error", body, f"local a, b = nil, 3 return {test}"))
        out.append(case)
    for part, names in enumerate((list(IMMEDIATE_TESTS)[:5], list(IMMEDIATE_TESTS)[5:]), 1):
        ops = [f"{name}.any" for name in names]
        case = Case(f"branches_immediate_{part}.any", f"Branches on comparisons with constants: {', '.join(ops)}.")
        for name, op in zip(names, ops):
            test = IMMEDIATE_TESTS[name]
            def lua(value):
                return f"if {test.replace('@', f'({value})')} then return 'taken' end return 'next'"
            unary(case, op, branch(op, "a, 3"), lua(3), edges=False)
            for edge, value in IMM8:
                case.add(f"{op}/imm/{edge}", ROW, "a", branch(op, f"a, {value}"), lua(value))
            if name not in ("jeqi", "jnei"):
                body = f"const.any a, nil\n@{op} a, 3, out\nout:"
                case.uncaught.append(Uncaught(f"{op}/error/type_error", "type_error", body, f"local a return {test.replace('@', '3')}"))
        out.append(case)
    case = Case("branches.any", "Branches on truth and on nil.")
    for name, test in (("jtrue", "a"), ("jfalse", "not a")):
        unary(case, f"{name}.any", branch(f"{name}.any", "a"), f"if {test} then return 'taken' end return 'next'", edges=False)
    for name, test in (("jnil", "a == nil"), ("jnotnil", "a ~= nil")):
        case.add(f"{name}.any/", EACH, "a", branch(f"{name}.any", "a"), f"if {test} then return 'taken' end return 'next'")
    out.append(case)
    out.append(concatenation())
    out.append(printing())
    return out


def concatenation():
    case = Case("concat.any", "Concatenation: of pairs, of chains, of numbers as they are spelled.")
    case.add("concat.any/", PAIRS, "a b", "@concat.any a, 2\nret.any a, 1", "return a .. b")
    case.add("concat.any/count/one,", EACH, "a", "@concat.any a, 1\nret.any a, 1", "return a")
    chain = "const.any a, \"s\"\nmove.any v, b\nconst.any c, 7\n@concat.any a, 3\nret.any a, 1"
    case.add("concat.any/count/three,", EACH, "b", chain, "local v = b return 's' .. v .. 7", regs="a: any, v: any, c: any")
    chain = "move.any c, a\nmove.any v, b\nmove.any w, b\nmove.any x, a\n@concat.any c, 4\nret.any c, 1"
    case.add("concat.any/count/four,", PAIRS, "a b", chain, "local c, v, w, x = a, b, b, a return c .. v .. w .. x", regs="c: any, v: any, w: any, x: any")
    spell = "const.any c, \"|\"\nmove.any a, b\n@concat.any c, 2\nret.any c, 1"
    case.add("concat.any/edges", ROW, "b", spell, "if b ~= b then b = 'nan' end return '|' .. b", regs="c: any, a: any")
    case.uncaught.append(Uncaught("concat.any/error/type_error", "type_error", "const.any a, nil\nconst.any b, 3\n@concat.any a, 2", "local a, b = nil, 3 return a .. b"))
    case.by_hand = "The spelling of NaN, which carries a sign in Lua; a chain of one."
    return case


def printing():
    case = Case("print.any", "`print` writes numbers and strings as they are, and of objects their type.")
    case.by_hand = "All of it: the rule is the instruction's own."
    lua = "local t = type(a) io.write((t == 'number' or t == 'string' or t == 'nil' or t == 'boolean') and tostring(a) or t, '\\n')"
    unary(case, "print.any", "@print.any a\nret.any r0, 0", lua, edges=False, results=0, regs="")
    case.add("print.any/edges", ROW, "a", "jne.any a, a, out\n@print.any a\nout:\nret.any r0, 0", "if a == a then io.write(tostring(a), '\\n') end", results=0, regs="")
    return case
