//! The kernels of corpus/bench and their peers in C and Lua compute the same checksums: harness/peers/README.md defines them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use lockstep_runtime::{Limits, Value};

/// Each kernel with three sizes and seeds, small enough for a debug build of the interpreter.
const KERNELS: [(&str, [(i64, i64); 3]); 6] = [
    ("xorshift", [(0, 5), (1000, 1), (100_000, -7)]),
    ("lcg", [(0, 5), (1000, 1), (100_000, -7)]),
    ("mandelbrot", [(0, 1), (10, 1), (40, 777)]),
    ("matmul", [(0, 1), (5, -3), (30, 9)]),
    ("sieve", [(0, 1), (1, -1), (2, 700)]),
    ("fib", [(0, 1), (10, 3), (20, -4)]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn interpreted(kernel: &str, n: i64, seed: i64) -> i64 {
    let file = root().join(format!("corpus/bench/{kernel}.lks"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let module = lockstep_bytecode::assemble(&file.to_string_lossy(), &text).unwrap_or_else(|e| panic!("{e}"));
    let mut vm = lockstep_interp::new_vm(Arc::new(module), Limits::default());
    let main = vm.module().find("main").expect("every kernel has a `main`");
    match lockstep_interp::run(&mut vm, main, &[Value::I64(n), Value::I64(seed)]) {
        Ok(Some(Value::I64(checksum))) => checksum,
        other => panic!("{kernel} {n} {seed}: {other:?}"),
    }
}

/// Whether a program is there; says so if not.
fn is_there(program: &str, argument: &str) -> bool {
    let there = Command::new(program).arg(argument).output().is_ok_and(|done| done.status.success());
    if !there {
        eprintln!("SKIPPED: `{program}` is not there");
    }
    there
}

/// The checksum in a peer's output, whose second line must be its time.
fn checksum_of(command: &mut Command) -> i64 {
    let done = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = String::from_utf8_lossy(&done.stdout);
    let lines: Vec<&str> = text.lines().collect();
    let [first, second] = lines[..] else { panic!("{command:?} prints {text}") };
    let seconds: f64 = second.strip_prefix("seconds ").and_then(|s| s.parse().ok()).expect("its time");
    assert!(seconds >= 0.0);
    first.strip_prefix("checksum ").and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("{command:?} prints {text}"))
}

/// Compares what `peer` computes with the interpreter.
fn compare(peer: impl Fn(&str) -> Command) {
    for (kernel, sizes) in KERNELS {
        for (n, seed) in sizes {
            let theirs = checksum_of(peer(kernel).args([n.to_string(), seed.to_string()]));
            assert_eq!(theirs, interpreted(kernel, n, seed), "{kernel} {n} {seed}");
        }
    }
}

#[test]
fn results_depend_on_size_and_seed() {
    for (kernel, [_, (n, seed), _]) in KERNELS {
        let base = interpreted(kernel, n, seed);
        assert!(base != interpreted(kernel, n + 1, seed) && base != interpreted(kernel, n, seed + 1), "{kernel}");
    }
}

#[test]
fn c_peers_agree() {
    if !is_there("gcc", "--version") {
        return;
    }
    let build = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (kernel, _) in KERNELS {
        let source = root().join(format!("harness/peers/{kernel}.c"));
        let status =
            Command::new("gcc").args(["-O2", "-o"]).arg(build.join(kernel)).arg(source).status().expect("gcc starts");
        assert!(status.success(), "{kernel} does not compile");
    }
    compare(|kernel| Command::new(build.join(kernel)));
}

#[test]
fn lua_peers_agree() {
    if is_there("lua5.4", "-v") {
        compare(|kernel| {
            let mut command = Command::new("lua5.4");
            command.arg(root().join(format!("harness/peers/{kernel}.lua")));
            command
        });
    }
}
