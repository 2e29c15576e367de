//! What a backend may do to its process: crash, hang, exit, print, overflow the stack, eat memory. Each must cost exactly the case at hand.

use std::hint::black_box;
use std::time::Duration;

use lockstep_backend_api::{Arch, Artifact, Code, CompileError};
use lockstep_ir::Unit;

use super::{Fault, Layer, Plant};

const fn fault(behaviour: Behaviour, gate: &'static str, about: &'static str) -> Fault {
    Fault { id: behaviour.name(), layer: Layer::Process, about, gate, plant: Plant::Process(behaviour) }
}

/// The faults of this layer.
pub(super) const FAULTS: &[Fault] = &[
    fault(Behaviour::Abort, "isolation", "the compiler calls `abort`"),
    fault(Behaviour::Segfault, "isolation", "the code reads address 0"),
    fault(Behaviour::IllegalInstruction, "isolation", "the code is no instruction"),
    fault(Behaviour::ExitZero, "isolation", "the compiler ends the process with status 0, as if all were well"),
    fault(Behaviour::Hang, "isolation", "the compiler never answers"),
    fault(Behaviour::StackOverflow, "isolation", "the compiler recurses without end"),
    fault(Behaviour::Memory, "isolation", "the compiler allocates 10 GB"),
    fault(Behaviour::Noise, "isolation", "the compiler prints to standard output"),
    fault(Behaviour::Panic, "isolation", "the compiler panics"),
    fault(Behaviour::Unsteady, "determinism", "each compilation gives other bytes"),
    fault(Behaviour::Refuses, "kit", "an operation is refused that the backend declares to support"),
];

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

impl Behaviour {
    /// What happens instead of the `nth` compilation; none if it goes on after that.
    pub(super) fn compile(self, unit: &Unit, nth: u8) -> Option<Result<Artifact, CompileError>> {
        match self {
            Behaviour::Abort => std::process::abort(),
            // mov rax, [0]
            Behaviour::Segfault => return Some(Ok(code(unit, &[0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0]))),
            // ud2
            Behaviour::IllegalInstruction => return Some(Ok(code(unit, &[0x0f, 0x0b]))),
            Behaviour::ExitZero => std::process::exit(0),
            Behaviour::Hang => std::thread::sleep(Duration::from_secs(3600)),
            Behaviour::StackOverflow => drop(black_box(recurse(0))),
            Behaviour::Memory => drop(black_box(vec![1u8; 10 << 30])),
            Behaviour::Noise => println!("compiling {}", unit.name),
            Behaviour::Panic => panic!("planted"),
            // xor eax, eax; ret; and what no one executes
            Behaviour::Unsteady => return Some(Ok(code(unit, &[0x31, 0xc0, 0xc3, nth]))),
            Behaviour::Refuses => {
                let op = unit.functions[0].insts[0].op;
                return Some(Err(CompileError::Unsupported { op, detail: "planted".to_owned() }));
            }
        }
        None
    }
}
