"""The smallest server (examples/exec-tiny), broken in one way: named by the argument. For the tests of `lockstep exec-conformance`."""

import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../examples/exec-tiny"))
import tiny  # noqa: E402

MODE = sys.argv[1]
answer, describe, lower = tiny.answer, tiny.describe, tiny.lower
count = 0


def say(value):
    print(json.dumps(value), flush=True)


def patched(line):
    """The answer to a line, broken."""
    global count
    count += 1
    good = answer(line)
    error = good.get("error", {})
    if MODE == "describes-by-turns" and "description" in good:
        good["description"]["version"] = str(count)
    if MODE == "no-default-level" and "description" in good:
        good["description"]["default_level"] = "best"
    if MODE == "strict-fields" and '"mood"' in line:
        good = {"lockstep_exec": 1, "id": good["id"], "error": {"kind": "bad_request", "detail": "mood?"}}
    if MODE == "no-id":
        good.pop("id", None)
    if MODE == "random-code" and "artifact" in good:
        good["artifact"]["code"] += "90" * (count % 3) + os.urandom(1).hex()
    if MODE == "one-offset" and "artifact" in good:
        good["artifact"]["functions"] = [0] * len(good["artifact"]["functions"])
    if MODE == "too-few-offsets" and "artifact" in good:
        good["artifact"]["functions"] = good["artifact"]["functions"][:1]
    if MODE == "any-version" and error.get("kind") == "version":
        good = {"lockstep_exec": 1, "id": good["id"], "description": describe(tiny.OPERATIONS)}
    if MODE == "all-internal" and "error" in good:
        good["error"]["kind"] = "internal"
    if MODE == "wrong-arch" and error.get("kind") == "unsupported_target":
        good = answer(line.replace("aarch64", "x86_64").replace("riscv64", "x86_64").replace("pdp11", "x86_64"))
    if MODE == "any-level" and error.get("kind") == "unsupported_level":
        good = answer(line.replace('"ludicrous"', '"none"').replace('"best"', '"none"').replace('"speed"', '"none"'))
    if MODE == "compiles-poems" and error.get("kind") == "invalid_unit":
        good = {"lockstep_exec": 1, "id": good["id"], "artifact": {"arch": "x86_64", "code": "c3", "align": 1, "functions": [0]}}
    if MODE == "silent-skip" and error.get("kind") == "unsupported":
        good = {"lockstep_exec": 1, "id": good["id"], "artifact": {"arch": "x86_64", "code": "c3", "align": 1, "functions": [0] * 50}}
    if MODE == "names-nothing" and error.get("kind") == "unsupported":
        del good["error"]["op"]
    if MODE == "odd-kind" and "error" in good:
        good["error"]["kind"] = "mood"
    if MODE == "strict-features" and "teleport" in line:
        good = {"lockstep_exec": 1, "id": good["id"], "error": {"kind": "internal", "detail": "KeyError: teleport"}}
    return good


def main():
    if MODE == "never-answers":
        time.sleep(600)
    if MODE == "dies-on-nonsense":
        for line in sys.stdin:
            print(json.dumps({"lockstep_exec": 1, "id": json.loads(line)["id"], **{k: v for k, v in answer(line).items() if k not in ("lockstep_exec", "id")}}), flush=True)
        return
    if MODE == "answers-backwards":
        # Waits a little for more, and answers what came last first.
        os.set_blocking(0, False)
        buffer = b""
        while True:
            chunk = None
            try:
                chunk = os.read(0, 1 << 20)
            except BlockingIOError:
                pass
            if chunk == b"":
                return
            buffer += chunk or b""
            if chunk is None:
                *lines, buffer = buffer.split(b"\n")
                for line in reversed(lines):
                    say(answer(line.decode() + "\n"))
                time.sleep(0.05)
    for line in sys.stdin:
        if not line.endswith("\n") and MODE != "answers-the-cut-off":
            break
        if MODE == "small-lines" and len(line) > 100_000:
            sys.exit(1)
        if MODE == "chatty":
            print("compiling …", flush=True)
        say(patched(line))
        if MODE == "chatty-after":
            print("done", flush=True)
    if MODE == "stays":
        time.sleep(600)
    if MODE == "ends-badly":
        sys.exit(3)
    if MODE == "leaves-a-child":
        subprocess.Popen(["sleep", "600"], start_new_session=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    if MODE == "says-goodbye":
        print("goodbye", flush=True)


main()
