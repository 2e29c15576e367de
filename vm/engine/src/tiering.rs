//! When to compile what: the engine's side of the interpreter's counters.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use lockstep_backend_api::{Artifact, Backend, Options, Target};
use lockstep_bytecode::{FuncId, Module, Pc};
use lockstep_compiler::{Compiled, OsrEntries};
use lockstep_runtime::{NativeEntry, Tiering, Vm};

use crate::attribution::{Attribution, Cause};
use crate::stats::{Refused, Stats, UnitStats};
use crate::unit::LoadedUnit;

/// How units are made.
#[derive(Clone)]
pub struct Pipeline {
    /// The code generator.
    pub backend: Arc<dyn Backend>,
    /// What for.
    pub target: Target,
    /// How hard.
    pub options: Options,
    /// What the compiler is to do; `osr` is set per request.
    pub compiler: lockstep_compiler::Options,
    /// Whether each new unit invalidates all others: a stress mode, in which activations leave wherever they may.
    pub churn: bool,
    /// The units that may be made; all, if not said. What is left out is interpreted.
    pub only: Option<Arc<BTreeSet<UnitKey>>>,
    /// Where code is kept for the next session, if there is to be one.
    pub cache: Option<Arc<Cache>>,
    /// Changes what the compiler answers before the backend sees it: how the harness plants faults.
    pub tamper: Option<Tamper>,
}

/// What a unit is compiled from: a function, and the loop header that it has an entry for, if any.
pub type UnitKey = (FuncId, Option<Pc>);

/// A change of what the compiler answers.
pub type Tamper = Arc<dyn Fn(&mut Compiled) + Send + Sync>;

/// Code of ONE module from one pipeline, kept from session to session: compilation is a pure function, so it need not be repeated.
#[derive(Default)]
pub struct Cache(Mutex<HashMap<UnitKey, Kept>>);

type Kept = Arc<(Compiled, Artifact)>;

impl Pipeline {
    /// What the compiler and the backend make of a function, and of one of its loops.
    fn translate(&self, module: &Module, func: FuncId, header: Option<Pc>) -> Result<Kept, Refused> {
        let key = (func, header);
        let lock = |cache: &Arc<Cache>| cache.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(kept) = self.cache.as_ref().and_then(lock) {
            return Ok(kept);
        }
        let refuse = |reason: &str, detail: String| Refused { func, reason: reason.to_owned(), detail };
        let mut compiler = self.compiler.clone();
        compiler.osr = header.map_or(OsrEntries::None, |pc| OsrEntries::Only(vec![pc]));
        let request = lockstep_compiler::Request { module, func, options: &compiler };
        let mut compiled =
            lockstep_compiler::compile(&request).map_err(|refusal| refuse(refusal.name(), refusal.to_string()))?;
        if let Some(tamper) = &self.tamper {
            tamper(&mut compiled);
        }
        let artifact = self
            .backend
            .compile(&compiled.unit, &self.target, &self.options)
            .map_err(|error| refuse(error.name(), error.to_string()))?;
        let kept = Arc::new((compiled, artifact));
        if let Some(cache) = &self.cache {
            cache.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, kept.clone());
        }
        Ok(kept)
    }
}

/// The units of one VM. Shared between the session and the interpreter's hooks; both run on the VM's thread.
pub(crate) struct Engine {
    pipeline: Pipeline,
    /// Whether a unit made for a loop is also linked, so that later calls begin in it.
    link_loops: bool,
    /// Linked or entered at loops.
    live: Vec<LoadedUnit>,
    /// Invalidated; kept while an activation may exist.
    retired: Vec<LoadedUnit>,
    refused: HashSet<FuncId>,
    stats: Stats,
    /// Coverage counters of freed units, by function, instruction, and whether through a helper.
    freed_counters: BTreeMap<(FuncId, Pc, bool), u64>,
    /// Why instructions were interpreted, where executions are counted.
    attribution: Option<Attribution>,
}

impl Engine {
    pub(crate) fn new(pipeline: Pipeline, link_loops: bool) -> Self {
        let attribution = pipeline.compiler.coverage.then(Attribution::default);
        Self {
            attribution,
            pipeline,
            link_loops,
            live: Vec::new(),
            retired: Vec::new(),
            refused: HashSet::new(),
            stats: Stats::default(),
            freed_counters: BTreeMap::new(),
        }
    }

    /// Compiles, loads and links a function. With a loop header, the unit has an entry there too.
    pub(crate) fn compile(&mut self, vm: &mut Vm, func: FuncId, header: Option<Pc>) {
        if self.refused.contains(&func) {
            return;
        }
        if self.pipeline.only.as_ref().is_some_and(|only| !only.contains(&(func, header))) {
            self.stats.left_out.insert((func, header));
            if self.live.iter().all(|unit| unit.func != func) {
                self.blame(vm, func, Cause::LeftOut);
            }
            return;
        }
        match self.make_unit(vm, func, header) {
            Ok(unit) => {
                if self.pipeline.churn {
                    self.invalidate_all(vm);
                }
                if header.is_none() || self.link_loops {
                    let (entry, typed) = unit.function_entry();
                    vm.link(func, entry, typed);
                }
                self.live.push(unit);
                self.blame(vm, func, Cause::NotEntered);
            }
            Err(refused) => {
                self.refused.insert(func);
                self.blame(vm, func, Cause::Refused(refused.reason.clone()));
                self.stats.refusals.push(refused);
            }
        }
    }

    /// From now on the interpreter runs the function for another cause.
    fn blame(&mut self, vm: &Vm, func: FuncId, cause: Cause) {
        if let Some(attribution) = &mut self.attribution {
            attribution.change(vm, func, cause);
        }
    }

    /// Interpreted executions by function, instruction and cause; nothing where executions are not counted.
    pub(crate) fn causes(&self, vm: &Vm) -> Vec<(FuncId, Pc, Cause, u64)> {
        self.attribution.as_ref().map(|attribution| attribution.causes(vm)).unwrap_or_default()
    }

    fn make_unit(&mut self, vm: &mut Vm, func: FuncId, header: Option<Pc>) -> Result<LoadedUnit, Refused> {
        let module = vm.module().clone();
        let kept = self.pipeline.translate(&module, func, header)?;
        let (compiled, artifact) = &*kept;
        let mut phases = compiled.phases.clone();
        let own_phases = phases.len();
        phases.extend(artifact.phases.iter().map(|p| (p.name, p.time)));
        let ir_insts = compiled.unit.functions.iter().map(|f| f.inst_count()).sum();
        let start = Instant::now();
        let unit = LoadedUnit::load(
            &self.pipeline.backend,
            artifact,
            func,
            compiled.clone(),
            self.pipeline.compiler.countdown,
            vm,
        )
        .map_err(|error| Refused { func, reason: "load".to_owned(), detail: error.to_string() })?;
        phases.push(("load", start.elapsed()));
        self.stats.units.push(UnitStats {
            func,
            osr: header.is_some(),
            code_bytes: artifact.code_bytes(),
            ir_insts,
            phases,
            own_phases,
        });
        Ok(unit)
    }

    /// Unlinks every unit and makes its activations leave.
    pub(crate) fn invalidate_all(&mut self, vm: &mut Vm) {
        for unit in self.live.drain(..) {
            if let Some(attribution) = &mut self.attribution {
                attribution.change(vm, unit.func, Cause::Invalidated);
            }
            vm.unlink(unit.func);
            unit.data.invalidate();
            self.stats.invalidated += 1;
            self.retired.push(unit);
        }
    }

    /// Frees retired units. To be called when no program runs: then no activation of any unit exists.
    pub(crate) fn free_retired(&mut self) {
        self.stats.freed += self.retired.len() as u64;
        for unit in self.retired.drain(..) {
            count_exits(&unit, &mut self.stats);
            for (pc, helper, n) in unit.data.counters() {
                *self.freed_counters.entry((unit.func, pc, helper)).or_default() += n;
            }
        }
    }

    /// The counters as they stand.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.stats.clone();
        self.live.iter().chain(&self.retired).for_each(|unit| count_exits(unit, &mut stats));
        stats
    }

    /// Coverage counters of all units, freed ones included: function, instruction, through a helper or not, executions.
    pub(crate) fn counters(&self) -> Vec<(FuncId, Pc, bool, u64)> {
        let units = self.live.iter().chain(&self.retired);
        let freed = self.freed_counters.iter().map(|(&(func, pc, helper), &n)| (func, pc, helper, n));
        units.flat_map(|u| u.data.counters().map(|(pc, helper, n)| (u.func, pc, helper, n))).chain(freed).collect()
    }
}

fn count_exits(unit: &LoadedUnit, stats: &mut Stats) {
    for (site, &count) in unit.exits.iter().zip(&unit.exit_counts) {
        if count > 0 {
            *stats.exits.entry(site.reason.name()).or_default() += count;
        }
    }
}

/// The hooks that the interpreter calls.
pub(crate) struct Hooks(pub(crate) Rc<RefCell<Engine>>);

impl Tiering for Hooks {
    fn hot_function(&mut self, vm: &mut Vm, func: FuncId) {
        // The interpreter counts on for functions that are linked.
        if vm.function_entry(func).entry != vm.trampoline() {
            return;
        }
        self.0.borrow_mut().compile(vm, func, None);
    }

    fn hot_loop(&mut self, vm: &mut Vm, func: FuncId, header: Pc) -> Option<NativeEntry> {
        let mut engine = self.0.borrow_mut();
        let find =
            |engine: &Engine| engine.live.iter().rev().filter(|u| u.func == func).find_map(|u| u.loop_entry(header));
        if let Some(entry) = find(&engine) {
            return Some(entry);
        }
        engine.compile(vm, func, Some(header));
        find(&engine)
    }

    fn left_native(&mut self, vm: &mut Vm, entry: NativeEntry, site: u32) {
        let mut engine = self.0.borrow_mut();
        let Engine { live, retired, .. } = &mut *engine;
        let unit = live.iter_mut().chain(retired).find(|u| u.owns(entry));
        let left = unit.and_then(|u| {
            *u.exit_counts.get_mut(site as usize)? += 1;
            Some((u.func, u.exits[site as usize].reason.name()))
        });
        match left {
            Some((func, reason)) => engine.blame(vm, func, Cause::AfterExit(reason)),
            // The unit was unlinked while native code was in a call of it.
            None => *engine.stats.exits.entry("unlinked").or_default() += 1,
        }
    }
}
