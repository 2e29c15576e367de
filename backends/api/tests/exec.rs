//! Whatever a backend process does, it costs one request, and the error says what happened.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use lockstep_backend_api::exec::{ExecBackend, running};
use lockstep_backend_api::{Arch, Artifact, Backend, Code, CompileError, Level, Options, Target};
use lockstep_ir::{Builder, Function, Signature, Stage, Type, Unit};

const TIMEOUT: Duration = Duration::from_millis(1500);

fn start(behaviour: &str) -> Result<ExecBackend, CompileError> {
    ExecBackend::start_with(&format!("sh tests/misbehave.sh {behaviour}"), TIMEOUT)
}

fn unit(name: &str) -> Unit {
    let mut unit = Unit::new(name, Stage::Machine);
    let mut func = Function::new("entry", Signature::entry());
    let mut b = Builder::new(&mut func);
    let zero = b.iconst(Type::I32, 0);
    b.ret(&[zero]);
    unit.add(func);
    unit
}

fn compile(backend: &ExecBackend) -> Result<Artifact, CompileError> {
    backend.compile(&unit("test"), &Target::baseline(Arch::X86_64), &Options::at(Level::None))
}

/// The error of a process that describes itself and is then asked to compile.
fn error_of(behaviour: &str) -> CompileError {
    let started = Instant::now();
    let backend = start(behaviour).unwrap_or_else(|e| panic!("{behaviour}: {e}"));
    let error = compile(&backend).expect_err(behaviour);
    assert!(started.elapsed() < Duration::from_secs(20), "{behaviour} took {:?}", started.elapsed());
    error
}

#[test]
fn one_that_behaves() {
    let backend = start("behaves").expect("it describes itself");
    assert_eq!((backend.version().as_str(), backend.capabilities().levels), ("1", vec![Level::None]));
    assert_eq!(backend.id(), "exec:sh tests/misbehave.sh behaves");
    for _ in 0..2 {
        let artifact = compile(&backend).expect("an artifact");
        assert_eq!(artifact.code, Code::Native { arch: Arch::X86_64, bytes: vec![0x31, 0xc0, 0xc3], align: 16 });
        let total: Duration = artifact.phases.iter().map(|p| p.time).sum();
        assert_eq!(total, Duration::from_millis(750));
    }
    let other = backend.compile(&unit("test"), &Target::baseline(Arch::X86_64), &Options::at(Level::Best));
    assert_eq!(other.expect_err("no such level"), CompileError::UnsupportedLevel(Level::Best));
}

#[test]
fn one_that_cannot_be_used() {
    for (command, part) in [
        ("", "names no command"),
        ("no-such-program-anywhere", "cannot start `no-such-program-anywhere`"),
        ("sh tests/misbehave.sh dies-at-once", "it ended with exit status: 3"),
        ("sh tests/misbehave.sh other-version", "it speaks version 2"),
        ("sh tests/misbehave.sh no-levels", "its default level, `none`, is not among its levels"),
        ("sh tests/misbehave.sh lacks-nonsense", "`poll` unsupported, which is no operation of the machine stage"),
        ("echo hello", "not of the protocol"),
        ("true", "before answering"),
    ] {
        let error = ExecBackend::start_with(command, TIMEOUT).err().unwrap_or_else(|| panic!("`{command}` started"));
        assert!(error.to_string().contains(part) && error.name() == "backend_process", "`{command}`: {error}");
    }
}

#[test]
fn misbehaviour_is_told() {
    for (behaviour, part) in [
        ("dies", "it ended with exit status: 7"),
        ("is-killed", "signal: 9"),
        ("noise", "not of the protocol"),
        ("noise-first", "not of the protocol"),
        ("version-changes", "it speaks version 9"),
        ("other-id", "its answer has id 99, not the request's, 2"),
        ("no-id", "its answer has no id, not the request's, 2"),
        ("refuses-nothing", "does not say which"),
        ("odd-kind", "of no known kind, `mood`"),
        ("no-hex", "not hexadecimal"),
        ("outside", "function offset 3 lies outside the 3 bytes"),
        ("too-few", "0 function offsets for 1 functions"),
        ("odd-alignment", "alignment 24"),
        ("neither", "either an artifact or an error"),
        ("refuses-nonsense", "`frobnicate`, which is no operation"),
        ("closes", "closed its output"),
        ("hangs", "no answer within 1.5 s"),
    ] {
        let error = error_of(behaviour);
        assert!(error.to_string().contains(part) && error.name() == "backend_process", "{behaviour}: {error}");
    }
    assert_eq!(error_of("refuses").to_string(), "operation `fmin` is not supported: not today");
    assert_eq!(error_of("complains"), CompileError::Internal("a defect".into()));
    assert_eq!(error_of("too-large"), CompileError::TooLarge("1 function".into()));
}

#[test]
fn what_is_printed_too_much_is_no_answer_to_the_next_request() {
    let backend = start("noise-after").expect("it describes itself");
    // Whenever the second line arrives, the next request finds it, and says why it fails.
    let mut noise = (0..50).filter_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        compile(&backend).err()
    });
    assert!(noise.any(|e| e.to_string().contains("nobody had asked for")));
}

#[test]
fn running_servers_are_known() {
    let backend = start("behaves").expect("it describes itself");
    let alive = |ids: &[u32]| ids.iter().filter(|id| std::path::Path::new(&format!("/proc/{id}")).exists()).count();
    let before = running();
    assert!(alive(&before) >= 1, "{before:?}");
    drop(backend);
    // Tests run side by side: others' servers may come and go, this one's id is gone for good.
    assert!(before.iter().any(|id| !running().contains(id)));
}

#[test]
fn one_that_does_not_even_read_is_given_up() {
    let backend = start("deaf").expect("it describes itself");
    // More than a pipe holds.
    let unit = unit(&"long ".repeat(100_000));
    let error = backend.compile(&unit, &Target::baseline(Arch::X86_64), &Options::at(Level::None));
    assert!(error.expect_err("no answer").to_string().contains("no answer within 1.5 s"));
}

#[test]
fn the_next_request_starts_it_anew() {
    let backend = start("dies-once").expect("it describes itself");
    assert_eq!(compile(&backend).expect_err("it dies").name(), "backend_process");
    assert!(compile(&backend).is_ok());
}
