//! Reduction: the smallest program and arguments found that still fail in the same way.
//!
//! Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002) over the bytecode itself: functions,
//! stretches of instructions in halving sizes, branches, single instructions, constants, arguments. Every candidate goes through the verifier;
//! what it means does not matter, as the interpreter says what must come out. Nothing here knows what failing is.

use std::time::Instant;

use lockstep_bytecode::{FuncId, Instr, Kind, Module, Op, Pc, Reg, Role, Sem, Value, Verified};

use super::datum::Datum;
use super::edit::{self, Edit, rewrite};

/// A program with a call of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The module.
    pub module: Module,
    /// The function called.
    pub entry: FuncId,
    /// Its arguments.
    pub args: Vec<Datum>,
}

/// Whether a valid program still fails.
pub type Fails<'f> = dyn FnMut(&Candidate, &Verified) -> bool + 'f;

/// Reduces a failing program until nothing more can go or the time is up.
pub fn reduce(start: Candidate, deadline: Instant, fails: &mut Fails<'_>) -> Candidate {
    let mut tidied = start.clone();
    edit::tidy(&mut tidied.module, &mut tidied.entry);
    let mut reducer = Reducer { best: start, deadline, fails, tidies: true };
    if !reducer.attempt(|_| {}) && reducer.best != tidied {
        // It fails for code that is never reached: that stays.
        reducer.tidies = false;
    }
    loop {
        let before = reducer.measure();
        reducer.functions();
        reducer.entries();
        reducer.stretches();
        reducer.branches();
        reducer.instructions();
        reducer.constants();
        reducer.arguments();
        reducer.parameters();
        if reducer.measure() >= before || Instant::now() > deadline {
            return reducer.best;
        }
    }
}

struct Reducer<'f, 'g> {
    best: Candidate,
    deadline: Instant,
    fails: &'f mut Fails<'g>,
    /// Whether candidates lose what does not matter to a run.
    tidies: bool,
}

/// A simple list of what makes a program large, most important first.
type Measure = (usize, usize, u64);

impl Reducer<'_, '_> {
    fn measure(&self) -> Measure {
        let module = &self.best.module;
        let registers: usize = module.functions.iter().map(|f| f.registers.len()).sum();
        (edit::size(module), registers, weight(&self.best))
    }

    /// Keeps a changed program if it is valid, another one, and still fails.
    fn attempt(&mut self, change: impl FnOnce(&mut Candidate)) -> bool {
        if Instant::now() > self.deadline {
            return false;
        }
        let mut candidate = self.best.clone();
        change(&mut candidate);
        // Tidying takes sound indices for granted.
        if Verified::new(candidate.module.clone()).is_err() {
            return false;
        }
        if self.tidies {
            edit::tidy(&mut candidate.module, &mut candidate.entry);
        }
        if candidate == self.best {
            return false;
        }
        let Ok(verified) = Verified::new(candidate.module.clone()) else { return false };
        let kept = (self.fails)(&candidate, &verified);
        if kept {
            self.best = candidate;
        }
        kept
    }

    fn count(&self) -> usize {
        self.best.module.functions.len()
    }

    fn len(&self, func: usize) -> usize {
        self.best.module.functions.get(func).map_or(0, |f| f.code.len())
    }

    /// Functions but the entry, last first.
    fn functions(&mut self) {
        for gone in (0..self.count()).rev() {
            if gone < self.count() && gone != self.best.entry.index() {
                self.attempt(|c| {
                    edit::remove_function(&mut c.module, FuncId(gone as u32));
                    if c.entry.index() > gone {
                        c.entry.0 -= 1;
                    }
                });
            }
        }
    }

    /// Another function is called instead, with zeros: what only led to it goes.
    fn entries(&mut self) {
        for entry in (0..self.count()).rev().map(|func| FuncId(func as u32)) {
            if entry.index() < self.count() && entry != self.best.entry {
                self.attempt(|c| {
                    c.args = c.module.functions[entry.index()].params().map(Datum::zero).collect();
                    c.entry = entry;
                });
            }
        }
    }

    /// Stretches of instructions, in halving sizes, from the back. Where a register would lack a value, it gets zero.
    fn stretches(&mut self) {
        for func in (0..self.count()).rev() {
            let mut size = self.len(func).next_power_of_two();
            while size > 0 {
                let mut end = self.len(func);
                while end > 0 && func < self.count() {
                    let range = end.saturating_sub(size)..end.min(self.len(func));
                    let within = |pc: Pc| range.contains(&pc.index());
                    let _ = self.attempt(|c| {
                        rewrite(
                            &mut c.module.functions[func],
                            |pc, _| if within(pc) { Edit::Drop } else { Edit::Keep },
                        );
                    }) || self.attempt(|c| zeros_for(&mut c.module, func, within));
                    end = range.start.min(self.len(func));
                }
                size /= 2;
            }
        }
    }

    /// Each branch is always taken, or never; a switch leads to one of its targets; a call of a function is a call of none.
    fn branches(&mut self) {
        for func in (0..self.count()).rev() {
            let mut at = self.len(func);
            while at > 0 && func < self.count() {
                at = (at - 1).min(self.len(func).saturating_sub(1));
                let Some(&instr) = self.best.module.functions[func].code.get(at) else { break };
                let mut targets: Vec<Pc> = Vec::new();
                if instr.info().sem != Sem::Jump {
                    targets.extend(instr.target());
                }
                for value in instr.operands().iter() {
                    if let Value::Table(id) = value {
                        targets.extend(self.best.module.functions[func].tables[id.index()].all());
                    }
                }
                targets.sort_unstable();
                targets.dedup();
                for target in targets {
                    let jump = Instr::Jump { target };
                    if self.replace(func, at, |_| vec![jump]) {
                        break;
                    }
                }
            }
        }
    }

    /// Each instruction becomes a copy of one of its operands, or a constant, or takes its operands from where they were copied.
    fn instructions(&mut self) {
        for func in (0..self.count()).rev() {
            let mut at = self.len(func);
            while at > 0 && func < self.count() {
                at = (at - 1).min(self.len(func).saturating_sub(1));
                let Some(&instr) = self.best.module.functions[func].code.get(at) else { break };
                let Some(dst) = instr.def() else { continue };
                let sources: Vec<Reg> = instr
                    .declared()
                    .filter(|(operand, _)| operand.role == Role::Use)
                    .filter_map(|(_, value)| value.reg())
                    .collect();
                if instr.info().sem == Sem::Move && sources.first() != Some(&dst) {
                    self.propagate(func, at, dst, sources[0]);
                    continue;
                }
                let is_constant = matches!(instr.info().sem, Sem::Const | Sem::Pool);
                let _ = sources
                    .iter()
                    .any(|&from| self.replace(func, at, |f| edit::copy(f, dst, from).into_iter().collect()))
                    || !is_constant && self.replace(func, at, |f| edit::set(f, dst, 0).into_iter().collect());
            }
        }
    }

    /// Drops a copy, and reads what was copied instead: up to where the register is set again in the order of the code.
    fn propagate(&mut self, func: usize, at: usize, dst: Reg, from: Reg) {
        self.attempt(|c| {
            let mut holds = false;
            rewrite(&mut c.module.functions[func], |pc, instr| {
                if pc.index() == at {
                    holds = true;
                    return Edit::Drop;
                }
                let edit = if holds { Edit::With(vec![edit::replace_uses(instr, dst, from)]) } else { Edit::Keep };
                holds &= instr.def() != Some(dst);
                edit
            });
        });
    }

    fn replace(
        &mut self,
        func: usize,
        at: usize,
        with: impl FnOnce(&mut lockstep_bytecode::Function) -> Vec<Instr>,
    ) -> bool {
        self.attempt(|c| {
            let function = &mut c.module.functions[func];
            let instead = with(function);
            if !instead.is_empty() {
                rewrite(function, |pc, _| if pc.index() == at { Edit::With(instead.clone()) } else { Edit::Keep });
            }
        })
    }

    /// Constants and immediates become simpler.
    fn constants(&mut self) {
        for func in 0..self.count() {
            for at in 0..self.len(func) {
                let Some(function) = self.best.module.functions.get(func) else { break };
                let Some(&instr) = function.code.get(at) else { break };
                if let (Some(bits), Some(dst)) = (edit::constant(function, instr), instr.def()) {
                    let one = if instr.info().kind == Some(Kind::F64) { 1f64.to_bits() } else { 1 };
                    for simpler in
                        [0, one, bits >> 1, bits & 0xff].into_iter().filter(|&b| b < bits && b <= u64::MAX >> 1)
                    {
                        if self.replace(func, at, |f| edit::set(f, dst, simpler).into_iter().collect()) {
                            break;
                        }
                    }
                    continue;
                }
                let Some(n) = instr.operands().iter().position(|v| v.imm().is_some_and(|i| i != 0)) else { continue };
                let imm = instr.operands()[n].imm().unwrap_or_default();
                for simpler in [0, 1, imm / 2].into_iter().filter(|s| s.abs() < imm.abs()) {
                    let mut values = instr.operands().to_vec();
                    values[n] = Value::Imm(simpler);
                    if self.replace(func, at, |_| Instr::build(instr.op(), &values).into_iter().collect()) {
                        break;
                    }
                }
            }
        }
    }

    /// Arguments become simpler, and parameters go that nothing reads.
    fn arguments(&mut self) {
        for n in 0..self.best.args.len() {
            while self.best.args[n].simpler().into_iter().any(|simpler| self.attempt(|c| c.args[n] = simpler)) {}
        }
        let entry = self.best.entry;
        let is_called = self.best.module.functions.iter().flat_map(|f| &f.code).any(|i| i.callee() == Some(entry));
        for n in (0..self.best.args.len()).rev().filter(|_| !is_called) {
            self.attempt(|c| {
                let params: Vec<usize> = c.module.functions.iter().map(|f| usize::from(f.param_count)).collect();
                let function = &mut c.module.functions[c.entry.index()];
                let mut used = false;
                for instr in &function.code {
                    instr.for_each_use(function, |f| params[f.index()], |reg| used |= reg.index() == n);
                    instr.for_each_def(|reg| used |= reg.index() == n);
                }
                if !used {
                    edit::drop_param(function, n);
                    c.args.remove(n);
                }
            });
        }
    }

    /// Parameters of functions that are called go, from both ends, where nothing reads them.
    fn parameters(&mut self) {
        for func in (0..self.count()).rev().map(|func| FuncId(func as u32)) {
            for first in [false, true] {
                while func != self.best.entry
                    && func.index() < self.count()
                    && self.attempt(|c| edit::drop_passed_param(&mut c.module, func, first))
                {}
            }
        }
    }
}

/// How large the constants are: bits of immediates, constants and arguments.
fn weight(candidate: &Candidate) -> u64 {
    let size = |bits: u64| u64::from(64 - bits.leading_zeros());
    let code = candidate.module.functions.iter().flat_map(|f| f.code.iter().map(move |&i| (f, i)));
    let constants = code.map(|(f, instr)| match edit::constant(f, instr) {
        Some(bits) => size(bits),
        None => instr.operands().iter().filter_map(|v| v.imm()).map(|i| size(i.unsigned_abs())).sum(),
    });
    constants.sum::<u64>() + candidate.args.iter().map(Datum::weight).sum::<u64>()
}

/// Drops a stretch, and puts a zero in its place for each scalar register that it set.
fn zeros_for(module: &mut Module, func: usize, within: impl Fn(Pc) -> bool) {
    let function = &mut module.functions[func];
    let mut instead: Vec<(Pc, Reg)> = Vec::new();
    for pc in (0..function.code.len() as u32).map(Pc).filter(|&pc| within(pc)) {
        if let Some(dst) = function.instr(pc).def() {
            instead.retain(|(_, reg)| *reg != dst);
            instead.push((pc, dst));
        }
    }
    let zeros: Vec<(Pc, Option<Instr>)> =
        instead.into_iter().map(|(pc, reg)| (pc, edit::set(function, reg, 0))).collect();
    rewrite(function, |pc, instr| match zeros.iter().find(|z| z.0 == pc) {
        _ if !within(pc) => Edit::Keep,
        Some((_, Some(zero))) => Edit::With(vec![*zero]),
        // An array cannot be made of nothing.
        Some((_, None)) => Edit::With(vec![instr]),
        None if instr.op() == Op::Ret || instr.op() == Op::RetVoid => Edit::Keep,
        None => Edit::Drop,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_bytecode::generate::{Choices, generate};
    use std::time::Duration;

    fn candidate(seed: u64) -> Candidate {
        let generated = generate(&mut Choices::seeded(seed));
        let args = vec![
            Datum::new(&lockstep_runtime::Value::I64(1 << 40)),
            Datum::new(&lockstep_runtime::Value::I64(-3)),
            Datum::new(&lockstep_runtime::Value::F64(2.5)),
        ];
        Candidate { module: generated.module.into_inner(), entry: generated.entry, args }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn what_fails_for_one_instruction_becomes_little_more_than_it() {
        let mut tried = 0;
        for seed in 0..40 {
            let start = candidate(seed);
            let is_it = |i: &Instr| {
                matches!(i.info().sem, Sem::Binary(lockstep_bytecode::BinOp::Xor)) && i.info().kind == Some(Kind::U32)
            };
            let has = |m: &Module| m.functions.iter().flat_map(|f| &f.code).any(is_it);
            if !has(&start.module) {
                continue;
            }
            tried += 1;
            let before = edit::size(&start.module);
            // The verifier has passed every candidate, and entry and arguments fit.
            let mut fails = |c: &Candidate, module: &Verified| {
                assert_eq!(module.function(c.entry).params().len(), c.args.len());
                has(module)
            };
            let reduced = reduce(start, soon(), &mut fails);
            let after = edit::size(&reduced.module);
            assert!(has(&reduced.module));
            assert!(after <= 8, "{before} became {after}:\n{}", lockstep_bytecode::disassemble(&reduced.module));
            assert!(reduced.args.iter().all(|a| a.weight() == 0) || reduced.args.is_empty());
        }
        assert!(tried >= 5, "{tried}");
    }

    #[test]
    fn what_always_fails_becomes_almost_nothing() {
        let reduced = reduce(candidate(3), soon(), &mut |_, _| true);
        assert!(edit::size(&reduced.module) <= 2, "{}", lockstep_bytecode::disassemble(&reduced.module));
        assert_eq!(reduced.module.functions.len(), 1);
    }

    #[test]
    fn what_never_fails_stays() {
        let start = candidate(3);
        assert_eq!(reduce(start.clone(), soon(), &mut |_, _| false), start);
    }
}
