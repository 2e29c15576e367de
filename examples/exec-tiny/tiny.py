#!/usr/bin/env python3
"""The smallest server of the exec protocol that keeps all of its rules. Nothing but Python's standard library.

    lockstep exec-conformance python3 examples/exec-tiny/tiny.py

It compiles functions that return integer constants, for x86-64, and refuses everything else by name: begin here, and make `lower` better.
docs/exec-protocol.md is what it speaks.
"""

import json
import re
import sys

PROTOCOL = 1
LEVELS = ["none"]
LOWERED = {"iconst", "return"}


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, kind, detail, **more):
        super().__init__(detail)
        self.error = {"kind": kind, "detail": detail, **more}


def describe(operations):
    return {
        "version": "1",
        "summary": "returns constants; the smallest server of the protocol",
        "levels": LEVELS,
        "default_level": "none",
        "unsupported": sorted(set(operations) - LOWERED),
    }


def lower(ir):
    """(bytes, offset of each function) of a unit's text."""
    if not ir.startswith("lockstep_ir 1 machine\n"):
        raise Refusal("invalid_unit", "no unit of version 1, machine stage")
    code, offsets, constants, inside = bytearray(), [], {}, False
    for number, line in enumerate(ir.splitlines(), 1):
        line = line.split(";")[0].strip()
        if line.startswith("function "):
            if not line.endswith("{"):
                raise Refusal("invalid_unit", f"line {number}: {line}")
            offsets.append(len(code))
            constants, inside = {}, True
        elif line == "}":
            inside = False
        elif match := re.fullmatch(r"(v\d+) = iconst\.i(?:8|16|32|64) (-?\w+)(?: @\d+)?", line):
            constants[match[1]] = int(match[2], 0) & (1 << 64) - 1
        elif match := re.fullmatch(r"return(?: (v\d+)(?:, (v\d+))?)?(?: @\d+)?", line):
            for value, opcode in zip(filter(None, match.groups()), (b"\x48\xb8", b"\x48\xba")):  # mov rax, …; mov rdx, …
                if value not in constants:
                    raise Refusal("internal", f"line {number}: {value} is a parameter, which cannot be returned yet")
                code += opcode + constants[value].to_bytes(8, "little")
            code += b"\xc3"
        elif match := re.fullmatch(r"(?:v\d+(?:, v\d+)* = )?([a-z]\w*)(?:\.\w+)?(?: .*|$)", line):
            if match[1] in OPERATIONS - LOWERED:
                raise Refusal("unsupported", f"line {number}", op=match[1])
            if match[1] not in {"unit", "region", "sig", "helper", "source", "lockstep_ir"}:
                raise Refusal("invalid_unit", f"line {number}: {line}")
        elif not re.fullmatch(r"|block\d+(\(.*\))?( cold)?:", line):
            raise Refusal("invalid_unit", f"line {number}: {line}")
    if not offsets or inside:
        raise Refusal("invalid_unit", "it ends in the middle of a function" if inside else "no function")
    return bytes(code), offsets


def compile_unit(request):
    if request["target"]["arch"] != "x86_64":
        raise Refusal("unsupported_target", request["target"]["arch"])
    if request["level"] not in LEVELS:
        raise Refusal("unsupported_level", request["level"])
    code, offsets = lower(request["ir"])
    return {"arch": "x86_64", "code": code.hex(), "align": 16, "functions": offsets, "phases": []}


def answer(line):
    """The answer to a line, and the id it belongs to."""
    identity = None
    try:
        try:
            request = json.loads(line)
            identity = request.get("id")
            version, what = request["lockstep_exec"], request.get("request")
        except (ValueError, KeyError, AttributeError, RecursionError) as error:
            raise Refusal("bad_request", f"no request: {error}") from error
        if version != PROTOCOL:
            raise Refusal("version", f"this is version {PROTOCOL}")
        if what == "describe":
            body = {"description": describe(OPERATIONS)}
        elif what == "compile":
            try:
                body = {"artifact": compile_unit(request)}
            except (KeyError, TypeError) as error:
                raise Refusal("bad_request", f"incomplete: {error}") from error
        else:
            raise Refusal("bad_request", f"no request `{what}`")
    except Refusal as refusal:
        body = {"error": refusal.error}
    return {"lockstep_exec": PROTOCOL, **({} if identity is None else {"id": identity}), **body}


# The machine stage's operations, as docs/ir.md lists them.
OPERATIONS = set(
    "iconst fconst iadd isub imul ineg sdiv udiv srem urem smulhi umulhi sadd_overflow uadd_overflow ssub_overflow usub_overflow "
    "smul_overflow umul_overflow band bor bxor bnot shl lshr ashr rotl rotr clz ctz popcnt bswap select icmp_eq icmp_ne icmp_slt icmp_sle "
    "icmp_sgt icmp_sge icmp_ult icmp_ule icmp_ugt icmp_uge fcmp_eq fcmp_ne fcmp_lt fcmp_le fcmp_gt fcmp_ge fcmp_ord fcmp_uno fadd fsub fmul "
    "fdiv fmin fmax fneg fabs fcopysign fsqrt fceil ffloor ftrunc fnearest sext zext trunc sint_to_f64 uint_to_f64 f64_to_sint_sat "
    "f64_to_uint_sat f64_to_sint_exact f64_to_uint_exact f32_to_f64 f64_to_f32 bits_to_f64 f64_to_bits bits_to_f32 f32_to_bits load store "
    "atomic_load stack_pointer call call_indirect call_helper jump brif switch return".split()
)


def main():
    for line in sys.stdin:
        if not line.endswith("\n"):
            return  # cut off in the middle: the client has gone
        print(json.dumps(answer(line)), flush=True)


if __name__ == "__main__":
    main()
