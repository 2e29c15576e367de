//! Backends from outside that misbehave at one case, in Rust and as processes: that case fails, by name and with the line that runs it
//! again, every other passes, and nothing is left running.
//!
//! This is a program of its own, as an author from outside would write it: with `parity` or `worker` as its first argument it is the
//! `lockstep` command with rogue backends in it; otherwise it runs itself and judges.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};
use lockstep_backend_api::{
    Arch, Artifact, Backend, Capabilities, Code, CompileError, Evaluator, Execution, Options, Registry, Target,
};
use lockstep_ir::Unit;

/// The unit at which rogues misbehave.
const HERE: &str = "here";

/// Ways to misbehave: name, what happens instead of a compilation (or before it), and what the failure says.
type Misbehaviour = (&'static str, fn(&Unit) -> Option<Artifact>, &'static str);

const MISBEHAVIOURS: &[Misbehaviour] = &[
    ("segfault", |unit| code(unit, &[0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0]), "killed by SIGSEGV"),
    ("abort", |_| std::process::abort(), "killed by SIGABRT"),
    ("exit-zero", |_| std::process::exit(0), "exited with status 0 in the middle of the case"),
    ("endless-loop", |_| endless(), "no sign of life for 2 s"),
    // jmp to itself
    ("endless-loop-in-code", |unit| code(unit, &[0xeb, 0xfe]), "no sign of life for 2 s"),
    ("stack-overflow", |_| overflow(), "overflowed its stack"),
    // call itself
    ("stack-overflow-in-code", |unit| code(unit, &[0xe8, 0xfb, 0xff, 0xff, 0xff]), "killed by SIG"),
    ("noise", |_| noise(), "bytes to standard output"),
    ("grandchild", |_| grandchild(), "left running: "),
    ("grandchild-then-death", |_| grandchild().or_else(|| std::process::abort()), "killed by SIGABRT"),
    ("memory", |_| hoard(), "memory allocation of 10737418240 bytes failed"),
    ("panic", |_| panic!("planted"), "panicked: planted"),
];

/// What rogue servers do (tests/servers/rogue.py), and what the failure says.
const SERVERS: &[(&str, &str)] = &[
    ("segfault", "signal: 11 (SIGSEGV)"),
    ("abort", "signal: 6 (SIGABRT)"),
    ("exit-zero", "exit status: 0 before answering"),
    ("endless-loop", "no sign of life for 2 s"),
    ("stack-overflow", "before answering"),
    ("noise", "its answer is not of the protocol"),
    ("noise-without-end", "its answer is not of the protocol"),
    ("grandchild", "left running: "),
    ("grandchild-then-death", "left running: "),
    ("memory", "exit status: 1 before answering"),
    ("crashing-code", "killed by SIGSEGV"),
    ("looping-code", "no sign of life for 2 s"),
    ("overflowing-code", "killed by SIG"),
];

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("parity" | "worker") => lockstep::cli::main_with(registry),
        _ => judge(),
    }
}

/// Lockstep's backends, and a rogue of each kind around the first of them.
fn registry() -> Registry {
    let mut registry = lockstep::registry();
    let first = registry.iter().next().expect("a backend").id().to_owned();
    let inner = registry.share(&first).expect("the first").clone();
    for &(name, misbehave, _) in MISBEHAVIOURS {
        registry.register(Arc::new(Rogue { id: format!("rogue-{name}"), misbehave, inner: inner.clone() }));
    }
    registry
}

/// A backend that does its work, except at one unit.
struct Rogue {
    id: String,
    misbehave: fn(&Unit) -> Option<Artifact>,
    inner: Arc<dyn Backend>,
}

impl Backend for Rogue {
    fn id(&self) -> &str {
        &self.id
    }

    fn version(&self) -> String {
        "1".to_owned()
    }

    fn summary(&self) -> String {
        "misbehaves at one unit".to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { execution: Execution::Native, ..self.inner.capabilities() }
    }

    fn compile(&self, unit: &Unit, target: &Target, options: &Options) -> Result<Artifact, CompileError> {
        let instead = if unit.name == HERE { (self.misbehave)(unit) } else { None };
        instead.map_or_else(|| self.inner.compile(unit, target, options), Ok)
    }

    fn evaluator(&self) -> Option<&dyn Evaluator> {
        self.inner.evaluator()
    }
}

fn code(unit: &Unit, bytes: &[u8]) -> Option<Artifact> {
    Some(Artifact {
        code: Code::Native { arch: Arch::X86_64, bytes: bytes.to_vec(), align: 16 },
        functions: vec![0; unit.functions.len()],
        phases: Vec::new(),
        source_map: Vec::new(),
    })
}

fn endless() -> Option<Artifact> {
    loop {
        black_box(());
    }
}

fn overflow() -> Option<Artifact> {
    fn deeper(depth: u64) -> u64 {
        let here = black_box([depth; 64]);
        if depth == u64::MAX { 0 } else { deeper(black_box(here[7] + 1)) + here[depth as usize % 64] }
    }
    black_box(deeper(0));
    None
}

fn noise() -> Option<Artifact> {
    println!("{{\"Done\":{{\"answer\":\"case\"}}}}");
    None
}

/// Starts a process of a session of its own, whose parent is gone.
fn grandchild() -> Option<Artifact> {
    let mut shell = Command::new("sh");
    shell.args(["-c", "setsid sleep 600 &"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(shell.status().expect("a shell").success());
    None
}

fn hoard() -> Option<Artifact> {
    black_box(vec![1u8; 10 << 30]);
    None
}

fn judge() -> ExitCode {
    let mut trials = Vec::new();
    if cfg!(target_arch = "x86_64") {
        for &(name, _, says) in MISBEHAVIOURS {
            trials
                .push(Trial::test(format!("in_rust::{name}"), move || costs_one_case(&format!("rogue-{name}"), says)));
        }
        let python = Command::new("python3").arg("--version").output().is_ok_and(|done| done.status.success());
        for &(name, says) in SERVERS {
            let server = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/rogue.py");
            let backend = format!("exec:python3 {server} {name}");
            let trial = Trial::test(format!("as_a_process::{name}"), move || costs_one_case(&backend, says));
            trials.push(trial.with_ignored_flag(!python));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Exactly the case at which it misbehaves fails, with its name, the reason and the line that runs it again.
fn costs_one_case(backend: &str, says: &str) -> Result<(), Failed> {
    let program = std::env::current_exe()?;
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/isolation");
    let before = sleepers();
    let output = Command::new(&program)
        .args(["parity", "--corpus", corpus, "--timeout", "2", "--jobs", "1", "--backend", backend, "ir/three/"])
        .stdin(Stdio::null())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let check = |holds: bool, what: &str| if holds { Ok(()) } else { Err(Failed::from(format!("{what}\n{text}"))) };
    check(output.status.code() == Some(1), "the status is not 1")?;
    let last = text.trim_end().lines().last().unwrap_or_default();
    check(last.starts_with("parity: FAILED: 2 passed, 1 failed"), "not exactly one of three failed")?;
    let name = format!("ir/three/{HERE}/{backend}/none");
    check(text.contains(&format!("{name}: ")), "the failed case is not named")?;
    check(text.contains(says), &format!("the failure does not say `{says}`"))?;
    let again = text.lines().find_map(|line| line.strip_prefix("run it again: ")).unwrap_or_default();
    check(again.contains("--exact") && again.contains(&name), "the line that runs it again is not there")?;
    // Those of trials beside this one are ended within seconds; what is left running sleeps for ten minutes.
    let mut after: Vec<u32> = sleepers().into_iter().filter(|id| !before.contains(id)).collect();
    let patience = Instant::now() + Duration::from_secs(60);
    while !after.is_empty() && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(50));
        let now = sleepers();
        after.retain(|id| now.contains(id));
    }
    check(after.is_empty(), &format!("processes were left running: {after:?}"))
}

/// The processes that grandchildren would be.
fn sleepers() -> Vec<u32> {
    let ids = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id: &u32| {
        let command = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        command == b"sleep\x00600\x00"
    })
    .collect()
}
