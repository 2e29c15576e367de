#!/usr/bin/env python3
"""A Lockstep backend that is a process: turns IR into C, compiles it with gcc, and hands back the bytes.

    lockstep parity --backend "exec:python3 examples/exec-gcc/exec_gcc.py"

The protocol (one line of JSON per request and per answer) is described in docs/exec-protocol.md. This file speaks it and runs
gcc; ir_text.py reads the IR, c_code.py and ops.h make it C, blob.py makes the object file one run of bytes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

import blob
import c_code
import ir_text

PROTOCOL = 1
GCC = os.environ.get("LOCKSTEP_GCC", "gcc")
LEVELS = {"none": "-O0", "speed": "-O2", "best": "-O3"}
FEATURES = {"lzcnt": "-mlzcnt", "bmi1": "-mbmi", "bmi2": "-mbmi2", "avx": "-mavx"}
FLAGS = [
    # The baseline that x86_64 stands for in Lockstep, and no more.
    "-march=x86-64-v2", "-mtune=generic", "-std=gnu11", "-w", "-Werror=implicit-function-declaration",
    # IR semantics: integers wrap, memory has no types, any address may be valid, no contraction of floats. Nobody looks at errno
    # or at exception flags, without which rounding and square roots are single instructions.
    "-fwrapv", "-fno-strict-aliasing", "-fno-delete-null-pointer-checks", "-ffp-contract=off", "-fno-math-errno",
    "-fno-trapping-math",
    # Self-contained and position-independent: no library calls, neither named nor recognised from loops; no tables for unwinding.
    "-ffreestanding", "-fno-builtin", "-fno-tree-loop-distribute-patterns", "-fPIC", "-fvisibility=hidden",
    "-fno-asynchronous-unwind-tables", "-fno-stack-protector", "-fcf-protection=none", "-fno-ident",
]


class Refusal(Exception):
    """An answer that is not an artifact."""

    def __init__(self, **error):
        super().__init__(error)
        self.error = error


def refusal(kind, detail):
    return Refusal(kind=kind, detail=detail)


def describe():
    version = subprocess.run([GCC, "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        "version": f"gcc {version}",
        "summary": "IR as C through gcc, in a process of its own; the native yardstick on the same IR",
        "levels": list(LEVELS),
        "default_level": "speed",
        "unsupported": [],
    }


def compile_unit(request):
    target = request["target"]
    if target["arch"] != "x86_64":
        raise refusal("unsupported_target", f"no code for {target['arch']}")
    level = request["level"]
    if level not in LEVELS:
        raise refusal("unsupported_level", f"no level `{level}`")
    phases, last = [], time.perf_counter()

    def phase(name):
        nonlocal last
        now = time.perf_counter()
        phases.append([name, now - last])
        last = now

    try:
        unit = ir_text.parse(request["ir"])
    except ir_text.Malformed as error:
        raise refusal("invalid_unit", str(error)) from error
    phase("parse")
    source = c_code.c_source(unit)
    phase("write")
    # Features that this file does not know it does without.
    flags = FLAGS + [LEVELS[level]] + [FEATURES[f] for f in target["features"] if f in FEATURES]
    if any(c_code.uses_stack_pointer(f) for f in unit.functions):
        # A tail call's callee has its caller's frame, and so no lower stack pointer.
        flags.append("-fno-optimize-sibling-calls")
    if request["verify"]:
        flags.append("-fchecking")
    code, align, symbols = blob.link(run_gcc(source, flags, phase))
    functions = [symbols[f"func{n}"] for n in range(len(unit.functions))]
    phase("link")
    return {"arch": "x86_64", "code": code.hex(), "align": align, "functions": functions, "phases": phases}


def run_gcc(source, flags, phase):
    """The object file's bytes."""
    with tempfile.TemporaryDirectory(prefix="lockstep-gcc-") as folder:
        # The same names every time, relative to the folder: they must not find their way into the code.
        with open(os.path.join(folder, "unit.c"), "w") as file:
            file.write(source)
        command = [GCC, *flags, "-c", "unit.c", "-o", "unit.o"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
        if done.returncode != 0:
            errors = [line for line in done.stderr.splitlines() if "error" in line]
            raise refusal("internal", f"gcc: {(errors or done.stderr.splitlines() or ['no message'])[0]}")
        with open(os.path.join(folder, "unit.o"), "rb") as file:
            data = file.read()
    phase("gcc")
    return data


def answer(request):
    """The body of the answer to a request."""
    if request["lockstep_exec"] != PROTOCOL:
        raise refusal("version", f"this is version {PROTOCOL} of the protocol, not {request['lockstep_exec']}")
    if request.get("request") == "describe":
        return {"description": describe()}
    if request.get("request") == "compile":
        missing = [name for name in ("target", "level", "verify", "ir") if name not in request]
        if missing:
            raise refusal("bad_request", f"without {', '.join(missing)}")
        return {"artifact": compile_unit(request)}
    raise refusal("bad_request", f"no request `{request.get('request')}`")


def read(line):
    """The request in a line."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise refusal("bad_request", f"no JSON: {error}") from error
    if not isinstance(request, dict) or "lockstep_exec" not in request:
        raise refusal("bad_request", "no request: `lockstep_exec` is missing")
    return request


def main():
    for line in sys.stdin:
        if not line.endswith("\n"):
            return  # cut off in the middle: the client has gone
        identity = None
        try:
            request = read(line)
            identity = request.get("id")
            body = answer(request)
        except Refusal as error:
            body = {"error": error.error}
        except c_code.Unknown as error:
            # ops.h has every operation there is.
            body = {"error": {"kind": "invalid_unit", "detail": f"no operation `{error.op}`"}}
        except blob.NotSelfContained as error:
            body = {"error": {"kind": "internal", "detail": str(error)}}
        except Exception as error:  # a defect of this program is an answer, too
            body = {"error": {"kind": "internal", "detail": f"{type(error).__name__}: {error}"}}
        identified = {} if identity is None else {"id": identity}
        print(json.dumps({"lockstep_exec": PROTOCOL, **identified, **body}), flush=True)


if __name__ == "__main__":
    main()
