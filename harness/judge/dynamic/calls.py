"""Subjects of calls, returns, extra arguments, loops, errors, protected calls and coroutines."""

from subject import EACH, ONCE, ROW, Case, Uncaught

BACK = "func back(...) -> ... {\n    reg x: any\n    vararg.any r0, open\n    ret.any r0, open\n}\n"
THREE = 'func three() -> ... {\n    reg a: any, b: any, c: any\n    const.any a, 1\n    const.any b, 2.5\n    const.any c, "end"\n    ret.any a, 3\n}\n'
NOTHING = "func nothing() -> ... {\n    reg r: any\n    ret.any r0, 0\n}\n"
LUA_THREE = "local function three() return 1, 2.5, 'end' end "
LUA_BACK = "local function back(...) return ... end "
COUNTS = (("zero", "0", ""), ("one", "1", "1"), ("three", "3", "1, 2.5, 'end'"))
LIST = 'const.any x, 1\nconst.any y, 2.5\nconst.any z, "end"\n'
REGS = "r: any, x: any, y: any, z: any"


def zero(register, count):
    """A group of no registers is given as `r0`."""
    return "r0" if count == "0" else register


def cases():
    return [transfers(), loops(), errors(), coroutines()]


def counts_of_arguments(case, op, callee, behind, lua):
    """`op` with each number of arguments: `callee` puts what is called in `r`, `behind` follows the count."""
    for name, count, values in COUNTS:
        first = zero("x", count)
        case.add(f"{op}/args/{name}", ONCE, "", f"{callee}\n{LIST}@{op} r, {count}{behind}\nret.any r, 3", lua.format(values).replace(", )", ")"), results=3, regs=REGS)
    opened = f"{callee}\nconst.any x, 0\nclosure.any y, three()\ncall.any y, 0, open\n@{op} r, open 1{behind}\nret.any r, 3"
    case.add(f"{op}/args/open", ONCE, "", opened, LUA_THREE + lua.format("0, three()"), results=3, regs=REGS)


def counts_of_results(case, op, callee, lua):
    """`op` with each number of results wanted, of a function that gives three."""
    for name, count, _ in COUNTS:
        kept = {"0": "nil, nil, nil", "1": "(v), nil, nil", "3": "v, w, x"}[count]
        body = f"const.any r, nil\nconst.any x, nil\nconst.any y, nil\nconst.any z, nil\n{callee}\n@{op}, {count}\n"
        body += "const.any r, nil\n" if count == "0" else ""
        case.add(f"{op.split()[0]}/results/{name}", ONCE, "", body + "ret.any r, 3", f"local v, w, x = {lua} return {kept}", results=3, regs=REGS)
    case.add(f"{op.split()[0]}/results/open", ONCE, "", f"{callee}\n@{op}, open\nret.any r0, open", f"return {lua}", results=3, regs=REGS)


def transfers():
    case = Case("transfers.any", "Calls, tail calls, returns and extra arguments.")
    case.add("call.any/", EACH, "a", "const.any b, 9\n@call.any a, 1, 2\nret.any a, 2", "local x, y = a(9) return x, y", results=2, regs="b: any")
    case.add("tail_call.any/", EACH, "a", "const.any b, 9\n@tail_call.any a, 1", "return a(9)", results=2, regs="b: any")
    case.subjects[0].others = BACK + THREE + NOTHING
    counts_of_arguments(case, "call.any", "closure.any r, back()", ", 3", LUA_BACK + "return back({})")
    counts_of_results(case, "call.any r, 0", "closure.any r, three()", "(function() return 1, 2.5, 'end' end)()")
    for name, count, values in COUNTS:
        first = zero("x", count)
        case.add(f"tail_call.any/args/{name}", ONCE, "", f"closure.any r, back()\n{LIST}@tail_call.any r, {count}", LUA_BACK + f"return back({values})", results=3, regs=REGS)
        case.add(f"ret.any/count/{name}", ONCE, "", f"{LIST}@ret.any {first}, {count}", f"return {values}", results=3, regs=REGS)
        spread = f"func spread_{name}(...) -> ... {{\n    reg x: any, y: any, z: any\n    const.any x, nil\n    const.any y, nil\n    const.any z, nil\n    vararg.any {first}, {count}\n    ret.any x, 3\n}}\n"
        kept = {"0": "nil, nil, nil", "1": "(...), nil, nil", "3": "..."}[count]
        case.add(f"vararg.any/count/{name}", ONCE, "", f"closure.any r, spread_{name}()\n{LIST}@call.any r, 3, 3\nret.any r, 3", f"local function spread(...) return {kept} end return spread(1, 2.5, 'end')", results=3, regs=REGS, others=spread)
    opened = "closure.any r, back()\nconst.any x, 0\nclosure.any y, three()\ncall.any y, 0, open\n@tail_call.any r, open 1"
    case.add("tail_call.any/args/open", ONCE, "", opened, LUA_BACK + LUA_THREE + "return back(0, three())", results=3, regs=REGS)
    case.add("ret.any/count/open", ONCE, "", "const.any x, 0\nclosure.any y, three()\ncall.any y, 0, open\n@ret.any x, open 1", LUA_THREE + "return 0, three()", results=3, regs=REGS)
    case.add("vararg.any/count/open", ONCE, "", f"closure.any r, back()\n{LIST}@call.any r, 3, 3\nret.any r, 3", LUA_BACK + "return back(1, 2.5, 'end')", results=3, regs=REGS)
    case.add("vararg.any/given/none", ONCE, "", "closure.any r, spread_three()\n@call.any r, 0, 3\nret.any r, 3", "local function spread(...) return ... end local a, b, c = spread() return a, b, c", results=3, regs=REGS)
    case.add("vararg.any/given/fewer", ONCE, "", f"closure.any r, spread_three()\n{LIST}@call.any r, 2, 3\nret.any r, 3", "local function spread(...) return ... end local a, b, c = spread(1, 2.5) return a, b, c", results=3, regs=REGS)
    # A chain of values that are called in each other's place.
    chain = 'import.any f, "setmetatable"\ntable.any x, 0, 0\ntable.any y, 0, 0\nset_name.any y, a, "__call"\ncall.any f, 2, 1\nmove.any a, f\nimport.any f, "setmetatable"\ntable.any x, 0, 0\ntable.any y, 0, 0\nset_name.any y, a, "__call"\ncall.any f, 2, 1\nmove.any a, f\nconst.any f, 5\n@call.any a, 1, 2\nret.any a, 2'
    lua = "for i = 1, 2 do a = setmetatable({}, {__call = a}) end local x, y = a(5) return x, y"
    case.add("call.any/chain,", EACH, "a", chain, lua, results=2, regs="f: any, x: any, y: any")
    case.add("tail_call.any/error/type_error", ONCE, "", "const.any x, nil\n@tail_call.any x, 0", "local x return x()", regs="x: any")
    case.uncaught.append(Uncaught("call.any/error/type_error", "type_error", "const.any a, nil\n@call.any a, 0, 1", "local a a()"))
    return case


def loops():
    case = Case("loops.any", "Numeric loops, and loops over iterators.")
    body = (
        'const.any n, 0\nconst.any line, ""\n@for_prep.any i, out\nloop:\nconst.any sep, " "\n'
        'jne.any v, v, nan\nmove.any word, v\njump add\nnan:\nconst.any word, "nan"\nadd:\nconcat.any line, 3\n'
        "addi.any n, n, 1\njgei.any n, 3, out\nfor_loop.any i, loop\nout:\nret.any line, 1"
    )
    regs = "i: any, limit: any, step: any, v: any, n: any, line: any, sep: any, word: any"
    lua = "local n, line = 0, '' for v = {}, {}, {} do line = line .. ' ' .. (v == v and v or 'nan') n = n + 1 if n == 3 then break end end return line"

    def numeric(label, drive, start, limit, step):
        registers = "".join(f"{'move' if value == 'a' else 'const'}.any {name}, {value}\n" for name, value in (("i", start), ("limit", limit), ("step", step)))
        def text(value):
            return {"inf": "1/0", "-inf": "-1/0", "nan": "0/0", "-9223372036854775808": "math.mininteger", "-9223372036854775807": "math.mininteger + 1"}.get(value, value)
        case.add(label, drive, "a" if "a" in (start, limit, step) else "", registers + body, lua.format(text(start), text(limit), text(step)), regs=regs)

    numeric("for_prep.any/start/", EACH, "a", "9", "1")
    numeric("for_prep.any/limit/", EACH, "1", "a", "1")
    numeric("for_prep.any/step/", EACH, "1", "9", "a")
    numeric("for_prep.any/float_limit/", EACH, "1.0", "a", "1")
    numeric("for_prep.any/edge/start", ROW, "a", "9223372036854775807", "4611686018427387904")
    numeric("for_prep.any/edge/limit", ROW, "1", "a", "1")
    numeric("for_prep.any/edge/limit_down", ROW, "1", "a", "-1")
    numeric("for_prep.any/edge/float_limit", ROW, "0.5", "a", "1")
    numeric("for_prep.any/edge/step", ROW, "1", "9", "a")
    numeric("for_prep.any/edge/step_down", ROW, "1", "-9", "a")
    for name, triple in (
        ("integer_up", ("1", "3", "1")), ("integer_down", ("3", "1", "-1")), ("once", ("1", "1", "1")), ("none", ("1", "0", "1")),
        ("last_integers", ("9223372036854775806", "9223372036854775807", "1")), ("first_integers", ("-9223372036854775807", "-9223372036854775808", "-1")),
        ("overflowing_step", ("9223372036854775800", "9223372036854775807", "5")), ("largest_step", ("-9223372036854775808", "9223372036854775807", "9223372036854775807")),
        ("smallest_step", ("9223372036854775807", "-9223372036854775808", "-9223372036854775808")),
        ("float_up", ("0.5", "2.5", "1")), ("float_down", ("1", "0", "-0.25")), ("float_stuck", ("9007199254740992.0", "inf", "1")), ("float_rounding", ("0.1", "0.35", "0.1")),
    ):  # fmt: skip
        numeric(f"for_loop.any/{name}", ONCE, *triple)
    body = "move.any it, a\nconst.any s, 1\nconst.any c, nil\nconst.any z, nil\nconst.any v, \"none\"\njump test\nloop:\nret.any v, 1\ntest:\n@for_in.any it, 1, loop\nconst.any v, \"none\"\nret.any v, 1"
    case.add("for_in.any/", EACH, "a", body, "for v in a, 1 do return v end return 'none'", regs="it: any, s: any, c: any, z: any, v: any")
    walk = 'import.any it, "next"\ntable.any s, 0, 0\nconst.any v, 10\nconst.any w, 20\nappend.any s, v, 2, 1\nconst.any c, nil\nconst.any z, nil\nconst.any n, 0\njump test\nloop:\nadd.any n, n, v\n{}test:\n@for_in.any it, {}, loop\nret.any n, 1'
    regs = "it: any, s: any, c: any, z: any, v: any, w: any, x: any, n: any"
    case.add("for_in.any/vars/one", ONCE, "", walk.format("", 1), "local n = 0 for k in next, {10, 20} do n = n + k end return n", regs=regs)
    case.add("for_in.any/vars/two", ONCE, "", walk.format("add.any n, n, w\n", 2), "local n = 0 for k, v in next, {10, 20} do n = n + k n = n + v end return n", regs=regs)
    case.add("for_in.any/vars/three", ONCE, "", walk.format("jnotnil.any x, test\nadd.any n, n, w\n", 3), "local n = 0 for k, v, x in next, {10, 20} do n = n + k if not x then n = n + v end end return n", regs=regs)
    case.uncaught.append(Uncaught("for_prep.any/error/type_error", "type_error", "const.any a, 1\nconst.any b, nil\nconst.any r, 1\n@for_prep.any a, out\nout:", "for i = 1, nil do end", "a: any, b: any, r: any, v: any"))
    case.uncaught.append(Uncaught("for_in.any/error/type_error", "type_error", "const.any a, nil\nconst.any b, nil\nconst.any c, nil\nconst.any d, nil\nagain:\n@for_in.any a, 1, again", "for v in nil do end", "a: any, b: any, c: any, d: any, v: any"))
    return case


def errors():
    case = Case("errors.any", "Raising, protected calls and message handlers.", by_hand="Handlers that are no functions, which Lua refuses.")
    case.add("throw.any/", EACH, "a", "@throw.any a", "error(a, 0)")
    case.fixed("throw.any/@", "a", "a", "@throw.any a", "error(a, 0)")
    case.subjects[0].others = BACK + THREE + 'func fail() -> ... {\n    reg e: any\n    const.any e, "oops"\n    throw.any e\n}\nfunc note(e: any) -> ... {\n    reg a: any, b: any\n    const.any a, "noted "\n    move.any b, e\n    concat.any a, 2\n    ret.any a, 1\n}\n'
    case.uncaught.append(Uncaught("throw.any/error/raised", "raised", 'const.any a, "my error"\n@throw.any a', "error('my error', 0)"))
    case.add("pcall.any/", EACH, "a", "const.any b, 9\n@pcall.any a, 1, 3\nret.any a, 3", "return pcall(a, 9)", results=3, regs="b: any, c: any")
    counts_of_arguments(case, "pcall.any", "closure.any r, back()", ", 3", LUA_BACK + "return pcall(back, {})")
    counts_of_results(case, "pcall.any r, 0", "closure.any r, three()", "pcall(function() return 1, 2.5, 'end' end)")
    case.add("pcall.any/caught,", EACH, "v", "closure.any r, raise(v)\n@pcall.any r, 0, 2\nret.any r, 2", "return pcall(error, v, 0)", results=2, regs="r: any, e: any", others='func raise() -> ... {\n    .upvalue "v"\n    reg v: any\n    upvalue_get.any v, "v"\n    throw.any v\n}\n')
    note = "local function note(e) return 'noted ' .. e end "
    case.add("xpcall.any/", EACH, "a", "const.any b, 9\nclosure.any h, note()\n@xpcall.any a, 1, 3, h\nret.any a, 3", note + "return xpcall(a, note, 9)", results=3, regs="b: any, c: any, h: any")
    lua = "if type(h) ~= 'function' and not (debug.getmetatable(h) or {}).__call then return false, 'error in error handling' end return false, (h('oops'))"
    case.add("xpcall.any/handler/", EACH, "h", "closure.any r, fail()\n@xpcall.any r, 0, 2, h\nret.any r, 2", lua, results=2, regs="r: any, e: any")
    for name, count, values in COUNTS:
        first = zero("x", count)
        lua = LUA_BACK + f"return xpcall(back, print{', ' if values else ''}{values})"
        case.add(f"xpcall.any/args/{name}", ONCE, "", f"closure.any r, back()\nclosure.any h, note()\n{LIST}@xpcall.any r, {count}, 3, h\nret.any r, 3", lua, results=3, regs=REGS + ", h: any")
        kept = {"0": "nil, nil, nil", "1": "(v), nil, nil", "3": "v, w, x"}[count]
        clear = "const.any r, nil\nconst.any x, nil\nconst.any y, nil\n" if count == "0" else ("const.any x, nil\nconst.any y, nil\n" if count == "1" else "")
        case.add(f"xpcall.any/results/{name}", ONCE, "", f"closure.any r, three()\nclosure.any h, note()\n@xpcall.any r, 0, {count}, h\n{clear}ret.any r, 3", LUA_THREE + f"local v, w, x = xpcall(three, print) return {kept}", results=3, regs=REGS + ", h: any")
    opened = "closure.any h, note()\nclosure.any r, back()\nconst.any x, 0\nclosure.any y, three()\ncall.any y, 0, open\n@xpcall.any r, open 1, 3, h\nret.any r, 3"
    case.add("xpcall.any/args/open", ONCE, "", opened, LUA_BACK + LUA_THREE + "return xpcall(back, print, 0, three())", results=3, regs=REGS + ", h: any")
    case.add("xpcall.any/results/open", ONCE, "", "closure.any h, note()\nclosure.any r, three()\n@xpcall.any r, 0, open, h\nret.any r0, open", LUA_THREE + "return xpcall(three, print)", results=3, regs=REGS + ", h: any")
    return case


# `resume_or` as Lua would have it, and a handler that says what it was given.
LUA_RESUME_OR = "local function resume_or(co, handler, ...) local r = table.pack(coroutine.resume(co, ...)) if r[1] then return table.unpack(r, 2, r.n) end return handler(co, r[2]) end local function told(co, e) return 'told', coroutine.status(co), e end "
TOLD = 'func told(co: any, e: any) -> ... {\n    reg x: any, y: any, z: any\n    const.any x, "told"\n    status.any y, co\n    move.any z, e\n    ret.any x, 3\n}\n'


def coroutines():
    case = Case("coroutines.any", "Coroutines: making, resuming, suspending, ending them.", by_hand="Messages about values that are no coroutines or functions; outside of coroutines none is running.")
    expected = "if type(a) ~= 'thread' then error('coroutine expected, got ' .. type(a)) end "
    refused = "if type(a) ~= 'function' then error('a coroutine runs a function, not a ' .. type(a) .. ' value') end return coroutine.create(a)"
    case.add("coroutine.any/", EACH, "a", "@coroutine.any r, a\nret.any r, 1", refused)
    helpers = BACK + THREE + NOTHING
    helpers += "func giver(...) -> ... {\n    reg x: any, y: any, z: any\n    vararg.any x, 3\n    yield.any x, 3, 3\n    ret.any x, 3\n}\n"
    helpers += 'func fail() -> ... {\n    reg e: any\n    const.any e, "oops"\n    throw.any e\n}\n'
    case.subjects[0].others = helpers + TOLD
    case.add("status.any/", EACH, "a", "@status.any r, a\nret.any r, 1", expected + "return coroutine.status(a)")
    case.add("resume.any/", EACH, "a", "const.any b, 9\n@resume.any a, 1, 3\nret.any a, 3", expected + "return coroutine.resume(a, 9)", results=3, regs="b: any, c: any")
    case.add("resume_or.any/", EACH, "a", "const.any b, 9\nclosure.any h, told()\n@resume_or.any a, 1, 3, h\nret.any a, 3", LUA_RESUME_OR + expected + "return resume_or(a, told, 9)", results=3, regs="b: any, c: any, h: any")
    lua = "if type(h) ~= 'function' and not (debug.getmetatable(h) or {}).__call then error('attempt to call a ' .. type(h) .. ' value') end return h(coroutine.create(print), 'oops')"
    case.add("resume_or.any/handler/", EACH, "h", "closure.any r, fail()\ncoroutine.any r, r\n@resume_or.any r, 0, 2, h\nret.any r, 2", lua, results=2, regs="r: any, e: any")
    for name, count, values in COUNTS:
        lua = LUA_RESUME_OR + LUA_BACK + f"return resume_or(coroutine.create(back), told{', ' if values else ''}{values})"
        case.add(f"resume_or.any/args/{name}", ONCE, "", f"closure.any h, told()\nclosure.any r, back()\ncoroutine.any r, r\n{LIST}@resume_or.any r, {count}, 3, h\nret.any r, 3", lua, results=3, regs=REGS + ", h: any")
        kept = {"0": "nil, nil, nil", "1": "(v), nil, nil", "3": "v, w, x"}[count]
        clear = "const.any r, nil\nconst.any x, nil\nconst.any y, nil\n" if count == "0" else ("const.any x, nil\nconst.any y, nil\n" if count == "1" else "")
        case.add(f"resume_or.any/results/{name}", ONCE, "", f"closure.any h, told()\nclosure.any r, three()\ncoroutine.any r, r\n@resume_or.any r, 0, {count}, h\n{clear}ret.any r, 3", LUA_RESUME_OR + LUA_THREE + f"local v, w, x = resume_or(coroutine.create(three), told) return {kept}", results=3, regs=REGS + ", h: any")
    opened = "closure.any h, told()\nclosure.any r, back()\ncoroutine.any r, r\nconst.any x, 0\nclosure.any y, three()\ncall.any y, 0, open\n@resume_or.any r, open 1, 3, h\nret.any r, 3"
    case.add("resume_or.any/args/open", ONCE, "", opened, LUA_RESUME_OR + LUA_BACK + LUA_THREE + "return resume_or(coroutine.create(back), told, 0, three())", results=3, regs=REGS + ", h: any")
    case.add("resume_or.any/results/open", ONCE, "", "closure.any h, told()\nclosure.any r, three()\ncoroutine.any r, r\n@resume_or.any r, 0, open, h\nret.any r0, open", LUA_RESUME_OR + LUA_THREE + "return resume_or(coroutine.create(three), told)", results=3, regs=REGS + ", h: any")
    case.add("close_coroutine.any/", EACH, "a", "@close_coroutine.any a, 0, 2\nret.any a, 2", expected + "return coroutine.close(a)", results=2, regs="b: any")
    make = "closure.any r, back()\ncoroutine.any r, r"
    counts_of_arguments(case, "resume.any", make, ", 3", LUA_BACK + "return coroutine.resume(coroutine.create(back), {})")
    counts_of_results(case, "resume.any r, 0", "closure.any r, three()\ncoroutine.any r, r", "coroutine.resume(coroutine.create(function() return 1, 2.5, 'end' end))")
    counts_of_arguments(case, "close_coroutine.any", make, ", 3", "return coroutine.close(coroutine.create(print), {})")
    counts_of_results(case, "close_coroutine.any r, 0", make, "coroutine.close(coroutine.create(print))")
    for name, count, values in COUNTS:
        first = zero("x", count)
        # What is handed out, and what is handed in.
        lua = "local co = coroutine.create(function() coroutine.yield({}) end) return coroutine.resume(co)".format(values)
        giver = f"func give_{name}() -> ... {{\n    reg x: any, y: any, z: any\n" + "".join("    " + line + "\n" for line in LIST.strip().split("\n")) + f"    yield.any {first}, {count}, 0\n    ret.any r0, 0\n}}\n"
        case.add(f"yield.any/args/{name}", ONCE, "", f"closure.any r, give_{name}()\ncoroutine.any r, r\n@resume.any r, 0, open\nret.any r0, open", lua, results=4, regs=REGS, others=giver)
        taker = f"func take_{name}() -> ... {{\n    reg x: any, y: any, z: any\n    const.any x, nil\n    const.any y, nil\n    const.any z, nil\n    yield.any {first}, 0, {count}\n    ret.any x, 3\n}}\n"
        kept = {"0": "nil, nil, nil", "1": "(v), nil, nil", "3": "v, w, x"}[count]
        lua = f"local co = coroutine.create(function() local v, w, x = coroutine.yield() return {kept} end) coroutine.resume(co) return coroutine.resume(co, 1, 2.5, 'end')"
        body = f"closure.any r, take_{name}()\ncoroutine.any c, r\nmove.any r, c\nresume.any r, 0, 0\nmove.any r, c\n{LIST}@resume.any r, 3, open\nret.any r0, open"
        case.add(f"yield.any/results/{name}", ONCE, "", body, lua, results=4, regs=REGS + ", c: any", others=taker)
    giver = "func give_open() -> ... {\n    reg x: any, y: any\n    const.any x, 0\n    closure.any y, three()\n    call.any y, 0, open\n    yield.any x, open 1, open\n    ret.any r0, open\n}\n"
    lua = LUA_THREE + "local co = coroutine.create(function() return coroutine.yield(0, three()) end) local a, b, c, d, e = coroutine.resume(co) local f, g, h = coroutine.resume(co, 7, 8) return c, e, g, h"
    body = "closure.any r, give_open()\ncoroutine.any c, r\nmove.any r, c\nresume.any r, 0, 5\nmove.any p, x\nmove.any p, y\nmove.any q, w\nmove.any r, c\nconst.any x, 7\nconst.any y, 8\n@resume.any r, 2, 3\nmove.any r, p\nmove.any z, y\nmove.any y, x\nmove.any x, q\nret.any r, 4"
    case.add("yield.any/args/open", ONCE, "", body, lua, results=4, regs="r: any, x: any, y: any, z: any, w: any, c: any, p: any, q: any", others=giver)
    case.add("yield.any/results/open", ONCE, "", body, lua, results=4, regs="r: any, x: any, y: any, z: any, w: any, c: any, p: any, q: any")
    case.add("yield.any/outside", ONCE, "", "@yield.any r, 0, 1\nret.any r, 1", "return coroutine.yield()")
    case.uncaught.append(Uncaught("yield.any/error/type_error", "type_error", "@yield.any r, 0, 1", "coroutine.yield()"))
    states(case)
    case.add("running.any/outside", ONCE, "", "@running.any r\nret.any r, 1", "return nil")
    inside = "func who() -> ... {\n    reg r: any\n    running.any r\n    ret.any r, 1\n}\n"
    case.add("running.any/inside", ONCE, "", "closure.any r, who()\ncoroutine.any c, r\nmove.any r, c\n@resume.any r, 0, 2\neq.any r, x, c\nret.any r, 1", "local co = coroutine.create(function() return coroutine.running() end) local _, r = coroutine.resume(co) return r == co", regs="r: any, x: any, c: any", others=inside)
    for op, body in (("coroutine.any", "@coroutine.any r, a"), ("resume.any", "@resume.any a, 0, 1"), ("resume_or.any", "const.any b, nil\n@resume_or.any a, 0, 1, b"), ("status.any", "@status.any r, a"), ("close_coroutine.any", "@close_coroutine.any a, 0, 1")):
        message = "a coroutine runs a function, not a nil value" if op == "coroutine.any" else "coroutine expected, got nil"
        case.uncaught.append(Uncaught(f"{op}/error/type_error", "type_error", "const.any a, nil\n" + body, f"error('{message}')"))
    return case


def states(case):
    """`status`, `resume`, `resume_or` and `close_coroutine` of coroutines in each state."""
    asks = {
        "status": ("status.any r, {0}", "coroutine.status({0})"),
        "resume": ("move.any r, {0}\n@resume.any r, 0, 2", "coroutine.resume({0})"),
        "resume_or": ("closure.any h, told()\nmove.any r, {0}\n@resume_or.any r, 0, 2, h", "resume_or({0}, told)"),
        "close_coroutine": ("move.any r, {0}\n@close_coroutine.any r, 0, 2", "coroutine.close({0})"),
    }
    for op, (ask, lua) in asks.items():
        at = "" if "@" in ask else "@"
        end = "\nret.any r, 2" if op != "status" else "\nret.any r, 1"
        results = 1 if op == "status" else 2
        regs = "r: any, e: any, c: any" + (", h: any" if op == "resume_or" else "")
        prefix = LUA_RESUME_OR if op == "resume_or" else ""
        make = "closure.any r, giver()\ncoroutine.any c, r\n"
        lua_make = prefix + "local c = coroutine.create(function(...) return coroutine.yield(...) end) "
        case.add(f"{op}.any/state/new", ONCE, "", make + at + ask.format("c") + end, lua_make + f"return {lua.format('c')}", results=results, regs=regs)
        resumed = make + "move.any r, c\nresume.any r, 0, 0\n"
        case.add(f"{op}.any/state/suspended", ONCE, "", resumed + at + ask.format("c") + end, lua_make + f"coroutine.resume(c) return {lua.format('c')}", results=results, regs=regs)
        dead = resumed + "move.any r, c\nresume.any r, 0, 0\n"
        case.add(f"{op}.any/state/dead", ONCE, "", dead + at + ask.format("c") + end, lua_make + f"coroutine.resume(c) coroutine.resume(c) return {lua.format('c')}", results=results, regs=regs)
        failed = "closure.any r, fail()\ncoroutine.any c, r\nmove.any r, c\nresume.any r, 0, 0\n"
        lua_failed = prefix + "local c = coroutine.create(function() error('oops', 0) end) coroutine.resume(c) "
        case.add(f"{op}.any/state/failed", ONCE, "", failed + at + ask.format("c") + end, lua_failed + f"return {lua.format('c')}", results=results, regs=regs)
        # Itself, and the one that has resumed it. The error is caught in there, so that the position is the asker's own.
        own = f"func {op}_itself() -> ... {{\n    reg c: any, {regs.replace(', c: any', '')}\n    running.any c\n    .line 1\n" + "".join(f"    {line.strip('@')}\n" for line in ask.format("c").split("\n")) + f"    ret.any r, {results}\n}}\n"
        body = f"closure.any r, {op}_itself()\ncoroutine.any r, r\n@resume.any r, 0, 3\nret.any r, 3"
        lua_own = prefix + f"return coroutine.resume(coroutine.create(function() local c = coroutine.running() return {lua.format('c')} end))"
        case.add(f"{op}.any/state/running", ONCE, "", body, lua_own if op != "close_coroutine" else "return false, 'cell:1: cannot close a running coroutine'", results=results + 1, regs="r: any, x: any, y: any", others=own)
        inner = f'func {op}_outer() -> ... {{\n    .upvalue "c"\n    reg {regs.replace(", c: any", "")}, c: any\n    upvalue_get.any c, "c"\n    .line 1\n' + "".join(f"    {line.strip('@')}\n" for line in ask.format("c").split("\n")) + f"    ret.any r, {results}\n}}\n"
        outer = f"func {op}_middle() -> ... {{\n    reg c: any, r: any, x: any, y: any\n    running.any c\n    closure.any r, {op}_outer(c)\n    coroutine.any r, r\n    resume.any r, 0, 3\n    ret.any r, 3\n}}\n"
        body = f"closure.any r, {op}_middle()\ncoroutine.any r, r\n@resume.any r, 0, 4\nmove.any r, x\nmove.any x, y\nmove.any y, z\nret.any r, 3"
        lua_outer = prefix + f"local _, a, b, c = coroutine.resume(coroutine.create(function() local c = coroutine.running() return coroutine.resume(coroutine.create(function() return {lua.format('c')} end)) end)) return a, b, c"
        case.add(f"{op}.any/state/normal", ONCE, "", body, lua_outer if op != "close_coroutine" else "return false, 'cell:1: cannot close a normal coroutine'", results=results + 1, regs="r: any, x: any, y: any, z: any", others=inner + outer)
