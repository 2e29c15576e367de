"""The smallest server (examples/exec-tiny), but at the unit called `here` it misbehaves in the way named by its argument. For isolation_outside.rs."""

import os
import resource
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../examples/exec-tiny"))
import tiny  # noqa: E402

MODE = sys.argv[1]
compile_unit = tiny.compile_unit


def misbehave(request):
    if MODE == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif MODE == "abort":
        os.abort()
    elif MODE == "exit-zero":
        os._exit(0)
    elif MODE == "endless-loop":
        while True:
            pass
    elif MODE == "stack-overflow":
        # Python counts calls before the machine's stack ends: a small stack, and a program that does not let it count.
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 20))
        program = "import sys\nsys.setrecursionlimit(1 << 30)\nclass A:\n    def __repr__(self): return repr(self)\nrepr(A())"
        os.execv(sys.executable, [sys.executable, "-c", program])
    elif MODE == "noise":
        os.write(1, b"Segmentation fault (not really)\n")
    elif MODE == "noise-without-end":
        while True:
            os.write(1, b"x" * 65536)
    elif MODE == "grandchild":
        # It has a session of its own, and no parent that would look after it.
        subprocess.run(["sh", "-c", "setsid sleep 600 </dev/null >/dev/null 2>&1 &"], check=True)
    elif MODE == "grandchild-then-death":
        subprocess.run(["sh", "-c", "setsid sleep 600 </dev/null >/dev/null 2>&1 &"], check=True)
        os.abort()
    elif MODE == "by-turns":
        # Ends at the first of every five compilations: a case has three at most.
        count = int(open(sys.argv[2]).read()) if os.path.exists(sys.argv[2]) else 0
        with open(sys.argv[2], "w") as state:
            state.write(str(count + 1))
        if count % 5 == 0:
            os._exit(1)
    elif MODE == "memory":
        hoard = bytearray(10 << 30)
        hoard[:: 4096] = b"x" * len(hoard[:: 4096])
    elif MODE == "crashing-code":
        return {"arch": "x86_64", "code": "488b042500000000", "align": 16, "functions": [0], "phases": []}
    elif MODE == "looping-code":
        return {"arch": "x86_64", "code": "ebfe", "align": 16, "functions": [0], "phases": []}
    elif MODE == "overflowing-code":
        return {"arch": "x86_64", "code": "e8fbffffff", "align": 16, "functions": [0], "phases": []}
    time.sleep(0.01)
    return compile_unit(request)


def rogue(request):
    return misbehave(request) if 'unit "here"' in request["ir"] else compile_unit(request)


tiny.compile_unit = rogue
tiny.main()
