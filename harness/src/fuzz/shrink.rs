//! Shrinking: the smallest unit and inputs found that still fail the same way.
//!
//! Delta debugging over the unit itself (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002):
//! callees, branches, instructions (in halving chunks), constants, inputs. Every candidate is cleaned up and must pass the
//! verifier; what it means does not matter, as the reference computes what must come out.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use lockstep_ir::cfg::Cfg;
use lockstep_ir::{Block, Effect, FuncRef, Function, Imm, Inst, InstData, Op, Type, Unit, Value, ValueDef};

use super::program::Input;

/// Whether a unit still fails on some inputs.
pub type Fails<'f> = dyn FnMut(&Unit, &[Input]) -> bool + 'f;

/// How long a divergence is worked on.
pub const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Shrinks a failing unit with its inputs.
pub fn shrink(unit: &Unit, inputs: &[Input], fails: &mut Fails<'_>) -> (Unit, Vec<Input>) {
    let mut shrinker =
        Shrinker { unit: unit.clone(), inputs: inputs.to_vec(), fails, deadline: Instant::now() + TIME_LIMIT };
    shrinker.run();
    shrinker.attempt(drop_declarations);
    (shrinker.unit, shrinker.inputs)
}

struct Shrinker<'f, 'j> {
    unit: Unit,
    inputs: Vec<Input>,
    fails: &'f mut Fails<'j>,
    deadline: Instant,
}

impl Shrinker<'_, '_> {
    fn run(&mut self) {
        for n in 0..self.inputs.len() {
            let one = vec![self.inputs[n].clone()];
            if (self.fails)(&self.unit, &one) {
                self.inputs = one;
                break;
            }
        }
        loop {
            let before = (self.size(), self.inputs.clone());
            self.functions();
            self.branches();
            self.instructions();
            self.operands();
            self.constants();
            self.memory();
            if (self.size(), self.inputs.clone()) == before || Instant::now() > self.deadline {
                return;
            }
        }
    }

    fn size(&self) -> (usize, usize) {
        let blocks = self.unit.functions.iter().map(|f| f.blocks.len()).sum();
        (self.unit.functions.iter().map(Function::inst_count).sum(), blocks)
    }

    /// Keeps a changed unit if it is valid and still fails.
    fn attempt(&mut self, change: impl FnOnce(&mut Unit)) -> bool {
        if Instant::now() > self.deadline {
            return false;
        }
        let mut candidate = self.unit.clone();
        change(&mut candidate);
        clean(&mut candidate);
        if candidate == self.unit || lockstep_ir::verify::verify(&candidate).is_err() {
            return false;
        }
        let kept = (self.fails)(&candidate, &self.inputs);
        if kept {
            self.unit = candidate;
        }
        kept
    }

    /// Callees, last first: their calls give zeros.
    fn functions(&mut self) {
        for callee in (0..self.unit.functions.len().saturating_sub(1)).rev() {
            self.attempt(|unit| {
                for func in &mut unit.functions {
                    let calls = places(func, |data| data.imm == Imm::Func(FuncRef(callee as u32)));
                    calls.into_iter().for_each(|place| erase(func, place));
                }
                unit.functions.remove(callee);
                for inst in unit.functions.iter_mut().flat_map(|f| &mut f.insts) {
                    if let Imm::Func(f) = &mut inst.imm
                        && f.index() > callee
                    {
                        f.0 -= 1;
                    }
                }
            });
        }
    }

    /// Each branch and switch becomes a jump to one of its targets.
    fn branches(&mut self) {
        for f in 0..self.unit.functions.len() {
            let mut at = 0;
            while let Some(&block) = self.unit.functions[f].block_ids().collect::<Vec<_>>().get(at) {
                let targets = self.unit.functions[f].terminator(block).targets.len();
                let changed = targets > 1
                    && (0..targets).any(|target| {
                        self.attempt(|unit| {
                            let func = &mut unit.functions[f];
                            let inst = *func.blocks[block.index()].insts.last().expect("a terminator");
                            let target = func.insts[inst.index()].targets[target].clone();
                            func.insts[inst.index()] =
                                InstData { targets: vec![target], ..InstData::new(Op::Jump, Type::I64, &[]) };
                        })
                    });
                at += usize::from(!changed);
            }
        }
    }

    /// Instructions go, their results become zeros: in chunks that halve.
    fn instructions(&mut self) {
        for f in 0..self.unit.functions.len() {
            let removable = |data: &InstData| {
                !data.op.is_terminator() && !matches!(data.imm, Imm::Int(0) | Imm::Float(0)) && !is_zero_f32(data)
            };
            let mut chunk = places(&self.unit.functions[f], removable).len().next_power_of_two();
            while chunk > 0 {
                let mut end = places(&self.unit.functions[f], removable).len();
                while end > 0 {
                    let start = end.saturating_sub(chunk);
                    self.attempt(|unit| {
                        let func = &mut unit.functions[f];
                        for place in places(func, removable)[start..end].iter().rev() {
                            erase(func, *place);
                        }
                    });
                    end = start.min(places(&self.unit.functions[f], removable).len());
                }
                chunk /= 2;
            }
        }
    }

    /// An instruction's result becomes one of its operands.
    fn operands(&mut self) {
        for f in 0..self.unit.functions.len() {
            let mut at = self.unit.functions[f].insts.len();
            while at > 0 {
                at = (at - 1).min(self.unit.functions[f].insts.len().saturating_sub(1));
                let Some(data) = self.unit.functions[f].insts.get(at).cloned() else { break };
                let Some(&result) = data.results.first() else { continue };
                let ty = self.unit.functions[f].ty(result);
                for arg in data.args {
                    if self.unit.functions[f].ty(arg) == ty
                        && self.attempt(|unit| unit.functions[f].replace_uses(&HashMap::from([(result, arg)])))
                    {
                        break;
                    }
                }
            }
        }
    }

    /// Constants become 0, 1, or half.
    fn constants(&mut self) {
        for f in 0..self.unit.functions.len() {
            for at in 0..self.unit.functions[f].insts.len() {
                let Some(data) = self.unit.functions[f].insts.get(at).cloned() else { break };
                let simpler: Vec<Imm> = match data.imm {
                    Imm::Int(bits) => {
                        [0, 1, bits >> 1, bits & 0xff].into_iter().filter(|&v| v < bits).map(Imm::Int).collect()
                    }
                    Imm::Float(bits) if bits != 0 && bits != 1f64.to_bits() => {
                        [0f64, 1.0, -1.0].iter().map(|x| Imm::Float(x.to_bits())).collect()
                    }
                    _ => Vec::new(),
                };
                for imm in simpler {
                    if self.attempt(|unit| unit.functions[f].insts[at].imm = imm) {
                        break;
                    }
                }
            }
        }
    }

    /// Words of memory become 0, in chunks that halve; then the argument.
    fn memory(&mut self) {
        for n in 0..self.inputs.len() {
            let len = self.inputs[n].memory.len();
            let mut chunk = len.next_power_of_two();
            while chunk > 0 {
                for start in (0..len).step_by(chunk) {
                    let range = start..len.min(start + chunk);
                    let mut inputs = self.inputs.clone();
                    inputs[n].memory[range].fill(0);
                    self.attempt_inputs(inputs);
                }
                chunk /= 2;
            }
            for argument in [0, 1] {
                let mut inputs = self.inputs.clone();
                inputs[n].argument = argument;
                self.attempt_inputs(inputs);
            }
        }
    }

    fn attempt_inputs(&mut self, inputs: Vec<Input>) {
        if inputs != self.inputs && Instant::now() < self.deadline && (self.fails)(&self.unit, &inputs) {
            self.inputs = inputs;
        }
    }
}

fn is_zero_f32(data: &InstData) -> bool {
    data.op == Op::BitsToF32
}

/// Block and position of the instructions that satisfy a condition.
fn places(func: &Function, wanted: impl Fn(&InstData) -> bool) -> Vec<(Block, usize)> {
    let all = func.block_ids().flat_map(|block| (0..func.blocks[block.index()].insts.len()).map(move |n| (block, n)));
    all.filter(|&(block, n)| wanted(&func.insts[func.blocks[block.index()].insts[n].index()])).collect()
}

/// Puts zeros in the place of an instruction's results.
fn erase(func: &mut Function, (block, at): (Block, usize)) {
    let old = func.blocks[block.index()].insts[at];
    let results = func.insts[old.index()].results.clone();
    let mut new: Vec<Inst> = Vec::new();
    let mut map = HashMap::new();
    for result in results {
        let ty = func.ty(result);
        let zero = |ty: Type| match ty {
            Type::F64 => InstData { imm: Imm::Float(0), ..InstData::new(Op::Fconst, ty, &[]) },
            _ => InstData { imm: Imm::Int(0), ..InstData::new(Op::Iconst, ty, &[]) },
        };
        let inst = if ty == Type::F32 {
            let bits = func.make_inst(zero(Type::I32), &[Type::I32]);
            new.push(bits);
            let bits = func.insts[bits.index()].results[0];
            func.make_inst(InstData::new(Op::BitsToF32, Type::F32, &[bits]), &[Type::F32])
        } else {
            func.make_inst(zero(ty), &[ty])
        };
        new.push(inst);
        map.insert(result, func.insts[inst.index()].results[0]);
    }
    func.blocks[block.index()].insts.splice(at..=at, new);
    func.replace_uses(&map);
}

/// Removes what no longer matters: unreachable blocks, jumps between blocks that belong together, parameters without use or
/// choice, results without use; and numbers what is left.
pub fn clean(unit: &mut Unit) {
    for func in &mut unit.functions {
        loop {
            let before =
                (func.inst_count(), func.blocks.len(), func.blocks.iter().map(|b| b.params.len()).sum::<usize>());
            drop_unreachable(func);
            merge_blocks(func);
            drop_unreachable(func);
            simplify_params(func);
            drop_dead(func);
            if before == (func.inst_count(), func.blocks.len(), func.blocks.iter().map(|b| b.params.len()).sum()) {
                break;
            }
        }
        for (n, block) in func.blocks.iter().enumerate() {
            for (k, param) in block.params.iter().enumerate() {
                func.values[param.index()].def = ValueDef::Param(Block(n as u32), k as u32);
            }
        }
    }
    lockstep_ir::text::renumber(unit);
}

/// Removes signatures and helpers that no call refers to.
fn drop_declarations(unit: &mut Unit) {
    let mut insts: Vec<&mut InstData> = unit.functions.iter_mut().flat_map(|f| &mut f.insts).collect();
    let mut keep = |of: fn(&mut Imm) -> Option<&mut u32>, count: usize| -> Vec<bool> {
        let mut used = vec![false; count];
        insts.iter_mut().filter_map(|i| of(&mut i.imm)).for_each(|n| used[*n as usize] = true);
        let place = |n: u32| used[..n as usize].iter().filter(|u| **u).count() as u32;
        insts.iter_mut().filter_map(|i| of(&mut i.imm)).for_each(|n| *n = place(*n));
        used
    };
    let signatures = keep(as_sig, unit.signatures.len());
    let helpers = keep(as_helper, unit.helpers.len());
    let mut kept = signatures.into_iter();
    unit.signatures.retain(|_| kept.next().unwrap_or(true));
    let mut kept = helpers.into_iter();
    unit.helpers.retain(|_| kept.next().unwrap_or(true));
}

fn as_sig(imm: &mut Imm) -> Option<&mut u32> {
    if let Imm::Sig(sig) = imm { Some(&mut sig.0) } else { None }
}

fn as_helper(imm: &mut Imm) -> Option<&mut u32> {
    if let Imm::Helper(helper) = imm { Some(&mut helper.0) } else { None }
}

fn drop_unreachable(func: &mut Function) {
    let cfg = Cfg::new(func);
    let mut map = HashMap::new();
    let mut next = 0;
    for block in func.block_ids() {
        if cfg.is_reachable(block) {
            map.insert(block, Block(next));
            next += 1;
        }
    }
    let mut number = 0;
    func.blocks.retain(|_| {
        number += 1;
        cfg.is_reachable(Block(number - 1))
    });
    for inst in func.blocks.iter().flat_map(|b| &b.insts) {
        for target in &mut func.insts[inst.index()].targets {
            target.block = map[&target.block];
        }
    }
}

fn merge_blocks(func: &mut Function) {
    let mut preds = vec![0; func.blocks.len()];
    for block in func.block_ids() {
        func.successors(block).for_each(|s| preds[s.index()] += 1);
    }
    for block in func.block_ids() {
        loop {
            let last = func.terminator(block);
            let [target] = &last.targets[..] else { break };
            let (to, args) = (target.block, target.args.clone());
            if preds[to.index()] != 1 || to == block {
                break;
            }
            let params = std::mem::take(&mut func.blocks[to.index()].params);
            let insts = std::mem::take(&mut func.blocks[to.index()].insts);
            func.blocks[block.index()].insts.pop();
            func.blocks[block.index()].insts.extend(insts);
            // What is left of the block is unreachable, but must end in a terminator until it goes.
            let stub = func.make_inst(InstData::new(Op::Return, Type::I64, &[]), &[]);
            func.blocks[to.index()].insts.push(stub);
            preds[to.index()] = 0;
            func.replace_uses(&params.into_iter().zip(args).collect());
        }
    }
}

/// Removes block parameters that nothing uses, or that are the same value on every edge.
fn simplify_params(func: &mut Function) {
    for block in func.block_ids().skip(1) {
        let mut n = 0;
        while n < func.blocks[block.index()].params.len() {
            let param = func.blocks[block.index()].params[n];
            let mut given: HashSet<Value> = HashSet::new();
            let mut used = false;
            for inst in func.blocks.iter().flat_map(|b| &b.insts) {
                let data = &func.insts[inst.index()];
                used |= data.args.contains(&param);
                for target in &data.targets {
                    for (k, &arg) in target.args.iter().enumerate() {
                        if target.block == block && k == n {
                            given.insert(arg);
                        } else {
                            used |= arg == param;
                        }
                    }
                }
            }
            given.remove(&param);
            let only = (given.len() == 1).then(|| given.into_iter().next()).flatten();
            if used && only.is_none() {
                n += 1;
                continue;
            }
            func.blocks[block.index()].params.remove(n);
            for target in func.insts.iter_mut().flat_map(|i| &mut i.targets).filter(|t| t.block == block) {
                if n < target.args.len() {
                    target.args.remove(n);
                }
            }
            if let Some(only) = only {
                func.replace_uses(&HashMap::from([(param, only)]));
            }
        }
    }
}

fn drop_dead(func: &mut Function) {
    let mut used: HashSet<Value> = HashSet::new();
    for inst in func.blocks.iter().flat_map(|b| &b.insts) {
        func.for_each_use(&func.insts[inst.index()], |v| _ = used.insert(v));
    }
    let insts = &func.insts;
    for block in &mut func.blocks {
        block.insts.retain(|inst| {
            let data = &insts[inst.index()];
            let effect = data.op.info().effect;
            let droppable = matches!(effect, Effect::Pure | Effect::Load | Effect::AtomicLoad | Effect::ReadsMachine);
            !droppable || data.results.iter().any(|r| used.contains(r))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::generate::Generator;

    /// "Fails" if a multiplication is left: the shrinker must find little more than that.
    #[test]
    fn what_does_not_matter_goes() {
        let generator = Generator::default();
        let has = |unit: &Unit| {
            unit.functions.iter().any(|f| !places(f, |d| d.op == Op::Imul && !d.results.is_empty()).is_empty())
        };
        let cleaned = |n| {
            let mut program = generator.program(3, n);
            clean(&mut program.unit);
            program
        };
        let program = (0..).map(cleaned).find(|p| has(&p.unit)).expect("some multiply");
        let before: usize = program.unit.functions.iter().map(Function::inst_count).sum();
        let mut fails = |unit: &Unit, _: &[Input]| {
            lockstep_ir::verify::verify(unit).unwrap_or_else(|e| panic!("{e}"));
            has(unit)
        };
        let (unit, inputs) = shrink(&program.unit, &program.inputs, &mut fails);
        let after: usize = unit.functions.iter().map(Function::inst_count).sum();
        assert!(after <= 12, "{before} instructions became {after}:\n{}", lockstep_ir::text::print(&unit));
        assert_eq!(inputs.len(), 1);
        assert!(inputs[0].memory.iter().all(|&w| w == 0));
    }
}
