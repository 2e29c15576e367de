//! Target machines and pipelines: what does not depend on a unit, made once per thread, set of features and level.

use std::cell::RefCell;
use std::sync::Once;
use std::time::Instant;

use inkwell::OptimizationLevel;
use inkwell::module::Module;
use inkwell::passes::PassBuilderOptions;
use inkwell::targets::{
    CodeModel, InitializationConfig, RelocMode, Target as LlvmTarget, TargetMachine, TargetMachineOptions, TargetTriple,
};
use lockstep_backend_api::{CompileError, Feature, Features, Level, Target};

/// The triple all code is made for.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// The least processor the targets of this project may be: SSE4.2 and POPCNT.
const CPU: &str = "x86-64-v2";

/// The passes of level `speed`: what pays for itself on code whose maker has already numbered values and moved invariants. LLVM's own
/// `default<O2>` takes five times as long and made none of the kernels faster (NOTES.md).
const SPEED_PASSES: &str = "cgscc(inline,function(early-cse<memssa>,simplifycfg,instcombine<no-verify-fixpoint>)),\
    function(loop-mssa(loop-rotate,licm),gvn,instcombine<no-verify-fixpoint>,simplifycfg)";

/// The passes of level `best`: all LLVM has, vectorisation included.
const BEST_PASSES: &str = "default<O3>";

/// A target machine at a level.
pub struct Machine {
    /// LLVM's.
    pub target: TargetMachine,
    /// When the compilation that is under way asked for it: setting up counts, the first time too.
    pub asked: Instant,
    key: (Features, Level),
    /// The data layout as modules state it.
    pub layout: inkwell::targets::TargetData,
    /// The triple as modules state it.
    pub triple: TargetTriple,
}

thread_local! {
    // LLVM's target machines are not shared between threads; they cost about a tenth of a millisecond and live as long as the thread.
    static MACHINES: RefCell<Vec<Machine>> = const { RefCell::new(Vec::new()) };
}

/// Loads LLVM and initialises its x86 target and its handler of fatal errors, once.
///
/// # Errors
/// LLVM cannot be loaded.
pub fn initialise() -> Result<(), String> {
    static ONCE: Once = Once::new();
    crate::library::load()?;
    ONCE.call_once(|| {
        LlvmTarget::initialize_x86(&InitializationConfig {
            asm_parser: false,
            disassembler: false,
            ..InitializationConfig::default()
        });
        // SAFETY: the handler only prints, and is installed once, before any use of LLVM by this crate.
        unsafe { inkwell::support::error_handling::install_fatal_error_handler(crate::diagnostics::fatal) };
    });
    Ok(())
}

/// LLVM's version, or why there is none.
pub fn version() -> String {
    if let Err(why) = initialise() {
        return why;
    }
    let (major, minor, patch) = inkwell::support::get_llvm_version();
    format!("{major}.{minor}.{patch}")
}

/// Runs `f` with this thread's machine for the target and level.
pub fn with<T>(
    target: &Target,
    level: Level,
    f: impl FnOnce(&Machine) -> Result<T, CompileError>,
) -> Result<T, CompileError> {
    let asked = Instant::now();
    MACHINES.with_borrow_mut(|machines| {
        let key = (target.features, level);
        let index = match machines.iter().position(|m| m.key == key) {
            Some(index) => index,
            None => {
                machines.push(Machine::new(key, asked)?);
                machines.len() - 1
            }
        };
        machines[index].asked = asked;
        f(&machines[index])
    })
}

/// LLVM's name of a feature.
const fn feature_name(feature: Feature) -> &'static str {
    match feature {
        Feature::Lzcnt => "+lzcnt",
        Feature::Bmi1 => "+bmi",
        Feature::Bmi2 => "+bmi2",
        Feature::Avx => "+avx",
    }
}

impl Machine {
    fn new(key: (Features, Level), asked: Instant) -> Result<Self, CompileError> {
        initialise().map_err(CompileError::Internal)?;
        let failed = |what: &str| CompileError::Internal(format!("LLVM has no {what}"));
        let triple = TargetTriple::create(TRIPLE);
        let target = LlvmTarget::from_triple(&triple).map_err(|e| CompileError::Internal(e.to_string()))?;
        let features: Vec<&str> = key.0.iter().map(feature_name).collect();
        let options = TargetMachineOptions::new()
            .set_cpu(CPU)
            .set_features(&features.join(","))
            .set_level(match key.1 {
                Level::None => OptimizationLevel::None,
                Level::Speed => OptimizationLevel::Default,
                Level::Best => OptimizationLevel::Aggressive,
            })
            .set_reloc_mode(RelocMode::PIC)
            .set_code_model(CodeModel::Small);
        let target =
            target.create_target_machine_from_options(&triple, options).ok_or_else(|| failed("target machine"))?;
        let layout = target.get_target_data();
        Ok(Self { target, asked, key, layout, triple })
    }

    /// The level.
    pub const fn level(&self) -> Level {
        self.key.1
    }

    /// Runs the level's passes; false if it has none.
    pub fn optimise(&self, module: &Module<'_>) -> Result<bool, CompileError> {
        let options = PassBuilderOptions::create();
        let passes = match self.level() {
            Level::None => return Ok(false),
            Level::Speed => SPEED_PASSES,
            Level::Best => {
                options.set_loop_vectorization(true);
                options.set_loop_slp_vectorization(true);
                options.set_loop_interleaving(true);
                options.set_loop_unrolling(true);
                BEST_PASSES
            }
        };
        module
            .run_passes(passes, &self.target, options)
            .map_err(|e| CompileError::Internal(format!("passes: {}", e.to_string())))?;
        Ok(true)
    }
}
