//! The kernels of corpus/bench and their twins in other languages compute the same checksums: harness/peers/README.md defines them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use lockstep::bench::peer::{self, PEERS};
use lockstep_runtime::{Limits, Value};

/// Each kernel with three sizes and seeds, small enough for a debug build of the interpreter. The second is one at which both matter.
const KERNELS: [(&str, [(i64, i64); 3]); 14] = [
    ("xorshift", [(0, 5), (1000, 1), (100_000, -7)]),
    ("lcg", [(0, 5), (1000, 1), (100_000, -7)]),
    ("sums", [(0, 5), (1000, 1), (100_000, -7)]),
    ("collatz", [(0, 5), (100, 1), (2000, -7)]),
    ("gcd", [(0, 5), (20, 1), (2000, -7)]),
    ("fib", [(0, 1), (10, 3), (20, -4)]),
    ("mandelbrot", [(0, 1), (10, 1), (40, 777)]),
    ("nbody", [(0, 1), (10, 1), (1000, 777)]),
    ("matmul", [(0, 1), (5, -3), (30, 9)]),
    ("spectralnorm", [(0, 1), (5, -3), (30, 9)]),
    ("heat", [(0, 1), (1, -3), (3, 9)]),
    ("sieve", [(0, 1), (1, -1), (2, 700)]),
    ("primes", [(0, 1), (20, -1), (2000, 700)]),
    ("fannkuch", [(0, 1), (20, -1), (2000, 700)]),
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

/// The checksum in a twin's output, whose second line must be its time, as it is printed.
fn printed_by(command: &mut Command) -> String {
    let done = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = String::from_utf8_lossy(&done.stdout);
    let lines: Vec<&str> = text.lines().collect();
    let [first, second] = lines[..] else { panic!("{command:?} prints {text}") };
    let seconds: f64 = second.strip_prefix("seconds ").and_then(|s| s.parse().ok()).expect("its time");
    assert!(seconds >= 0.0);
    first.strip_prefix("checksum ").unwrap_or_else(|| panic!("{command:?} prints {text}")).to_owned()
}

/// The same, as a number.
fn checksum_of(command: &mut Command) -> i64 {
    let printed = printed_by(command);
    printed.parse().unwrap_or_else(|_| panic!("{command:?} prints {printed}"))
}

/// Compares the twins that a peer runs with the interpreter, if the peer is there; says so if not.
fn agrees(id: &str) {
    let peer = peer::find(id).expect("one of the peers");
    if peer.version().is_none() {
        eprintln!("SKIPPED: `{}` is not there", peer.program());
        return;
    }
    let build = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
    for (kernel, sizes) in KERNELS {
        let command = peer.prepare(&root().join("harness/peers"), kernel, &build).unwrap_or_else(|e| panic!("{e}"));
        for (n, seed) in sizes {
            let theirs =
                checksum_of(Command::new(&command[0]).args(&command[1..]).args([n.to_string(), seed.to_string()]));
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
fn generic_instructions_compute_the_same() {
    for (kernel, sizes) in KERNELS {
        for (n, seed) in sizes {
            assert_eq!(
                interpreted(&format!("generic/{kernel}"), n, seed),
                interpreted(kernel, n, seed),
                "{kernel} {n} {seed}"
            );
        }
    }
}

#[test]
fn c_twins_agree() {
    agrees("gcc");
}

#[test]
fn go_twins_agree() {
    agrees("go");
}

#[test]
fn luajit_twins_agree() {
    agrees("luajit");
}

#[test]
fn lua_twins_agree() {
    agrees("lua5.4");
}

/// Coroutines have a twin in Lua alone.
#[test]
fn switches_agree() {
    let peer = peer::find("lua5.4").expect("one of the peers");
    if peer.version().is_none() {
        eprintln!("SKIPPED: `{}` is not there", peer.program());
        return;
    }
    let twin = root().join("harness/peers/switches.lua");
    for (n, seed) in [(0, 1), (1, -3), (1000, 777)] {
        let theirs = checksum_of(Command::new(peer.program()).arg(&twin).args([n.to_string(), seed.to_string()]));
        assert_eq!(theirs, interpreted("coroutines/switches", n, seed), "{n} {seed}");
    }
}

/// Programs that peers run whole print what their cases state.
#[test]
fn lua_programs_agree() {
    let corpus = root().join("corpus");
    for id in ["lua5.4", "luajit-joff"] {
        let peer = peer::find(id).expect("one of the peers");
        if peer.version().is_none() {
            eprintln!("SKIPPED: `{}` is not there", peer.program());
            continue;
        }
        let command =
            peer.prepare(&root().join("harness/peers"), peer::LUA_PROGRAM, &root()).expect("nothing is compiled");
        let mut compared = 0;
        for (name, case, _) in lockstep::lua::case::cases(&corpus).expect("the corpus is sound") {
            let (Some(bench), Some(file)) = (&case.bench, &case.file) else { continue };
            if id == peer::LUA_BESIDE && !bench.luajit {
                continue;
            }
            let stated = case.output.split_whitespace().collect::<Vec<_>>().join(" ");
            let program = corpus.join(lockstep::lua::case::DIRECTORY).join(file);
            let theirs = printed_by(Command::new(&command[0]).args(&command[1..]).arg(program).args(&case.args));
            assert_eq!(theirs, stated, "{name} on {id}");
            compared += 1;
        }
        assert!(compared >= 10, "{compared} programs");
    }
}

#[test]
fn every_kernel_of_the_corpus_and_every_peer_is_compared() {
    let kernels: BTreeSet<String> = KERNELS.map(|(kernel, _)| kernel.to_owned()).into();
    for directory in ["corpus/bench", "corpus/bench/generic"] {
        let mut corpus = BTreeSet::new();
        for entry in std::fs::read_dir(root().join(directory)).expect("it is there") {
            let path = entry.expect("it can be read").path();
            if path.extension().is_some_and(|ending| ending == "lks") {
                corpus.insert(path.file_stem().expect("a name").to_string_lossy().into_owned());
            }
        }
        assert_eq!(kernels, corpus, "{directory}");
    }
    assert_eq!(PEERS.map(|p| p.id), ["gcc", "go", "luajit", "lua5.4", "luajit-joff"], "each has a test above");
}
