"""Turns a unit into C: a function for each function, a variable for each value, a label for each block.

What operations compute stands in ops.h; what is here is control flow, calls and the calling convention.
"""

from pathlib import Path

PRELUDE = (Path(__file__).parent / "ops.h").read_text()

C_TYPE = {"i8": "u8", "i16": "u16", "i32": "u32", "i64": "u64", "f32": "f32", "f64": "f64"}
SIGNED = {"i8": "s8", "i16": "s16", "i32": "s32", "i64": "s64"}

# Operations whose first result goes through a pointer, so that the second can be returned.
TWO_RESULTS = {
    f"{s}{op}_overflow" for s in "su" for op in ("add", "sub", "mul")
} | {"f64_to_sint_exact", "f64_to_uint_exact"}

COMPARISONS = {f"icmp_{c}" for c in "eq ne slt sle sgt sge ult ule ugt uge".split()} | {
    f"fcmp_{c}" for c in "eq ne lt le gt ge ord uno".split()
}

# Operations that are a function of ops.h, by name, with the number of operands.
FUNCTIONS = TWO_RESULTS | COMPARISONS | set(
    "iadd isub imul ineg sdiv udiv srem urem smulhi umulhi band bor bxor bnot shl lshr ashr rotl rotr clz ctz popcnt bswap "
    "select fadd fsub fmul fdiv fmin fmax fneg fabs fcopysign fsqrt fceil ffloor ftrunc fnearest sint_to_f64 uint_to_f64 "
    "f64_to_sint_sat f64_to_uint_sat f32_to_f64 f64_to_f32 bits_to_f64 f64_to_bits bits_to_f32 f32_to_bits stack_pointer".split()
)


class Unknown(Exception):
    """An operation that is not in the table."""

    def __init__(self, op):
        super().__init__(op)
        self.op = op


def c_source(unit):
    """The whole translation unit; function N is `funcN`."""
    structs, lines = set(), []
    for signature in unit.signatures.values():
        if len(signature.results) == 2:
            structs.add(tuple(signature.results))
    for pair in sorted(structs):
        # Each result in an eightbyte of its own, so that the convention gives each a register of its own.
        a, b = (C_TYPE[t] for t in pair)
        lines.append(f"struct {struct_name(pair)} {{ {a} a; {b} b __attribute__((aligned(8))); }};")
    for name, signature in unit.signatures.items():
        if not name.startswith("%"):
            lines.append(f"typedef {result_type(signature)} {name}({parameters(signature)});")
    for number, function in enumerate(unit.functions):
        lines.append(f"{declaration(number, function)};")
    for number, function in enumerate(unit.functions):
        lines += FunctionWriter(unit, number, function).write()
    return PRELUDE + "\n" + "\n".join(lines) + "\n"


def uses_stack_pointer(function):
    return any(inst.op == "stack_pointer" for block in function.blocks for inst in block.insts)


def struct_name(results):
    return "pair_" + "_".join(results)


def result_type(signature):
    if not signature.results:
        return "void"
    return C_TYPE[signature.results[0]] if len(signature.results) == 1 else f"struct {struct_name(signature.results)}"


def parameter_type(type, extension):
    """What a parameter is passed as: wide enough that this file, not gcc, extends narrow integers."""
    if not type.startswith("i"):
        return C_TYPE[type]
    return "u64" if extension or type == "i64" else "u32"


def parameters(signature, names=None):
    types = [parameter_type(*p) for p in signature.params]
    return ", ".join(f"{t} {n}" for t, n in zip(types, names)) if names else ", ".join(types) or "void"


def passed(value, type, extension):
    """A value as an argument."""
    if extension == "sext":
        return f"(u64)(s64)({SIGNED[type]}){value}"
    return f"(u64){value}" if extension == "zext" else value


def declaration(number, function, names=None):
    # Inlined into its caller, a function would see its caller's stack pointer, and not a lower one.
    kept = "__attribute__((noinline, noclone)) " if uses_stack_pointer(function) else ""
    return f"{kept}{result_type(function.signature)} func{number}({parameters(function.signature, names)})"


class FunctionWriter:
    def __init__(self, unit, number, function):
        self.unit, self.number, self.function = unit, number, function
        self.types = {}

    def write(self):
        entry = self.function.blocks[0]
        names = [f"p{n}" for n in range(len(entry.params))]
        body, blocks = [], []
        for block in self.function.blocks:
            for value, type in block.params:
                self.types[value] = type
        for block in self.function.blocks:
            for inst in block.insts:
                for value, type in zip(inst.results, self.result_types(inst)):
                    self.types[value] = type
        for block in self.function.blocks:
            params = {value: type for value, type in block.params}
            blocks.append(f"{block.name}:{' __attribute__((cold));' if block.cold else ';'}")
            blocks += [f"    {self.statement(inst)}" for inst in block.insts]
        for value, type in self.types.items():
            body.append(f"    {C_TYPE[type]} {value};")
        for name, (value, type) in zip(names, entry.params):
            body.append(f"    {value} = ({C_TYPE[type]}){name};")
        return [f"{declaration(self.number, self.function, names)} {{"] + body + blocks + ["}"]

    def result_types(self, inst):
        if inst.callee:
            return self.unit.signatures[inst.callee].results
        if inst.op in TWO_RESULTS:
            return [inst.type, "i8"]
        if inst.op in COMPARISONS:
            return ["i8"]
        if inst.op in ("sint_to_f64", "uint_to_f64"):
            return ["f64"]
        return [inst.type]

    def statement(self, inst):
        op, type, args, results = inst.op, inst.type, inst.args, inst.results
        c = C_TYPE[type]
        if op in ("iconst", "fconst"):
            return f"{results[0]} = {op}_{type}({inst.constant & (1 << 64) - 1:#x}ul);"
        if op in ("zext", "trunc"):
            return f"{results[0]} = ({c}){args[0]};"
        if op == "sext":
            return f"{results[0]} = ({c})({SIGNED[type]})({SIGNED[self.types[args[0]]]}){args[0]};"
        if op in ("load", "atomic_load"):
            return f"{results[0]} = {op}_{type}({args[0]} + {inst.offset}ul);"
        if op == "store":
            return f"store_{type}({args[0]}, {args[1]} + {inst.offset}ul);"
        if op in ("call", "call_indirect", "call_helper"):
            return self.call(inst)
        if op == "jump":
            return self.goto(inst.targets[0])
        if op == "brif":
            return f"if ({args[0]}) {self.goto(inst.targets[0])} else {self.goto(inst.targets[1])}"
        if op == "switch":
            mask = (1 << int(type[1:])) - 1
            cases = "".join(
                f" case {case & mask:#x}ul: {self.goto(target)}" for case, target in zip(inst.cases, inst.targets[1:])
            )
            return f"switch ({args[0]}) {{{cases} default: {self.goto(inst.targets[0])} }}"
        if op == "return":
            if len(args) < 2:
                return f"return {' '.join(args)};"
            return f"return (struct {struct_name(self.function.signature.results)}){{{args[0]}, {args[1]}}};"
        if op not in FUNCTIONS:
            raise Unknown(op)
        if op in TWO_RESULTS:
            return f"{results[1]} = {op}_{type}({', '.join(args + ['&' + results[0]])});"
        return f"{results[0]} = {op}_{type}({', '.join(args)});"

    def call(self, inst):
        signature = self.unit.signatures[inst.callee]
        args = inst.args
        if inst.op == "call":
            callee = f"func{inst.callee[1:]}"
        else:
            address, args = args[0], args[1:]
            if inst.op == "call_helper":
                address = f"load_i64({address} + {8 * self.unit.helper_index[inst.callee]}ul)"
            callee = f"(({inst.callee} *){address})"
        arguments = ", ".join(passed(v, *p) for v, p in zip(args, signature.params))
        call = f"{callee}({arguments})"
        if not inst.results:
            return f"{call};"
        if len(inst.results) == 1:
            return f"{inst.results[0]} = {call};"
        a, b = inst.results
        return f"{{ struct {struct_name(signature.results)} r = {call}; {a} = r.a; {b} = r.b; }}"

    def goto(self, target):
        """A branch that gives the target's parameters their values, all at once."""
        block = next(b for b in self.function.blocks if b.name == target.block)
        moves = [(p, t, a) for (p, t), a in zip(block.params, target.args) if p != a]
        if len(moves) == 1:
            return f"{{ {moves[0][0]} = {moves[0][2]}; goto {target.block}; }}"
        read = "".join(f"{C_TYPE[t]} t{n} = {a}; " for n, (_, t, a) in enumerate(moves))
        written = "".join(f"{p} = t{n}; " for n, (p, _, _) in enumerate(moves))
        return f"{{ {read}{written}goto {target.block}; }}"
