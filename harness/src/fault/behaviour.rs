//! Backends that misbehave as processes: each must cost exactly the case at hand.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use lockstep_backend_api::{Arch, Artifact, Backend, Capabilities, Code, CompileError, Execution, Options, Target};
use lockstep_ir::Unit;

/// A way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Calls `abort`.
    Abort,
    /// Code that reads address 0.
    Segfault,
    /// Code that is no instruction.
    IllegalInstruction,
    /// Exits with status 0, as if all were well.
    ExitZero,
    /// Never answers.
    Hang,
    /// Recurses without end.
    StackOverflow,
    /// Allocates 10 GB.
    Memory,
    /// Prints to standard output.
    Noise,
    /// Panics.
    Panic,
    /// Gives different code each time.
    Unsteady,
    /// Refuses an operation that it declares to support.
    Refuses,
}

impl Behaviour {
    /// All of them.
    pub const ALL: [Behaviour; 11] = [
        Behaviour::Abort,
        Behaviour::Segfault,
        Behaviour::IllegalInstruction,
        Behaviour::ExitZero,
        Behaviour::Hang,
        Behaviour::StackOverflow,
        Behaviour::Memory,
        Behaviour::Noise,
        Behaviour::Panic,
        Behaviour::Unsteady,
        Behaviour::Refuses,
    ];

    /// Its name in `fault:NAME:ID`.
    pub const fn name(self) -> &'static str {
        match self {
            Behaviour::Abort => "abort",
            Behaviour::Segfault => "segfault",
            Behaviour::IllegalInstruction => "illegal-instruction",
            Behaviour::ExitZero => "exit-zero",
            Behaviour::Hang => "hang",
            Behaviour::StackOverflow => "stack-overflow",
            Behaviour::Memory => "memory",
            Behaviour::Noise => "noise",
            Behaviour::Panic => "panic",
            Behaviour::Unsteady => "unsteady",
            Behaviour::Refuses => "refuses",
        }
    }

    /// The behaviour of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|b| b.name() == name)
    }
}

/// A backend that misbehaves when it compiles, and is otherwise the one it wraps.
pub(super) struct Misbehaving {
    id: String,
    behaviour: Behaviour,
    inner: Arc<dyn Backend>,
    compiled: std::sync::atomic::AtomicU8,
}

impl Misbehaving {
    pub(super) fn new(behaviour: Behaviour, inner: Arc<dyn Backend>) -> Self {
        Self { id: super::id(behaviour.name(), inner.id()), behaviour, inner, compiled: 0.into() }
    }
}

/// An artifact all of whose functions are these bytes. They are x86-64, where they matter.
fn code(unit: &Unit, bytes: &[u8]) -> Artifact {
    let arch = Arch::host().unwrap_or(Arch::X86_64);
    Artifact {
        code: Code::Native { arch, bytes: bytes.to_vec(), align: 16 },
        functions: vec![0; unit.functions.len()],
        phases: Vec::new(),
        source_map: Vec::new(),
    }
}

fn recurse(depth: u64) -> u64 {
    let here = black_box([depth; 64]);
    if depth == u64::MAX { 0 } else { recurse(black_box(here[7] + 1)) + here[depth as usize % 64] }
}

impl Backend for Misbehaving {
    fn id(&self) -> &str {
        &self.id
    }

    fn version(&self) -> String {
        self.inner.version()
    }

    fn summary(&self) -> String {
        format!("{}, with a planted fault", self.inner.summary())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { execution: Execution::Native, ..self.inner.capabilities() }
    }

    fn compile(&self, unit: &Unit, target: &Target, options: &Options) -> Result<Artifact, CompileError> {
        match self.behaviour {
            Behaviour::Abort => std::process::abort(),
            // mov rax, [0]
            Behaviour::Segfault => return Ok(code(unit, &[0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0])),
            // ud2
            Behaviour::IllegalInstruction => return Ok(code(unit, &[0x0f, 0x0b])),
            Behaviour::ExitZero => std::process::exit(0),
            Behaviour::Hang => std::thread::sleep(Duration::from_secs(3600)),
            Behaviour::StackOverflow => drop(black_box(recurse(0))),
            Behaviour::Memory => drop(black_box(vec![1u8; 10 << 30])),
            Behaviour::Noise => println!("compiling {}", unit.name),
            Behaviour::Panic => panic!("planted"),
            Behaviour::Unsteady => {
                let count = self.compiled.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                // xor eax, eax; ret; and what no one executes
                return Ok(code(unit, &[0x31, 0xc0, 0xc3, count]));
            }
            Behaviour::Refuses => {
                let op = unit.functions[0].insts[0].op;
                return Err(CompileError::Unsupported { op, detail: "planted".to_owned() });
            }
        }
        self.inner.compile(unit, target, options)
    }

    fn evaluator(&self) -> Option<&dyn lockstep_backend_api::Evaluator> {
        self.inner.evaluator()
    }
}
