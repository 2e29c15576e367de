#!/usr/bin/env python3
"""The outside judge of bytecode: runs assembly text and says what must come of it.

It shares no code with the VM and has no notion of its layout: integers are unlimited and cut to their kind by arithmetic, floats are
Python's own, the stack is a list. Only the standard library is used. It is slow and knows nothing of budgets and interrupts.

Standard input: one JSON object a line, {"source", "entry", "args": [bits, …], "limits": {"depth", "memory"}}; arguments are the bits of
scalars. Standard output, a line each: {"result": bits or [bits, …] or null} or {"error": {"kind", "function", "pc", "line"}}, and
"output".
"""

import decimal
import json
import math
import re
import struct
import sys

SIGNED = {"i32": 32, "i64": 64}
UNSIGNED = {"u32": 32, "u64": 64}
WIDTH = {**SIGNED, **UNSIGNED}
ELEMENT_BYTES = {"i32": 4, "u32": 4, "i64": 8, "u64": 8, "f64": 8, "bool": 1}


class ProgramError(Exception):
    """An error that the program raises."""


def wrap(kind, x):
    """The value of an integer kind that equals x modulo two to its width."""
    x %= 1 << WIDTH[kind]
    if kind in SIGNED and x >> (WIDTH[kind] - 1):
        x -= 1 << WIDTH[kind]
    return x


def bounds(kind):
    """Least and greatest value of an integer kind."""
    w = WIDTH[kind]
    return (-(1 << (w - 1)), (1 << (w - 1)) - 1) if kind in SIGNED else (0, (1 << w) - 1)


def checked(kind, x):
    low, high = bounds(kind)
    if not low <= x <= high:
        raise ProgramError("integer_overflow")
    return x


def float_bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def bits_float(bits):
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def from_bits(kind, bits):
    if kind == "f64":
        return bits_float(bits)
    if kind == "bool":
        return bits != 0
    return wrap(kind, bits)


def to_bits(kind, x):
    if kind == "f64":
        return 0x7FF8000000000000 if math.isnan(x) else float_bits(x)
    if kind == "bool":
        return int(x)
    return x % (1 << 64) if kind in SIGNED and WIDTH[kind] == 64 else x % (1 << WIDTH[kind])


def number(kind, text):
    """A literal of the assembly."""
    if kind == "bool":
        return {"true": True, "false": False}[text]
    if kind == "f64":
        if "nan.0x" in text:
            return bits_float(int(text.split("nan.0x")[1], 16))
        if "0x" in text:
            return float.fromhex(text)
        return float(text.replace("_", ""))
    return int(text.replace("_", ""), 0)


def spelling(kind, x):
    """How `print` writes a value: the shortest digits that read back, with an exponent only far from 1."""
    if kind == "bool":
        return "true" if x else "false"
    if kind != "f64":
        return str(x)
    if math.isnan(x):
        return "nan"
    sign = "-" if math.copysign(1, x) < 0 else ""
    if math.isinf(x):
        return sign + "inf"
    if x == 0:
        return sign + "0.0"
    digits, exponent = decimal.Decimal(repr(abs(x))).normalize().as_tuple()[1:]
    text = "".join(map(str, digits))
    point = len(text) + exponent
    if 1e-5 <= abs(x) < 1e16:
        if point <= 0:
            return f"{sign}0.{'0' * -point}{text}"
        if point >= len(text):
            return f"{sign}{text}{'0' * (point - len(text))}.0"
        return f"{sign}{text[:point]}.{text[point:]}"
    fraction = "." + text[1:] if len(text) > 1 else ""
    return f"{sign}{text[0]}{fraction}e{point - 1}"


def integer_binary(op, kind, a, b):
    w = WIDTH[kind]
    if op in ("div", "rem", "div_floor", "rem_floor"):
        if b == 0:
            raise ProgramError("divide_by_zero")
        if op == "div":
            q = abs(a) // abs(b)
            return checked(kind, q if (a < 0) == (b < 0) else -q)
        if op == "rem":
            r = abs(a) % abs(b)
            return -r if a < 0 else r
        return checked(kind, a // b) if op == "div_floor" else a % b
    by = b % w
    return {
        "add": lambda: wrap(kind, a + b),
        "sub": lambda: wrap(kind, a - b),
        "mul": lambda: wrap(kind, a * b),
        "add_checked": lambda: checked(kind, a + b),
        "sub_checked": lambda: checked(kind, a - b),
        "mul_checked": lambda: checked(kind, a * b),
        "and": lambda: wrap(kind, a & b),
        "or": lambda: wrap(kind, a | b),
        "xor": lambda: wrap(kind, a ^ b),
        "shl": lambda: wrap(kind, a << by),
        "shr": lambda: a >> by,
        "shr_logical": lambda: wrap(kind, (a % (1 << w)) >> by),
        "rotl": lambda: wrap(kind, (a % (1 << w)) << by | (a % (1 << w)) >> (w - by)),
        "rotr": lambda: wrap(kind, (a % (1 << w)) >> by | (a % (1 << w)) << (w - by)),
        "min": lambda: min(a, b),
        "max": lambda: max(a, b),
    }[op]()


def float_binary(op, a, b):
    if op == "add":
        return a + b
    if op == "sub":
        return a - b
    if op == "mul":
        return a * b
    nan = math.isnan(a) or math.isnan(b)
    if op == "div":
        if b != 0:
            return a / b
        return math.nan if nan or a == 0 else math.copysign(math.inf, math.copysign(1, a) * math.copysign(1, b))
    if op in ("rem", "rem_floor"):
        if nan or math.isinf(a) or b == 0:
            return math.nan
        r = math.fmod(a, b)
        return r + b if op == "rem_floor" and r != 0 and (r < 0) != (b < 0) else r
    if nan:
        return math.nan
    if a == b:
        negative = a if math.copysign(1, a) < 0 else b
        positive = a if math.copysign(1, a) > 0 else b
        return negative if op == "min" else positive
    return (min if op == "min" else max)(a, b)


def bool_binary(op, a, b):
    return {"and": a and b, "or": a or b, "xor": a != b}[op]


def unary(op, kind, a):
    if kind == "bool":
        return not a
    if kind != "f64":
        return {
            "neg": lambda: wrap(kind, -a),
            "neg_checked": lambda: checked(kind, -a),
            "abs": lambda: wrap(kind, abs(a)),
            "abs_checked": lambda: checked(kind, abs(a)),
            "not": lambda: wrap(kind, ~a),
        }[op]()
    if op == "neg":
        return bits_float(float_bits(a) ^ 1 << 63)
    if op == "abs":
        return bits_float(float_bits(a) & ~(1 << 63))
    if op == "sqrt":
        return a if a == 0 else math.nan if not a > 0 else math.sqrt(a)
    if not math.isfinite(a) or a == 0:
        return a
    # Whole numbers of any size are exact as integers; the sign of a zero is the operand's.
    whole = {"floor": math.floor, "ceil": math.ceil, "trunc": math.trunc, "nearest": round}[op](a)
    return math.copysign(float(whole), a)


def convert(op, source, target, a):
    if op == "wrap":
        return wrap(target, a)
    if op == "float":
        return float(a)
    if op == "bits":
        return bits_float(a % (1 << 64)) if target == "f64" else wrap(target, float_bits(a))
    low, high = bounds(target)
    if op == "saturate":
        if math.isnan(a):
            return 0
        return low if a <= low else high if a >= high else math.trunc(a)
    if not math.isfinite(a) or not low <= math.trunc(a) <= high or op == "exact" and a != math.trunc(a):
        raise ProgramError("conversion")
    return math.trunc(a)


COMPARE = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "nlt": lambda a, b: not a < b,
    "nle": lambda a, b: not a <= b,
}
UNARY = {"neg", "neg_checked", "abs", "abs_checked", "not", "sqrt", "floor", "ceil", "trunc", "nearest"}
CONVERT = {"wrap", "float", "exact", "truncate", "saturate", "bits"}
IMMEDIATE = {"addi", "subi", "muli", "andi", "ori", "xori", "shli", "shri", "shri_logical", "rotli", "rotri"}


class Function:
    """A function of the text."""

    def __init__(self, name, params, result):
        self.name, self.params, self.result = name, params, result
        self.kinds = dict(params)
        self.code, self.labels = [], {}


class Array:
    """An array: registers refer to it."""

    def __init__(self, kind, length):
        self.items = [{"f64": 0.0, "bool": False}.get(kind, 0)] * length


def registers(text):
    return [tuple(part.strip() for part in item.split(":")) for item in text.split(",") if item.strip()]


def parse(source):
    functions, function, marked = {}, None, None
    for line, text in enumerate(source.splitlines(), 1):
        text = text.split(";")[0].strip()
        if not text or text.startswith(".source"):
            continue
        if head := re.match(r"func (\w+)\((.*?)\)\s*(?:->\s*(\S+)\s*)?\{$", text):
            function = Function(head[1], registers(head[2]), head[3])
            functions[head[1]], marked = function, None
        elif text == "}":
            function = None
        elif text.startswith("reg "):
            function.kinds.update(registers(text[4:]))
        elif text.startswith(".line "):
            marked = int(text[6:])
        elif label := re.match(r"(\w+):$", text):
            function.labels[label[1]] = len(function.code)
        else:
            op, _, operands = text.partition(" ")
            parts = re.findall(r"\w+\([^)]*\)|\[[^\]]*\]|[^,\s]+", operands)
            function.code.append((op, parts, marked or line))
    return functions


class Machine:
    """A run of a program."""

    def __init__(self, functions, limits):
        self.functions, self.output = functions, []
        self.depth, self.memory = limits.get("depth") or 200_000, limits.get("memory") or 1 << 30

    def run(self, entry, args):
        """The result, or the error with its place."""
        self.stack = []
        self.push(self.functions[entry], args, None)
        self.returned = None
        while self.stack:
            frame = self.stack[-1]
            op, operands, line = frame["function"].code[frame["pc"]]
            try:
                self.step(frame, op, operands)
            except ProgramError as error:
                place = {"function": frame["function"].name, "pc": frame["pc"], "line": line}
                return {"error": {"kind": str(error), **place}}
        return {"result": self.returned}

    def push(self, function, args, dst):
        values = {name: value for (name, _), value in zip(function.params, args)}
        self.stack.append({"function": function, "values": values, "pc": 0, "dst": dst})

    def leave(self, value):
        dst = self.stack.pop()["dst"]
        if self.stack:
            if dst is not None:
                self.stack[-1]["values"][dst] = value
            self.stack[-1]["pc"] += 1
        else:
            self.returned = value

    def step(self, frame, op, operands):
        function, values = frame["function"], frame["values"]
        name, _, suffix = op.partition(".")
        kind = suffix

        def value(text, of=None):
            return values[text] if text in values else number(of or kind, text)

        def go(target):
            frame["pc"] = function.labels[target]

        def arguments(text):
            callee, listed = re.match(r"(\w+)\(([^)]*)\)", text).groups()
            return self.functions[callee], [values[item.strip()] for item in listed.split(",") if item.strip()]

        if name in ("call", "call_void"):
            callee, args = arguments(operands[-1])
            if len(self.stack) >= self.depth:
                raise ProgramError("stack_overflow")
            self.push(callee, args, operands[0] if name == "call" else None)
        elif name == "tail_call":
            callee, args = arguments(operands[0])
            self.push(callee, args, self.stack.pop()["dst"])
        elif name == "ret":
            self.leave(values[operands[0]])
        elif name == "ret_void":
            self.leave(None)
        elif name == "jump":
            go(operands[0])
        elif name in ("jtrue", "jfalse"):
            if values[operands[0]] == (name == "jtrue"):
                go(operands[1])
            else:
                frame["pc"] += 1
        elif name == "switch":
            targets = [target.strip() for target in operands[1][1:-1].split(",")]
            index = values[operands[0]]
            go(targets[index] if 0 <= index < len(targets) else operands[2])
        elif name.startswith("loop_"):
            counter, limit = operands[0], values[operands[1]]
            step = 1 if name in ("loop_lt", "loop_le") else -1
            if name in ("loop_lt", "loop_gt"):
                values[counter] = wrap(kind, values[counter] + step)
            taken = COMPARE["lt" if step == 1 else "gt"](values[counter], limit)
            if taken and name in ("loop_le", "loop_ge"):
                values[counter] += step
            go(operands[2]) if taken else self.next(frame)
        elif name[0] == "j" and name[1:].rstrip("i") in COMPARE:
            a, b = values[operands[0]], value(operands[1])
            go(operands[2]) if COMPARE[name[1:].rstrip("i")](a, b) else self.next(frame)
        else:
            self.plain(values, name, kind, operands, value)
            frame["pc"] += 1

    @staticmethod
    def next(frame):
        frame["pc"] += 1

    def plain(self, values, name, kind, operands, value):
        """What neither branches nor calls."""
        dst = operands[0]
        if name in ("const", "pool"):
            values[dst] = number(kind, operands[1])
        elif name == "move":
            values[dst] = values[operands[1]]
        elif name == "select":
            values[dst] = values[operands[2] if values[operands[1]] else operands[3]]
        elif name == "print":
            self.output.append(spelling(kind, values[dst]) + "\n")
        elif name == "array_new":
            length = values[operands[1]]
            if length < 0:
                raise ProgramError("negative_length")
            if length * ELEMENT_BYTES[kind] > self.memory:
                raise ProgramError("memory_limit")
            values[dst] = Array(kind, length)
        elif name == "array_len":
            values[dst] = len(values[operands[1]].items)
        elif name in ("array_get", "array_set"):
            getting = name == "array_get"
            items = values[operands[1] if getting else dst].items
            index = values[operands[2] if getting else operands[1]]
            if not 0 <= index < len(items):
                raise ProgramError("index_out_of_bounds")
            if getting:
                values[dst] = items[index]
            else:
                items[index] = values[operands[2]]
        elif name in CONVERT:
            source, target = kind.split("_to_")
            values[dst] = convert(name, source, target, values[operands[1]])
        elif name in COMPARE:
            values[dst] = COMPARE[name](values[operands[1]], value(operands[2]))
        elif name in UNARY:
            values[dst] = unary(name, kind, values[operands[1]])
        else:
            if name in IMMEDIATE:
                name = name.replace("i_logical", "_logical") if name.endswith("_logical") else name[:-1]
            a, b = values[operands[1]], value(operands[2])
            if kind == "f64":
                values[dst] = float_binary(name, a, b)
            elif kind == "bool":
                values[dst] = bool_binary(name, a, b)
            else:
                # An immediate value of an unsigned kind's operation is that number; of a signed kind's too.
                values[dst] = integer_binary(name, kind, a, wrap(kind, b) if operands[2] not in values else b)


def judge(request):
    functions = parse(request["source"])
    entry = functions[request["entry"]]
    machine = Machine(functions, request.get("limits", {}))
    args = [from_bits(kind, bits) for (_, kind), bits in zip(entry.params, request["args"])]
    answer = machine.run(request["entry"], args)
    result = answer.get("result")
    if isinstance(result, Array):
        answer["result"] = [to_bits(entry.result[1:-1], item) for item in result.items]
    elif result is not None:
        answer["result"] = to_bits(entry.result, result)
    answer["output"] = "".join(machine.output)
    return answer


def main():
    for line in sys.stdin:
        print(json.dumps(judge(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
