//! The DynASM backend: instruction selection of its own, registers by regalloc2, bytes by dynasm-rs.
//!
//! A function goes through four steps, each a module: [`plan`] (order, edges, uses), [`isel`] (machine instructions over virtual registers, [`mach`]),
//! [`regs`] (the allocator's view, and its run), [`emit`] (bytes). NOTES.md tells how, and what was measured.
#![forbid(unsafe_code)]

mod abi;
mod constants;
mod emit;
mod isel;
mod mach;
mod plan;
mod regs;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use dynasmrt::VecAssembler;
use dynasmrt::x64::X64Relocation;
use lockstep_backend_api::{
    Arch, Artifact, Backend, Capabilities, Code, CompileError, Execution, Level, Options, PhaseTime, Target,
};
use lockstep_ir::{Stage, Unit};
use regalloc2::MachineEnv;

/// The backend.
pub struct DynAsm {
    env: MachineEnv,
    /// Memory of finished compilations, for the next ones.
    pool: Mutex<Vec<Scratch>>,
}

/// What a compilation works on. All of it keeps its memory from one to the next.
struct Scratch {
    code: mach::Code,
    plan: plan::Plan,
    consts: constants::Constants,
    regalloc: regalloc2::Ctx,
    asm: VecAssembler<X64Relocation>,
}

impl DynAsm {
    /// The backend; nothing is kept between compilations but memory.
    pub fn new() -> Self {
        Self { env: abi::machine_env(), pool: Mutex::new(Vec::new()) }
    }

    fn compile_unit(
        &self,
        scratch: &mut Scratch,
        unit: &Unit,
        target: &Target,
        options: &Options,
    ) -> Result<Artifact, CompileError> {
        let fast = options.level == Level::None;
        let Scratch { code, plan, consts, regalloc, asm } = scratch;
        consts.clear();
        let (mut isel, mut allocation, mut emission) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        let mut clock = Instant::now();
        let mut lap = |total: &mut Duration| {
            let now = Instant::now();
            *total += now - clock;
            clock = now;
        };
        let mut emitter = emit::Emitter::new(asm, unit.functions.len(), !unit.sources.is_empty());
        for func in &unit.functions {
            code.clear();
            plan.make(func, code);
            isel::select(unit, func, plan, code, consts, target.features, fast)?;
            lap(&mut isel);
            regs::allocate(code, &self.env, fast, options.verify, regalloc)?;
            lap(&mut allocation);
            emitter.function(code, &regalloc.output)?;
            lap(&mut emission);
        }
        let emitted = emitter.finish(consts)?;
        lap(&mut emission);
        let phases = [("isel", isel), ("regalloc", allocation), ("emit", emission)];
        Ok(Artifact {
            code: Code::Native { arch: Arch::X86_64, bytes: emitted.bytes, align: 16 },
            functions: emitted.functions,
            phases: phases.map(|(name, time)| PhaseTime { name, time }).to_vec(),
            source_map: emitted.source_map,
        })
    }
}

impl Default for DynAsm {
    fn default() -> Self {
        Self::new()
    }
}

impl Backend for DynAsm {
    fn id(&self) -> &str {
        "dynasm"
    }

    fn version(&self) -> String {
        concat!(env!("CARGO_PKG_VERSION"), " (dynasm-rs 5.1, regalloc2 0.15)").to_owned()
    }

    fn summary(&self) -> String {
        "own instruction selection, registers by regalloc2, bytes by dynasm-rs".to_owned()
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
        if target.arch != Arch::X86_64 {
            return Err(CompileError::UnsupportedTarget(target.arch));
        }
        if !matches!(options.level, Level::None | Level::Speed) {
            return Err(CompileError::UnsupportedLevel(options.level));
        }
        if options.verify {
            lockstep_ir::verify::verify(unit).map_err(|e| CompileError::InvalidUnit(e.to_string()))?;
        }
        if unit.stage != Stage::Machine {
            return Err(CompileError::InvalidUnit("not in the machine stage".to_owned()));
        }
        let mut pool = self.pool.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let scratch = pool.pop();
        drop(pool);
        let mut scratch = scratch.unwrap_or_default();
        // What a failed compilation leaves behind is not used again.
        let artifact = self.compile_unit(&mut scratch, unit, target, options)?;
        self.pool.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(scratch);
        Ok(artifact)
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            code: mach::Code::default(),
            plan: plan::Plan::default(),
            consts: constants::Constants::default(),
            regalloc: regalloc2::Ctx::default(),
            asm: VecAssembler::new(0),
        }
    }
}
