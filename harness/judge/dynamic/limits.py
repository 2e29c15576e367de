"""Subjects of limits: no memory, no room for another activation. Everything is by hand; each is caught, and the next subject runs."""

from subject import ONCE, Case

FULL = "error('not enough memory', 0)"
DEEP = "error('cell:1: stack overflow', 0)"

# Fills the memory but for a little, and hands back what holds it: lists of strings that are smaller and smaller.
FILL = """\
func fill() -> ... {
    reg list: any, f: any, a: any, b: any, n: any
    table.any list, 0, 0
    const.any n, 4096
again:
    closure.any f, piece()
    move.any a, list
    move.any b, n
    pcall.any f, 2, 1
    jtrue.any f, again
    divi.any n, n, 2
    jgei.any n, 16, again
    ret.any list, 1
}
func piece(list: any, n: any) -> ... {
    reg x: any, y: any, z: any, k: any
    const.any x, "0123456789abcdef0123456789abcdef0123456789abcdef"
double:
    len.any z, x
    jnlt.any z, n, enough
    move.any y, x
    concat.any x, 2
    jump double
enough:
    len.any k, list
    addi.any k, k, 1
    set.any list, k, x
    ret.any r0, 0
}
"""


def cases():
    case = Case("limits.any", "The memory and the depth that a program may use; each is exhausted and caught.", by_hand="All of it.", limits="{depth: 120, memory: 160000}")
    keep = "const.any n, 0\ntable.any list, 0, 0\nagain:\naddi.any n, n, 1\n{}set.any list, n, x\njump again"
    regs = "n: any, list: any, x: any, y: any, f: any"

    def memory(op, body, regs=regs, others=""):
        case.add(f"{op}/error/memory_limit", ONCE, "", body, FULL, regs=regs, others=others)

    def depth(op, body, regs=regs, others=""):
        case.add(f"{op}/error/stack_overflow", ONCE, "", body, DEEP, regs=regs, others=others)

    memory("table.any", keep.format("@table.any x, 100, 0\n"))
    memory("set.any", "const.any n, 0\ntable.any list, 0, 0\nagain:\naddi.any n, n, 1\n@set.any list, n, n\njump again")
    names = "".join(f'set_name.any x, n, "{name}"\n' for name in "abcdefgh")
    memory("set_name.any", keep.format("table.any x, 0, 0\n@" + names))
    memory("append.any", keep.format("table.any x, 0, 0\nmove.any y, n\nmove.any f, n\n@append.any x, y, 2, 1\n"))
    memory("concat.any", 'const.any x, "a longer string to begin with"\nagain:\nmove.any y, x\n@concat.any x, 2\njump again')
    memory("slice.any", 'const.any x, "a string of more than forty bytes: it is not interned, and each part is new"\nconst.any y, 2\nconst.any f, -2\n' + keep.format("@slice.any r, x, y, f\n").replace("set.any list, n, x", "set.any list, n, r"), regs=regs + ", r: any")
    # Something to print, made while there is room.
    double = 'const.any x, "a longer string to begin with"\nconst.any n, 1\ndouble:\nmove.any y, x\nconcat.any x, 2\naddi.any n, n, 1\njlei.any n, 8, double\n'
    body = double + "closure.any f, fill()\ncall.any f, 0, 1\n@print.any x\nlen.any x, f\nret.any x, 1"
    memory("print.any", body, others=FILL)
    memory("closure.any", keep.format("@closure.any x, unused(n)\n"), others="func unused() -> ... {\n    .upvalue \"n\"\n    reg x: any\n    upvalue_get.any x, 0\n    ret.any x, 1\n}\n")
    memory("coroutine.any", keep.format("closure.any x, idle()\n@coroutine.any x, x\n"), others="func idle() -> ... {\n    reg x: any\n    ret.any r0, 0\n}\n")
    # The stack of a coroutine grows out of the same memory. All registers of `large` are alive at once: the optimiser saves none of them.
    wide = "".join(f", w{n}: any" for n in range(120))
    regs_of_stack = "x0: any, f: any, x: any, y: any"
    def stack(op, name, others):
        body = f"closure.any x0, fill()\nclosure.any x, large()\nclosure.any f, {name}(x)\ncoroutine.any f, f\nmove.any y, f\ncall.any x0, 0, 1\nmove.any f, y\nconst.any y, nil\n@resume.any f, 0, 2\nlen.any y, x0\njtrue.any f, fine\nthrow.any x\nfine:\nret.any f, 1"
        memory(op, body, regs=regs_of_stack, others=others)
    values = "".join(f"    const.any w{n}, {n}\n" for n in range(120))
    large = "func large() -> ... {\n    reg f: any" + wide + "\n    const.any f, 1\n" + values + "    ret.any f, 121\n}\n"
    caller = 'func caller() -> ... {\n    .upvalue "large"\n    reg f: any\n    upvalue_get.any f, 0\n    call.any f, 0, 1\n    ret.any f, 1\n}\n'
    stack("call.any", "caller", caller + large)
    jumper = 'func jumper() -> ... {\n    .upvalue "large"\n    reg f: any\n    upvalue_get.any f, 0\n    tail_call.any f, 0\n}\n'
    stack("tail_call.any", "jumper", jumper)
    stack("for_in.any", "walker", "func walker() -> ... {\n    .upvalue \"large\"\n    reg it: any, s: any, c: any, z: any, v: any\n    upvalue_get.any it, 0\n    const.any s, nil\n    const.any c, nil\n    const.any z, nil\n    const.any v, nil\n    jump test\nloop:\n    ret.any v, 1\ntest:\n    for_in.any it, 1, loop\n    ret.any v, 1\n}\n")
    endless = 'func endless() -> ... {\n    reg f: any\n    closure.any f, endless()\n    .line 1\n    call.any f, 0, 1\n    ret.any f, 1\n}\n'
    depth("call.any", "closure.any f, endless()\n@call.any f, 0, 1\nret.any f, 1", others=endless)
    iterate = "func iterate() -> ... {\n    reg it: any, s: any, c: any, z: any, v: any\n    closure.any it, iterate()\n    const.any s, nil\n    const.any c, nil\n    const.any z, nil\n    jump test\nloop:\n    ret.any v, 1\ntest:\n    .line 1\n    for_in.any it, 1, loop\n    const.any v, nil\n    ret.any v, 1\n}\n"
    depth("for_in.any", "closure.any f, iterate()\n@call.any f, 0, 1\nret.any f, 1", others=iterate)
    return [case]
