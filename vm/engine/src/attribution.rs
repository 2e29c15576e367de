//! Why instructions were interpreted although native code was asked for: each execution that the interpreter counts is put down to a cause. For sessions that count executions; others pay nothing.
//!
//! A function has one cause at a time, which changes when it is compiled, refused or left: what the interpreter has counted since the last change is put down to the cause until then. Where several
//! activations of a function are under way at once, those that began earlier count towards the latest cause.

use std::collections::BTreeMap;

use lockstep_bytecode::{FuncId, Pc};
use lockstep_runtime::Vm;

/// Why an instruction was interpreted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Its function has not been compiled: it is not hot, or not yet.
    Cold,
    /// Its function was refused, for the reason of this name.
    Refused(String),
    /// Its function is not on the list of what is to be compiled.
    LeftOut,
    /// The code of its function was invalidated.
    Invalidated,
    /// Its function is compiled, but this activation began before and has come to no entry of the code since.
    NotEntered,
    /// Native code was left, for the reason of this name, and not entered again since.
    AfterExit(&'static str),
}

/// The causes of a session.
#[derive(Debug, Default)]
pub(crate) struct Attribution {
    functions: BTreeMap<FuncId, Function>,
}

#[derive(Debug)]
struct Function {
    cause: Cause,
    /// The interpreter's counts when the cause began.
    since: Vec<u64>,
    /// What was put down to earlier causes, by instruction.
    before: BTreeMap<(Cause, Pc), u64>,
}

impl Function {
    fn new() -> Self {
        Self { cause: Cause::Cold, since: Vec::new(), before: BTreeMap::new() }
    }

    /// What the interpreter has counted since the cause began, where it counted anything.
    fn news<'f>(&'f self, counts: &'f [u64]) -> impl Iterator<Item = (Pc, u64)> + 'f {
        let since = |n: usize| self.since.get(n).copied().unwrap_or(0);
        let all = counts.iter().enumerate().map(move |(n, &count)| (Pc(n as u32), count - since(n)));
        all.filter(|(_, count)| *count > 0)
    }
}

impl Attribution {
    /// From now on the function is interpreted for another cause.
    pub(crate) fn change(&mut self, vm: &Vm, func: FuncId, cause: Cause) {
        let counts = vm.executions(func);
        let function = self.functions.entry(func).or_insert_with(Function::new);
        let news: Vec<(Pc, u64)> = function.news(counts).collect();
        for (pc, count) in news {
            *function.before.entry((function.cause.clone(), pc)).or_default() += count;
        }
        function.since = counts.to_vec();
        function.cause = cause;
    }

    /// Interpreted executions by function, instruction and cause, until now.
    pub(crate) fn causes(&self, vm: &Vm) -> Vec<(FuncId, Pc, Cause, u64)> {
        let untouched = Function::new();
        let mut all = Vec::new();
        for func in (0..vm.module().functions.len() as u32).map(FuncId) {
            let function = self.functions.get(&func).unwrap_or(&untouched);
            let mut sums = function.before.clone();
            for (pc, count) in function.news(vm.executions(func)) {
                *sums.entry((function.cause.clone(), pc)).or_default() += count;
            }
            all.extend(sums.into_iter().map(|((cause, pc), count)| (func, pc, cause, count)));
        }
        all
    }
}
