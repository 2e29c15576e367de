//! The seams themselves: a backend with a fault in it, and what a session with such a backend is given besides.

use std::sync::{Arc, LazyLock};

use lockstep_backend_api::{
    Artifact, Backend, Capabilities, CompileError, Evaluator, Execution, Machine, Options, Registry, Target,
};
use lockstep_bytecode::Verified;
use lockstep_compiler::{ExtraPass, PassId};
use lockstep_engine::Tamper;
use lockstep_ir::eval::Results;
use lockstep_ir::{FuncRef, Unit};

use super::{Fault, Plant};
use crate::program::Observation;

/// What a session on a backend must take from its id: nothing, unless a fault is planted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seams(Option<&'static Fault>);

/// The environment variable that plants a fault without a change of names: with `fault:NAME:ID`, or the fault's seal for its name, the backend
/// `ID` has the fault for this process and its workers.
pub const PLANT: &str = "LOCKSTEP_PLANT";

/// What [`PLANT`] says: the fault, and the backend it is planted in.
///
/// # Errors
/// What it says means nothing.
pub fn environment() -> Result<Option<(&'static Fault, &'static str)>, String> {
    static SAID: LazyLock<Option<String>> = LazyLock::new(|| std::env::var(PLANT).ok());
    let Some(said) = SAID.as_deref() else { return Ok(None) };
    let (name, inner) = super::parse_id(said).ok_or_else(|| format!("{PLANT}: `{said}` is not `fault:NAME:ID`"))?;
    let fault = super::find(name).map_err(|e| format!("{PLANT}: {e}"))?;
    if !fault.is_possible() {
        return Err(format!(
            "{PLANT}: this build cannot hold it: faults of the VM take `--features plant`, those of Lua also `oracle`"
        ));
    }
    Ok(Some((fault, inner)))
}

fn from_environment(backend: &str) -> Option<&'static Fault> {
    environment().ok().flatten().filter(|(_, inner)| *inner == backend).map(|(fault, _)| fault)
}

/// The registry with the fault that [`PLANT`] names, if it names one, in its backend.
pub fn into_registry(registry: Registry) -> Registry {
    let mut with = Registry::new();
    for id in registry.iter().map(|b| b.id().to_owned()) {
        let sound = registry.share(&id).expect("it is in the list").clone();
        with.register(match from_environment(&id) {
            Some(fault) => backend(id, fault, sound),
            None => sound,
        });
    }
    with
}

/// The seams of a backend by its id.
pub fn seams(backend: &str) -> Seams {
    let named = super::parse_id(backend).and_then(|(name, _)| super::find(name).ok());
    Seams(named.or_else(|| from_environment(backend)))
}

/// The seams of what runs without a backend: the fault that [`PLANT`] names, whichever backend it is planted in.
pub fn ambient() -> Seams {
    Seams(environment().ok().flatten().map(|(fault, _)| fault))
}

impl Seams {
    fn plant(self) -> Option<Plant> {
        self.0.map(|fault| fault.plant)
    }

    /// A change of what the compiler answers.
    pub fn tamper(self) -> Option<Tamper> {
        match self.plant()? {
            Plant::Compiled(change) => Some(Arc::new(change)),
            _ => None,
        }
    }

    /// A pass more.
    pub fn extra_pass(self) -> Option<ExtraPass> {
        let (within, change): (PassId, _) = match self.plant()? {
            Plant::Pass(within, change) => (within, change),
            _ => return None,
        };
        Some(ExtraPass { within, run: Arc::new(change) })
    }

    /// Whether the session falls back to the interpreter without a word.
    pub fn interprets(self) -> bool {
        matches!(self.plant(), Some(Plant::Interpret))
    }

    /// Whether trials are answered without being made.
    pub fn skips(self) -> bool {
        matches!(self.plant(), Some(Plant::Skip))
    }

    /// Runs something with the fault in the runtime and the interpreter, if it is one of theirs.
    ///
    /// # Panics
    /// The fault is one that this build cannot hold.
    pub fn within<R>(self, run: impl FnOnce() -> R) -> R {
        let Some(Plant::Machine(name)) = self.plant() else { return run() };
        /// Takes the fault out again, however the run ends.
        struct Planted(&'static str);
        impl Drop for Planted {
            fn drop(&mut self) {
                switch(self.0);
            }
        }
        let _planted = Planted(switch(name));
        run()
    }

    /// A Lua source as Lockstep reads it.
    pub fn source(self, source: &str) -> String {
        match self.plant() {
            Some(Plant::Source(change)) => change(source),
            _ => source.to_owned(),
        }
    }

    /// Changes what the bytecode optimiser has made.
    pub fn optimised(self, module: Verified) -> Verified {
        let Some(Plant::Bytecode(change)) = self.plant() else { return module };
        let mut module = module.into_inner();
        change(&mut module);
        Verified::new(module).expect("a change leaves a valid module")
    }

    /// Changes what a run reports.
    pub fn seen(self, observation: &mut Observation) {
        if let Some(Plant::Run(change)) = self.plant() {
            change(observation);
        }
    }
}

#[cfg(feature = "plant")]
fn switch(name: &'static str) -> &'static str {
    lockstep_runtime::plant::set(name)
}

#[cfg(not(feature = "plant"))]
fn switch(_: &'static str) -> &'static str {
    panic!("this build holds no faults of the VM; build it with `--features plant`")
}

/// A backend with a fault. Faults of other layers leave it as it is, but for its id.
pub(super) fn backend(id: String, fault: &'static Fault, inner: Arc<dyn Backend>) -> Arc<dyn Backend> {
    Arc::new(Planted { id, plant: fault.plant, inner, compiled: 0.into() })
}

struct Planted {
    id: String,
    plant: Plant,
    inner: Arc<dyn Backend>,
    /// Compilations so far.
    compiled: std::sync::atomic::AtomicU8,
}

impl Planted {
    /// The unit as the backend understands it.
    fn misread(&self, unit: &Unit) -> Option<Unit> {
        let mut unit = unit.clone();
        match self.plant {
            Plant::Function(change) => unit.functions.iter_mut().for_each(change),
            Plant::Unit(change) => change(&mut unit),
            _ => return None,
        }
        Some(unit)
    }
}

impl Backend for Planted {
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
        let mut capabilities = self.inner.capabilities();
        match self.plant {
            // Its artifacts are machine code where the fault makes them.
            Plant::Process(_) => capabilities.execution = Execution::Native,
            Plant::Capabilities(change) => change(&mut capabilities),
            _ => {}
        }
        capabilities
    }

    fn compile(&self, unit: &Unit, target: &Target, options: &Options) -> Result<Artifact, CompileError> {
        match self.plant {
            Plant::Process(behaviour) => {
                let nth = self.compiled.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if let Some(answer) = behaviour.compile(unit, nth) {
                    return answer;
                }
            }
            Plant::Capabilities(_) => {
                let unsupported = self.capabilities().unsupported;
                let mut insts = unit.functions.iter().flat_map(|f| &f.insts);
                if let Some(inst) = insts.find(|inst| unsupported.contains(&inst.op)) {
                    return Err(CompileError::Unsupported { op: inst.op, detail: "not lowered".to_owned() });
                }
            }
            _ => {}
        }
        let misread = self.misread(unit);
        let unit = misread.as_ref().unwrap_or(unit);
        let mut artifact = self.inner.compile(unit, target, options)?;
        match self.plant {
            Plant::Artifact(change) => change(unit, &mut artifact),
            Plant::Recompile(times) => {
                for _ in 0..times {
                    let again = self.inner.compile(unit, target, options)?;
                    for (phase, more) in artifact.phases.iter_mut().zip(again.phases) {
                        phase.time += more.time;
                    }
                }
            }
            _ => {}
        }
        Ok(artifact)
    }

    fn evaluator(&self) -> Option<&dyn Evaluator> {
        self.inner.evaluator().map(|_| self as &dyn Evaluator)
    }
}

impl Evaluator for Planted {
    fn evaluate(
        &self,
        unit: &Unit,
        func: FuncRef,
        args: &[u64],
        machine: &mut dyn Machine,
    ) -> Result<Results, lockstep_backend_api::Fault> {
        let inner = self.inner.evaluator().expect("asked for only if there is one");
        match self.misread(unit) {
            Some(unit) => inner.evaluate(&unit, func, args, machine),
            None => inner.evaluate(unit, func, args, machine),
        }
    }
}
