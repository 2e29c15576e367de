//! Compiled units as the engine keeps them: code or closures, the data block, entries and exit sites.

use std::collections::HashMap;
use std::sync::Arc;

use lockstep_backend_api::{Artifact, Backend, Code};
use lockstep_bytecode::{FuncId, Pc};
use lockstep_compiler::{Compiled, ExitSite};
use lockstep_ir::{FuncRef, Stage};
use lockstep_runtime::{NativeEntry, Vm};

use crate::crash::Registration;
use crate::data::DataBlock;
use crate::evaluated::{self, Closure};
use crate::loader::{CodeBlock, LoadError};
use crate::value_stage::Origin;

/// A unit loaded into a VM. Its memory lives as long as this value; the engine keeps it while an activation may exist.
pub struct LoadedUnit {
    /// The function it was compiled from.
    pub func: FuncId,
    /// Its data block.
    pub data: DataBlock,
    /// Exit sites, by the number in `Status::Exit`.
    pub exits: Vec<ExitSite>,
    /// How often each exit site was left by, as far as the interpreter learned of it.
    pub exit_counts: Vec<u64>,
    entries: Entries,
    universal: FuncRef,
    typed: Option<FuncRef>,
    osr: HashMap<Pc, FuncRef>,
}

enum Entries {
    Native { code: CodeBlock, _registration: Registration },
    Evaluated(HashMap<FuncRef, Box<Closure>>),
}

impl LoadedUnit {
    /// Loads an artifact and resolves its data block. `countdown` says whether it was compiled to count back edges and calls down.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(
        backend: &Arc<dyn Backend>,
        artifact: &Artifact,
        func: FuncId,
        compiled: Compiled,
        countdown: bool,
        vm: &mut Vm,
    ) -> Result<Self, LoadError> {
        let Compiled { unit, universal, typed, osr, data, exits, .. } = compiled;
        let data = DataBlock::new(data, vm);
        let osr: HashMap<Pc, FuncRef> = osr.into_iter().collect();
        let entries = match artifact.code {
            Code::Native { .. } => {
                let code = CodeBlock::load(artifact, unit.functions.len())?;
                let registration = Registration::new(code.start(), artifact.code_bytes(), &unit, &artifact.source_map);
                Entries::Native { code, _registration: registration }
            }
            Code::Evaluated => {
                let unit = Arc::new(unit);
                let origin = (unit.stage == Stage::Value)
                    .then(|| Arc::new(Origin { module: vm.module().clone(), func, exits: exits.clone(), countdown }));
                let closure =
                    |f: FuncRef| (f, Closure::new(backend.clone(), unit.clone(), f, data.address(), origin.clone()));
                Entries::Evaluated(osr.values().copied().chain([universal]).map(closure).collect())
            }
        };
        let exit_counts = vec![0; exits.len()];
        Ok(Self { func, data, exits, exit_counts, entries, universal, typed, osr })
    }

    /// The universal entry, and the typed entry's address (0 if there is none).
    pub fn function_entry(&self) -> (NativeEntry, u64) {
        let typed = match (&self.entries, self.typed) {
            (Entries::Native { code, .. }, Some(typed)) => code.address(typed) as u64,
            _ => 0,
        };
        (self.entry(self.universal), typed)
    }

    /// The entry at a loop header, if the unit has one.
    pub fn loop_entry(&self, header: Pc) -> Option<NativeEntry> {
        self.osr.get(&header).map(|&func| self.entry(func))
    }

    fn entry(&self, func: FuncRef) -> NativeEntry {
        match &self.entries {
            Entries::Native { code, .. } => NativeEntry { entry: code.address(func) as u64, data: self.data.address() },
            Entries::Evaluated(closures) => {
                NativeEntry { entry: evaluated::entry as *const () as u64, data: closures[&func].address() }
            }
        }
    }

    /// Whether `entry` is one of this unit's.
    pub fn owns(&self, entry: NativeEntry) -> bool {
        match &self.entries {
            Entries::Native { .. } => entry.data == self.data.address(),
            Entries::Evaluated(closures) => closures.values().any(|c| c.address() == entry.data),
        }
    }
}
