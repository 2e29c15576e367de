//! The Cranelift backend: machine-stage units through `cranelift-codegen`, one function at a time.
//!
//! The way of a unit, see [`Cranelift::compile`]: each function is [translated](translate) to CLIF, compiled with a
//! [`Context`], and appended to one blob, in which [`link`] resolves the calls between the unit's own functions. There is no
//! module, no symbol table and no memory mapping here: loading is the engine's business. Times come from Cranelift's
//! own profiling hooks, see [`clock`]. NOTES.md beside this crate says what was measured and what it cannot do.
#![forbid(unsafe_code)]

mod clock;
mod link;
mod translate;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::isa::{self, OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{CodegenError, Context};
use cranelift_frontend::FunctionBuilderContext;
use lockstep_backend_api::{
    Arch, Artifact, Backend, Capabilities, Code, CompileError, Execution, Feature, Features, Level, Options, Target,
};
use lockstep_ir::{FuncRef, Stage, Unit};

use crate::clock::{Clock, Phase};

/// The backend. It caches one code generator per set of features and options, and the buffers of finished compilations.
#[derive(Default)]
pub struct Cranelift {
    generators: Mutex<HashMap<(Features, Options), OwnedTargetIsa>>,
    spare: Mutex<Vec<Scratch>>,
}

/// Buffers that one compilation after the other may use.
struct Scratch {
    context: Context,
    builder: FunctionBuilderContext,
}

impl Cranelift {
    /// The backend.
    pub fn new() -> Self {
        Self::default()
    }

    fn generator(&self, target: &Target, options: &Options, clock: &Clock) -> Result<OwnedTargetIsa, CompileError> {
        let mut cache = lock(&self.generators);
        if let Some(found) = cache.get(&(target.features, *options)) {
            return Ok(found.clone());
        }
        let made = clock.during(Phase::Setup, || make_generator(target, options))?;
        cache.insert((target.features, *options), made.clone());
        Ok(made)
    }
}

/// Nothing done under these locks can leave their contents half changed, so a panic elsewhere does not matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn make_generator(target: &Target, options: &Options) -> Result<OwnedTargetIsa, CompileError> {
    let opt_level = match options.level {
        Level::None => "none",
        Level::Speed => "speed",
        Level::Best => return Err(CompileError::UnsupportedLevel(options.level)),
    };
    if target.arch != Arch::X86_64 {
        return Err(CompileError::UnsupportedTarget(target.arch));
    }
    let internal = |e: &dyn std::fmt::Display| CompileError::Internal(e.to_string());
    let check = if options.verify { "true" } else { "false" };
    let mut shared = settings::builder();
    for (name, value) in [
        ("opt_level", opt_level),
        ("is_pic", "true"),
        ("enable_verifier", check),
        ("regalloc_checker", check),
        // Unwind tables would be metadata that artifacts have no place for: nothing unwinds through generated code.
        ("unwind_info", "false"),
        // A frame larger than the guard below the stack touches each page on its way down, without calling anyone.
        ("enable_probestack", "true"),
        ("probestack_strategy", "inline"),
    ] {
        shared.set(name, value).map_err(|e| internal(&e))?;
    }
    let mut builder = isa::lookup_by_name("x86_64-unknown-linux-gnu").map_err(|e| internal(&e))?;
    // Level v2 is promised by the architecture. Without SSE4.1 rounding would be calls into a library.
    const BASE: [&str; 5] = ["has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt"];
    let extra = target.features.iter().map(|feature| match feature {
        Feature::Lzcnt => "has_lzcnt",
        Feature::Bmi1 => "has_bmi1",
        Feature::Bmi2 => "has_bmi2",
        Feature::Avx => "has_avx",
    });
    for name in BASE.into_iter().chain(extra) {
        builder.enable(name).map_err(|e| internal(&e))?;
    }
    builder.finish(settings::Flags::new(shared)).map_err(|e| internal(&e))
}

impl Backend for Cranelift {
    fn id(&self) -> &str {
        "cranelift"
    }

    fn version(&self) -> String {
        format!("cranelift {}", cranelift_frontend::VERSION)
    }

    fn summary(&self) -> String {
        "cranelift-codegen, one function at a time: e-graph optimiser, ISLE instruction selection, regalloc2".to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            targets: vec![Arch::X86_64],
            levels: vec![Level::None, Level::Speed],
            default_level: Level::Speed,
            unsupported: Vec::new(),
            execution: Execution::Native,
        }
    }

    fn compile(&self, unit: &Unit, target: &Target, options: &Options) -> Result<Artifact, CompileError> {
        let clock = Clock::start();
        if options.verify {
            let checked = clock.during(Phase::Verify, || lockstep_ir::verify::verify(unit));
            checked.map_err(|e| CompileError::InvalidUnit(e.to_string()))?;
        }
        if unit.stage != Stage::Machine {
            return Err(CompileError::InvalidUnit("it is not in the machine stage".to_owned()));
        }
        let generator = self.generator(target, options, &clock)?;
        let spare = lock(&self.spare).pop();
        let mut scratch =
            spare.unwrap_or_else(|| Scratch { context: Context::new(), builder: FunctionBuilderContext::new() });
        // Cranelift panics on some of what it cannot do; the contract asks for a value. Buffers that saw a panic are dropped.
        let done = catch_unwind(AssertUnwindSafe(|| compile_functions(unit, &*generator, &mut scratch, &clock)));
        let mut linker =
            done.map_err(|payload| CompileError::Internal(format!("panic: {}", panic_message(&*payload))))??;
        lock(&self.spare).push(scratch);
        clock.during(Phase::Link, || linker.resolve())?;
        let (bytes, align, functions, source_map) = linker.finish();
        Ok(Artifact {
            code: Code::Native { arch: Arch::X86_64, bytes, align },
            functions,
            phases: clock.finish(),
            source_map,
        })
    }
}

/// The pipeline: each function in turn is translated, compiled and appended.
fn compile_functions(
    unit: &Unit,
    generator: &dyn TargetIsa,
    scratch: &mut Scratch,
    clock: &Clock,
) -> Result<link::Linker, CompileError> {
    let mut linker = link::Linker::default();
    let mut control = ControlPlane::default();
    for index in 0..unit.functions.len() as u32 {
        let context = &mut scratch.context;
        context.clear();
        clock.during(Phase::Build, || {
            translate::translate(unit, FuncRef(index), generator, &mut context.func, &mut scratch.builder)
        })?;
        context.compile(generator, &mut control).map_err(|e| refusal(&e.inner))?;
        let code = context.compiled_code().expect("compiled just now");
        clock.during(Phase::Link, || linker.append(&context.func, &code.buffer))?;
    }
    Ok(linker)
}

fn refusal(error: &CodegenError) -> CompileError {
    match error {
        CodegenError::ImplLimitExceeded | CodegenError::CodeTooLarge => CompileError::TooLarge(error.to_string()),
        CodegenError::Verifier(errors) => CompileError::Internal(format!("Cranelift's verifier: {errors}")),
        _ => CompileError::Internal(error.to_string()),
    }
}

fn panic_message(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
