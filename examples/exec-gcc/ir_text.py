"""Reads the text form of Lockstep's IR (docs/ir.md), one line at a time, as Lockstep prints it.

What is read here has passed Lockstep's own verifier, so this module takes well-formed text for granted: a line that it does not
understand is an error, but types are not checked again.
"""

import re
from dataclasses import dataclass, field

VERSION = "1"



def only_type(op):
    """Operations that exist for one type only may leave their suffix out; the others always have one."""
    if op in ("f64_to_f32", "bits_to_f32"):
        return "f32"
    if op == "f32_to_bits":
        return "i32"
    return "f64" if op.startswith("f") and op != "f64_to_bits" or op == "bits_to_f64" else "i64"


class Malformed(Exception):
    """The text is not what this module reads."""


@dataclass
class Signature:
    params: list  # of (type, "" or "sext" or "zext")
    results: list  # of types


@dataclass
class Target:
    block: str
    args: list


@dataclass
class Inst:
    op: str
    type: str
    args: list = field(default_factory=list)
    results: list = field(default_factory=list)
    constant: int = 0  # bits of iconst or fconst
    offset: int = 0  # of a memory access
    callee: str = ""  # "%0", "sig0", "helper0"
    targets: list = field(default_factory=list)
    cases: list = field(default_factory=list)


@dataclass
class Block:
    name: str
    params: list  # of (value, type)
    cold: bool
    insts: list = field(default_factory=list)


@dataclass
class Function:
    signature: Signature
    blocks: list = field(default_factory=list)


@dataclass
class Unit:
    signatures: dict = field(default_factory=dict)  # by "sig0", "helper0", "%0"
    helper_index: dict = field(default_factory=dict)  # by "helper0"
    functions: list = field(default_factory=list)


TARGET = re.compile(r"(block\d+)(?:\(([^)]*)\))?")
STRING = r'"(?:[^"\\]|\\.)*"'


def parse(text):
    """The unit that a text describes."""
    unit, block, begun = Unit(), None, False
    for number, line in enumerate(text.splitlines(), 1):
        line = strip_comment(line).strip()
        if not line:
            continue
        try:
            if not begun and not line.startswith("lockstep_ir "):
                raise ValueError("a unit begins with its version")
            begun = True
            block = read_line(unit, block, line)
        except (ValueError, IndexError, AttributeError) as error:
            raise Malformed(f"line {number} of the IR: `{line}` ({error})") from error
    if block or not unit.functions:
        raise Malformed("the IR ends in the middle" if block else "the IR has no function")
    return unit


def strip_comment(line):
    return re.match(rf"(?:{STRING}|[^;\"])*", line).group()


def read_line(unit, block, line):
    """Adds a line to the unit; returns the block that instructions after it belong to."""
    word = line.split(None, 1)[0]
    if word == "lockstep_ir":
        if line.split() != ["lockstep_ir", VERSION, "machine"]:
            raise ValueError(f"only version {VERSION}, machine stage")
    elif word in ("unit", "region", "source"):
        pass  # names, alias regions and positions make no difference to the code
    elif word == "sig":
        number, rest = line[3:].split(None, 1)
        unit.signatures[f"sig{number}"] = signature(rest)
    elif word == "helper":
        number, index, rest = re.match(rf"helper (\d+) {STRING} (\d+) (.*)", line).groups()
        unit.signatures[f"helper{number}"] = signature(rest)
        unit.helper_index[f"helper{number}"] = int(index)
    elif word == "function":
        number, rest = re.match(rf"function %(\d+) {STRING} (.*) {{$", line).groups()
        function = Function(signature(rest))
        unit.signatures[f"%{number}"] = function.signature
        unit.functions.append(function)
    elif line == "}":
        return None
    elif line.endswith(":"):
        name, params, cold = re.match(r"(block\d+)(?:\((.*)\))?( cold)?:$", line).groups()
        params = [tuple(p.split(": ")) for p in split(params)]
        block = Block(name, params, cold is not None)
        unit.functions[-1].blocks.append(block)
    else:
        block.insts.append(instruction(line))
    return block


def split(text):
    """Elements of a comma-separated list; none for nothing."""
    return [part.strip() for part in text.split(",")] if text and text.strip() else []


def signature(text):
    params, results = re.match(r"\((.*?)\) -> \((.*)\)$", text).groups()
    params = [((p.split() + [""])[0], (p.split() + [""])[1]) for p in split(params)]
    return Signature(params, split(results))


def targets(text):
    return [Target(block, split(args)) for block, args in TARGET.findall(text)]


def integer(text):
    return int(text.replace(" ", ""), 0)


def instruction(line):
    line = re.sub(r" @\d+$", "", line)
    results = []
    if re.match(r"v\d+(, v\d+)* = ", line):
        left, line = line.split(" = ", 1)
        results = split(left)
    head, _, rest = line.partition(" ")
    op, _, type = head.partition(".")
    inst = Inst(op, type or only_type(op), results=results)
    if op == "iconst":
        inst.constant = integer(rest)
    elif op == "fconst":
        inst.constant = float_bits(rest)
    elif op in ("load", "store", "atomic_load"):
        args, offset = re.match(r"region\d+ (.*?) ?([+-] ?\S+)$", rest).groups()
        inst.args, inst.offset = split(args), integer(offset)
    elif op == "call":
        inst.callee, args = re.match(r"(%\d+)\((.*)\)$", rest).groups()
        inst.args = split(args)
    elif op in ("call_indirect", "call_helper"):
        inst.callee, first, args = re.match(r"(\w+) (v\d+)\((.*)\)$", rest).groups()
        inst.args = [first] + split(args)
    elif op == "jump":
        inst.targets = targets(rest)
    elif op == "brif":
        condition, rest = rest.split(",", 1)
        inst.args, inst.targets = [condition], targets(rest)
    elif op == "switch":
        value, default, cases = re.match(r"(v\d+), (.*?) \[(.*)\]$", rest).groups()
        inst.args, inst.targets = [value], targets(default)
        for case, target in re.findall(r"(-?\w+): (block\d+(?:\([^)]*\))?)", cases):
            inst.cases.append(integer(case))
            inst.targets += targets(target)
    else:
        inst.args = split(rest)
    return inst


def float_bits(text):
    import struct

    if text.startswith("nan:"):
        return int(text[4:], 16)
    return struct.unpack("<Q", struct.pack("<d", float(text)))[0]
