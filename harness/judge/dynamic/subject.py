"""A subject: a small function in assembly, the same in Lua, and what it is called with. A case is a list of them.

Errors have positions: the line of a subject's instruction is the line that its function has in the Lua chunk.
"""

from dataclasses import dataclass, field

from values import FIXED, prelude_asm, prelude_lua

# How a subject is called, by the functions of that name around it: once, with each value, with each pair, with each number of the edges
# (all in one line), with each pair of those (a line for each second operand; the varying one is the first argument).
ONCE, EACH, PAIRS, ROW, ROWS = "attempt", "each", "pairs", "row", "rows"


@dataclass
class Subject:
    """`body` and `lua` are what the function does with its parameters; `@` in an assembly line is where `.line` goes."""

    label: str
    drive: str
    params: str
    body: str
    lua: str
    results: int = 1
    regs: str = "r: any"
    others: str = ""
    upvalues: str = ""


@dataclass
class Uncaught:
    """A run that ends with an error: a typed function that raises it. `lua` raises the same."""

    cell: str
    kind: str
    body: str
    lua: str
    regs: str = "a: any, b: any, r: any"


@dataclass
class Case:
    """`by_hand` says what of it Lua does not decide."""

    name: str
    about: str
    subjects: list = field(default_factory=list)
    uncaught: list = field(default_factory=list)
    by_hand: str = ""
    limits: str = ""
    # Whether errors without a position are given one, as the twin's come from functions of Lua's library.
    positions: bool = False
    # Lua that is run first.
    setup: str = ""

    def add(self, label, drive, params, body, lua, **more):
        self.subjects.append(Subject(label, drive, params, body, lua, **more))

    def assembly(self):
        """The program."""
        main, functions = [], []
        for number, s in enumerate(self.subjects):
            name = f"f{number + 1}"
            main += ["get_name.any f, env, \"%s\"" % s.drive, "move.any a, env", f'const.any b, "{s.label}"']
            main += [f"const.any c, {s.results}", f"closure.any d, {name}()", "call.any f, 4, 0"]
            params = ", ".join(p if p == "..." else f"{p}: any" for p in s.params.split())
            regs = f"    reg {s.regs}\n" if s.regs else ""
            functions.append(f"func {name}({params}) -> ... {{\n{regs}{_body(s.body, number + 2)}}}\n")
            if s.others:
                functions.append(s.others)
        line = len(self.subjects) + 2
        for number, u in enumerate(self.uncaught):
            functions.append(f"func {self.entry(number)}() {{\n    reg {u.regs}\n{_body(u.body, line + number)}    ret_void\n}}\n")
        return '.source "cell"\n' + prelude_asm(main) + "".join(functions)

    def entry(self, number):
        return f"raise{number + 1}"

    def place(self, number):
        """Function, pc and line of an uncaught error."""
        lines = [line for line in self.uncaught[number].body.strip().split("\n") if not line.strip().endswith(":")]
        pc = next(i for i, line in enumerate(lines) if line.strip().startswith("@"))
        return self.entry(number), pc, len(self.subjects) + 2 + number

    def twin(self):
        """The Lua chunk."""
        lines = ["local F, POSITIONS = {}, %s %s" % (str(self.positions).lower(), self.setup)]
        for number, s in enumerate(self.subjects):
            lines.append(f"F[{number + 1}] = function({', '.join(s.params.split())}) {s.lua} end")
        lines += [f"F[{len(self.subjects) + 1 + n}] = function() {u.lua} end" for n, u in enumerate(self.uncaught)]
        lines.append(prelude_lua())
        lines += [f"{s.drive}('{s.label}', {s.results}, F[{n + 1}])" for n, s in enumerate(self.subjects)]
        lines.append("io.write('\\0')")
        for number in range(len(self.uncaught)):
            at = f"F[{len(self.subjects) + 1 + number}]"
            lines.append(f"io.write((string.gsub(select(2, placed({at}, pcall({at}))), '^cell:%d+: ', '')), '\\0')")
        return "\n".join(lines) + "\n"

    def fixed(self, label, params, fixed, body, lua, **more):
        """The subject with an operand in a register of each kind that generic instructions read."""
        for name, kind, value in FIXED:
            rest = " ".join(p for p in params.split() if p != fixed)
            regs = ", ".join(part for part in (f"{fixed}: {kind}", more.get("regs", "r: any")) if part)
            options = {**more, "regs": regs}
            drive = EACH if rest else ONCE
            self.add(label.replace("@", name), drive, rest, f"const.{kind} {fixed}, {value}\n{body}", f"local {fixed} = {value} {lua}", **options)


def _body(text, line):
    out = []
    for part in text.strip().split("\n"):
        part = part.strip()
        if part.startswith("@"):
            out.append(f"    .line {line}")
            part = part[1:].strip()
        out.append(part if part.endswith(":") else "    " + part)
    return "\n".join(out) + "\n"
