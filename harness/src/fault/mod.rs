//! Planted faults: ONE registry of mistakes, each injected at the layer where it would arise, each with the gate that is meant to catch it.
//!
//! A fault is planted by running on the backend `fault:NAME:ID` instead of on `ID`, wherever a backend's id is taken; or, so that whoever judges sees
//! the backend's own id, by the environment variable [`PLANT`]. What a fault does passes through the seams that a [`Plant`] names, and
//! through no other: the product holds no code of any fault. Nothing that judges reads this registry (`tests/architecture` sees to it), and
//! [`seal`] gives a fault a name that tells nothing.
//!
//! - [`codegen`], [`machine_code`], [`loader`]: the backend's work; [`optimiser`]: passes; [`exits`]: exits, entries, what the compiler answers;
//! - [`machine`]: the collector, the interpreter, the bytecode optimiser; [`lua`]: what Lua means;
//! - [`counting`]: coverage and proof of native execution; [`speed`]: time; [`process`]: what a backend does to its process;
//! - [`mod@blind`]: written without sight of the gates, scored apart;
//! - [`gates`] and [`matrix`]: what is meant to catch them, and the run that shows it; [`results`]: its file; [`rates`]: how rare they are.
//!
//! docs/faults.md lists them and says how to plant another.

mod blind;
pub mod codegen;
mod counting;
pub mod docs;
mod edit;
mod exits;
pub mod gates;
mod loader;
mod lua;
mod machine;
mod machine_code;
pub mod matrix;
mod optimiser;
mod planted;
mod process;
pub mod rates;
pub mod results;
mod speed;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use lockstep_backend_api::{Artifact, Backend, Capabilities};
use lockstep_bytecode::Module;
use lockstep_compiler::{Compiled, Fuel, PassId};
use lockstep_ir::{Function, Unit};

pub use planted::{PLANT, Seams, ambient, environment, into_registry, seams};
pub use process::Behaviour;

use crate::program::Observation;

/// A mistake that can be planted.
#[derive(Debug)]
pub struct Fault {
    /// Its name in `fault:NAME:ID`: lower case, words joined by hyphens.
    pub id: &'static str,
    /// Where it would arise.
    pub layer: Layer,
    /// The mistake, as its author would put it in a bug report.
    pub about: &'static str,
    /// The gate that is meant to catch it: an id of [`gates::GATES`].
    pub gate: &'static str,
    /// How it is planted. Nobody but the seams looks.
    plant: Plant,
}

/// The layers at which faults arise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// A backend: selection, register allocation, encoding.
    CodeGeneration,
    /// A pass of the optimiser.
    Optimiser,
    /// Building and lowering: guards, exits, calls, what a frame holds.
    Exits,
    /// Entries at loop headers.
    Osr,
    /// Putting code into memory.
    Loader,
    /// What a run reports of errors.
    Errors,
    /// Counting executed instructions; showing that code ran natively.
    Coverage,
    /// The harness: trials that did not take place.
    Harness,
    /// Time.
    Speed,
    /// What a backend does to its process.
    Process,
    /// What is live, and what is freed.
    Collector,
    /// The interpreter and the runtime's objects.
    Interpreter,
    /// What Lua means: its parser, its code generator, its library, its arithmetic.
    Lua,
}

impl Layer {
    /// All layers.
    pub const ALL: [Layer; 13] = [
        Layer::CodeGeneration,
        Layer::Optimiser,
        Layer::Exits,
        Layer::Osr,
        Layer::Loader,
        Layer::Errors,
        Layer::Coverage,
        Layer::Harness,
        Layer::Speed,
        Layer::Process,
        Layer::Collector,
        Layer::Interpreter,
        Layer::Lua,
    ];

    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Layer::CodeGeneration => "code generation",
            Layer::Optimiser => "optimiser",
            Layer::Exits => "exits",
            Layer::Osr => "OSR",
            Layer::Loader => "loader",
            Layer::Errors => "errors",
            Layer::Coverage => "coverage",
            Layer::Harness => "harness",
            Layer::Speed => "speed",
            Layer::Process => "process",
            Layer::Collector => "collector",
            Layer::Interpreter => "interpreter",
            Layer::Lua => "Lua",
        }
    }
}

/// The seams, one per place where the harness can reach between two layers. A change must leave IR that the verifier accepts.
#[derive(Clone, Copy, Debug)]
enum Plant {
    /// Each function that a backend is given, machine stage: its code is then that of a backend with the mistake.
    Function(fn(&mut Function)),
    /// The same for a whole unit.
    Unit(fn(&mut Unit)),
    /// What a backend has answered: bytes, entries. The unit is the one that was compiled.
    Artifact(fn(&Unit, &mut Artifact)),
    /// What a backend says of itself, and then refuses.
    Capabilities(fn(&mut Capabilities)),
    /// Instead of, or before, each compilation by the backend.
    Process(Behaviour),
    /// After each compilation by the backend: so many more of the same.
    Recompile(u32),
    /// A pass of the compiler goes wrong: after it has done its work, this is done as well, on the pass's own fuel.
    Pass(PassId, fn(&mut Unit, &mut Fuel)),
    /// What the compiler answers, before any backend sees it.
    Compiled(fn(&mut Compiled)),
    /// What a run with native code reports.
    Run(fn(&mut Observation)),
    /// The runtime and the interpreter of the runs that are compared, in builds with the feature `plant`.
    Machine(&'static str),
    /// A Lua source, as Lockstep reads it.
    Source(fn(&str) -> String),
    /// A module that the bytecode optimiser has worked on.
    Bytecode(fn(&mut Module)),
    /// The engine runs no native code although it was told to.
    Interpret,
    /// The worker answers that a trial passed, and has not made it.
    Skip,
}

impl Fault {
    /// Whether this build can hold it and has a gate for it: mistakes of the VM take the feature `plant`, those of Lua the judge, feature `oracle`.
    pub fn is_possible(&self) -> bool {
        let is_judged = gates::find(self.gate).is_some_and(gates::Gate::is_possible);
        is_judged && (lockstep_runtime::plant::POSSIBLE || !matches!(self.plant, Plant::Machine(_)))
    }

    /// The pass that it is a mistake of.
    pub fn pass(&self) -> Option<PassId> {
        match self.plant {
            Plant::Pass(pass, _) => Some(pass),
            _ => None,
        }
    }
}

/// Every fault, in order of the layers; the blind ones last. The order is stable: new ones come at the end of their file.
pub fn all() -> impl Iterator<Item = &'static Fault> {
    known().chain(blind::FAULTS)
}

/// The faults whose gates were written with them in view.
pub fn known() -> impl Iterator<Item = &'static Fault> {
    [
        codegen::FAULTS,
        machine_code::FAULTS,
        optimiser::FAULTS,
        exits::FAULTS,
        loader::FAULTS,
        counting::FAULTS,
        speed::FAULTS,
        process::FAULTS,
        machine::FAULTS,
        lua::FAULTS,
    ]
    .into_iter()
    .flatten()
}

/// The faults that were written without sight of the gates.
pub fn blind() -> impl Iterator<Item = &'static Fault> {
    blind::FAULTS.iter()
}

/// No fault has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no fault `{name}`; there are {known}")]
pub struct UnknownFault {
    /// The name asked for.
    pub name: String,
    /// The names there are.
    pub known: String,
}

/// The fault of that name, or with that seal.
///
/// # Errors
/// There is none; the error names those there are.
pub fn find(name: &str) -> Result<&'static Fault, UnknownFault> {
    all().find(|f| f.id == name || seal(f.id) == name).ok_or_else(|| UnknownFault {
        name: name.to_owned(),
        known: all().map(|f| f.id).collect::<Vec<_>>().join(", "),
    })
}

/// A name for a fault that says nothing of it: gates are given this one. FNV-1a, 64 bits, of its id.
pub fn seal(id: &str) -> String {
    let hash = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// Splits `fault:NAME:ID`.
pub fn parse_id(id: &str) -> Option<(&str, &str)> {
    id.strip_prefix("fault:")?.split_once(':')
}

/// The id of a backend with a planted fault.
pub fn id(name: &str, inner: &str) -> String {
    format!("fault:{name}:{inner}")
}

/// A backend with a planted fault around another.
///
/// # Errors
/// There is no fault of that name.
pub fn plant(name: &str, inner: Arc<dyn Backend>) -> Result<Arc<dyn Backend>, UnknownFault> {
    let fault = find(name)?;
    Ok(planted::backend(id(name, inner.id()), fault, inner))
}
