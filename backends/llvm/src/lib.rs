//! The LLVM backend, through inkwell: a unit becomes an LLVM module, LLVM's passes and code generator make an object file of it
//! in memory, and the object's sections are joined into one position-independent blob.
//!
//! Nothing here optimises: every operation is lowered to what the table says it means, at all inputs, and the rest is LLVM's. What
//! LLVM may assume is limited to what the IR promises: no poison-making flags, no fast-math, no library functions.
//! `NOTES.md` says how it works, what it cannot do and what was measured.

#[cfg(all(feature = "llvm19", feature = "llvm22"))]
compile_error!("one LLVM at a time: feature `llvm19` or `llvm22`, not both");
#[cfg(not(any(feature = "llvm19", feature = "llvm22")))]
compile_error!("which LLVM? feature `llvm22`, or `llvm19`");

mod diagnostics;
mod library;
mod lines;
mod link;
mod lower;
mod machine;
mod ops;

use std::time::Instant;

use inkwell::context::Context;
use inkwell::targets::FileType;
use lockstep_backend_api::{
    Arch, Artifact, Backend, Capabilities, Code, CompileError, Execution, Level, Options, PhaseTime, Target,
};
use lockstep_ir::{Stage, Unit};

/// The LLVM backend.
#[derive(Debug, Default)]
pub struct Llvm(());

impl Llvm {
    /// The backend. LLVM is loaded and its x86 target initialised once per process, so that no compilation's time holds that. Where LLVM cannot be loaded, compiling
    /// says why.
    pub fn new() -> Self {
        let _ = machine::initialise();
        Self(())
    }
}

/// Times the phases of one compilation.
struct Clock {
    last: Instant,
    phases: Vec<PhaseTime>,
}

impl Clock {
    fn lap(&mut self, name: &'static str) {
        let now = Instant::now();
        self.phases.push(PhaseTime { name, time: now - self.last });
        self.last = now;
    }
}

impl Backend for Llvm {
    fn id(&self) -> &str {
        "llvm"
    }

    fn version(&self) -> String {
        machine::version()
    }

    fn summary(&self) -> String {
        "LLVM through inkwell; objects linked in memory".to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            targets: vec![Arch::X86_64],
            levels: Level::ALL.to_vec(),
            default_level: Level::Speed,
            unsupported: Vec::new(),
            execution: Execution::Native,
        }
    }

    fn compile(&self, unit: &Unit, target: &Target, options: &Options) -> Result<Artifact, CompileError> {
        if target.arch != Arch::X86_64 {
            return Err(CompileError::UnsupportedTarget(target.arch));
        }
        if unit.stage != Stage::Machine {
            return Err(CompileError::InvalidUnit("not in the machine stage".to_owned()));
        }
        if options.verify {
            lockstep_ir::verify::verify(unit).map_err(|e| CompileError::InvalidUnit(e.to_string()))?;
        }
        machine::with(target, options.level, |machine| {
            // A context is made for each unit: constants, types and metadata live as long as theirs, so a longer-lived one would grow
            // without bound.
            let mut clock = Clock { last: machine.asked, phases: Vec::new() };
            let errors = diagnostics::Log::default();
            let context = Context::create();
            errors.attach(&context);
            clock.lap("setup");

            let module = lower::unit(&context, machine, unit)?;
            clock.lap("build");
            let verify = |when: &str| match module.verify() {
                Err(e) if options.verify => {
                    Err(CompileError::Internal(format!("LLVM's verifier {when}: {}", e.to_string().trim_end())))
                }
                _ => Ok(()),
            };
            if options.verify {
                verify("before the passes")?;
                clock.lap("verify");
            }

            if machine.optimise(&module)? {
                clock.lap("optimise");
                if options.verify {
                    verify("after the passes")?;
                    clock.lap("verify");
                }
            }

            let object = machine.target.write_to_memory_buffer(&module, FileType::Object);
            errors.check()?;
            let object = object.map_err(|e| CompileError::Internal(format!("code generation: {}", e.to_string())))?;
            clock.lap("codegen");

            let blob = link::link(object.as_slice(), unit.functions.len())?;
            clock.lap("link");
            Ok(Artifact {
                code: Code::Native { arch: Arch::X86_64, bytes: blob.bytes, align: blob.align },
                functions: blob.functions,
                phases: clock.phases,
                source_map: blob.source_map,
            })
        })
    }
}
