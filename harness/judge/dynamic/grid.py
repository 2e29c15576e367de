#!/usr/bin/env python3
"""The dynamic half of the instruction grid: programs in assembly, and what PUC Lua 5.4 says must come of each.

Every case is a program and its twin in Lua, made side by side from the same list of subjects. `lua5.4` runs the twin, and what it writes is
what the program must write. Nothing of the VM is asked. What Lua has no counterpart for is a rule written by hand into the twin; the case's `about` says
where. A line of output is `CELL: outcome`, and fills that cell.

    python3 harness/judge/dynamic/grid.py --corpus corpus          the files as JSON, a line each: {"name", "text"}
    python3 harness/judge/dynamic/grid.py --twin add.any           the twin of a case

Where there is no `lua5.4`, the outcomes that the corpus holds are repeated, and everything else is made anew: `--stored` demands that.
"""

import argparse
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import calls
import limits
import operators
import strings
import tables
import values_and_variables

COMMAND = "lockstep grid --bless"


def judge(case):
    """What the twin writes, and the messages of the errors that nobody catches."""
    done = subprocess.run(["lua5.4", "-e", 'assert(load(io.read("a"), "=cell", "t"))()'], input=case.twin().encode(), capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"{case.name}: {done.stderr.decode()}")
    output, *messages = done.stdout.decode().split("\0")
    return output, messages[: len(case.uncaught)]


def stored(case, corpus):
    """The same, out of the corpus."""
    text = (corpus / f"{case.name}.yaml").read_text()
    output = re.search(r"\n      - output: \|\n((?:          .*\n)*)", text)
    output = "".join(line[10:] + "\n" for line in output[1].splitlines()) if output else ""
    messages = [json.loads(m) for m in re.findall(r'message: ("(?:[^"\\]|\\.)*")', text)]
    return output, messages


def yaml(case, verdict):
    output, messages = verdict
    about = case.about + (f" By hand: {case.by_hand}" if case.by_hand else "")
    lines = [f"# Written by `{COMMAND}`; what must come out is the word of lua5.4, asked by harness/judge/dynamic/grid.py."]
    lines += ['about: "Cells of the dynamic half of the grid of required cases."', "cases:", f"  - name: {case.name}"]
    lines += [f"    about: {json.dumps(about, ensure_ascii=False)}", "    program: |"]
    lines += ["      " + line for line in case.assembly().splitlines()]
    lines += ["    runs:", "      - output: |"]
    lines += ["          " + line for line in output.splitlines()]
    for number, (uncaught, message) in enumerate(zip(case.uncaught, messages, strict=True)):
        function, pc, line = case.place(number)
        error = f"{{kind: {uncaught.kind}, message: {json.dumps(message)}, function: {function}, pc: {pc}, line: {line}}}"
        lines += [f"      - {{entry: {function}, error: {error}, cells: [\"{uncaught.cell}\"]}}"]
    if case.limits:
        lines += [f"    limits: {case.limits}"]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=Path("corpus"))
    parser.add_argument("--stored", action="store_true")
    parser.add_argument("--twin", metavar="CASE")
    options = parser.parse_args()
    cases = [case for part in (operators, strings, values_and_variables, tables, calls, limits) for case in part.cases()]
    if options.twin:
        print(next(case for case in cases if case.name == options.twin).twin(), end="")
        return
    ask = (lambda case: stored(case, options.corpus / "bytecode/grid")) if options.stored else judge
    with ThreadPoolExecutor(2) as pool:
        for case, verdict in zip(cases, pool.map(ask, cases)):
            print(json.dumps({"name": f"{case.name}.yaml", "text": yaml(case, verdict)}))


if __name__ == "__main__":
    sys.exit(main())
