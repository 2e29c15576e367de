//! Leads branches to where they end up: past jumps, to returns, and never to the next instruction.
//!
//! *Idea.* A branch to a `jump` goes to that jump's target at once; a `jump` to an instruction that returns becomes a copy of it; a `jump` to the next instruction goes; and a
//! branch around a `jump` becomes the opposite branch to the jump's target.
//!
//! *Sound*, because every path takes as many back edges as before: they are counted by budgets, they poll, and finalizers run there. A branch whose condition a
//! metamethod can decide, or that steps an iterator, counts its own back edge in some cases only; so such a branch stays the kind of edge it
//! is, and takes over no back edge of a jump's. Any other takes its position over with it, as that is where a budget ends.

use super::body::{Body, build, map_values};
use crate::passes::Fuel;
use crate::{Cc, Effects, Function, Instr, JumpTable, Op, Pc, Sem, TableId, Test, Value};

/// How many jumps in a row are followed; circles of them end there.
const LONGEST_CHAIN: usize = 16;

pub fn run(body: &mut Body<'_>, fuel: &mut Fuel) {
    loop {
        let before = fuel.used();
        body.pcs().for_each(|pc| branch(body, pc, fuel));
        (0..body.function.tables.len()).for_each(|table| switch(body, table, fuel));
        around(body, fuel);
        to_next(body, fuel);
        if fuel.used() == before || fuel.is_empty() {
            return;
        }
    }
}

/// Whether a branch must stay what it is, a back edge or none, and take over none of a jump's: it has errors of its own, whose position is its own, or it is not in
/// all cases counted as a back edge if it is one.
fn keeps_its_kind(instr: Instr) -> bool {
    let info = instr.info();
    info.effects.contains(Effects::CALLS) || info.sem == Sem::ForPrep || !info.errors.is_empty()
}

/// Where a branch from `from` to `to` can go at once, and the jump on the way whose back edge it then takes, if that is not its own.
fn end_of(body: &Body<'_>, from: Pc, to: Pc, keeps_its_kind: bool) -> (Pc, Option<Pc>) {
    let is_back = Function::is_back_edge(from, to);
    let (mut best, mut at) = ((to, None), to);
    let mut edges = u32::from(is_back);
    let mut through = None;
    for _ in 0..LONGEST_CHAIN {
        let Instr::Jump { target } = body.instr(at) else { break };
        if Function::is_back_edge(at, target) {
            edges += 1;
            through = Some(at);
        }
        at = target;
        let same = match keeps_its_kind {
            true => through.is_none() && Function::is_back_edge(from, at) == is_back,
            false => edges == u32::from(Function::is_back_edge(from, at)),
        };
        if same {
            best = (at, through);
        }
    }
    best
}

fn branch(body: &mut Body<'_>, pc: Pc, fuel: &mut Fuel) {
    let instr = body.instr(pc);
    let Some(target) = instr.target() else { return };
    let (end, through) = end_of(body, pc, target, keeps_its_kind(instr));
    if end != target && fuel.take() {
        body.replace(pc, map_values(instr, |_, value| if value.label().is_some() { Value::Label(end) } else { value }));
        if let Some(jump) = through {
            // Where a budget ends or an interrupt comes is where the jump was.
            body.stand_for(pc, jump);
        }
    }
    let Instr::Jump { target } = body.instr(pc) else { return };
    let last = body.instr(target);
    let returns = matches!(last.info().sem, Sem::Ret | Sem::RetVoid | Sem::RetAny) && !last.takes_open();
    if returns && !Function::is_back_edge(pc, target) && fuel.take() {
        body.copy(target, pc);
    }
}

fn switch(body: &mut Body<'_>, table: usize, fuel: &mut Fuel) {
    let is_its = |pc: &Pc| body.instr(*pc).operands().contains(&Value::Table(TableId(table as u32)));
    let mut switches = body.pcs().filter(is_its);
    // Back edges are counted from where the switch stands.
    let (Some(from), None) = (switches.next(), switches.next()) else { return };
    let mut changed = body.function.tables[table].clone();
    let JumpTable { targets, default } = &mut changed;
    for target in targets.iter_mut().chain([default]) {
        let (end, _) = end_of(body, from, *target, true);
        if end != *target && fuel.take() {
            *target = end;
        }
    }
    body.function.tables[table] = changed;
}

/// A branch around a jump.
fn around(body: &mut Body<'_>, fuel: &mut Fuel) {
    let mut keep = vec![true; body.function.code.len()];
    let mut is_target = vec![false; keep.len()];
    let branches = body.function.code.iter().filter_map(|instr| instr.target());
    let tables = body.function.tables.iter().flat_map(JumpTable::all);
    branches.chain(tables).for_each(|target| is_target[target.index()] = true);
    for pc in body.pcs().rev().skip(2) {
        let instr = body.instr(pc);
        let (jump, behind) = (Pc(pc.0 + 1), Pc(pc.0 + 2));
        let Instr::Jump { target } = body.instr(jump) else { continue };
        if instr.target() != Some(behind) || is_target[jump.index()] || !keep[pc.index()] {
            continue;
        }
        let Some(op) = opposite(instr) else { continue };
        let back = Function::is_back_edge(jump, target);
        let same = back == Function::is_back_edge(pc, target) && !(back && keeps_its_kind(instr));
        if same && fuel.take() {
            let lead = |value: &Value| if value.label().is_some() { Value::Label(target) } else { *value };
            let values: Vec<Value> = instr.operands().iter().map(lead).collect();
            body.replace(pc, build(op, &values));
            if back {
                body.stand_for(pc, jump);
            }
            is_target[target.index()] = true;
            keep[jump.index()] = false;
        }
    }
    body.retain(&keep);
}

/// The branch that is taken where this one is not.
fn opposite(instr: Instr) -> Option<Op> {
    let info = instr.info();
    let is_float = info.kind == Some(crate::Kind::F64);
    let sem = match info.sem {
        Sem::BranchBool(when) => Sem::BranchBool(!when),
        Sem::BranchTruth(when) => Sem::BranchTruth(!when),
        Sem::BranchNil(when) => Sem::BranchNil(!when),
        Sem::Branch(cc) => Sem::Branch(negation(cc, is_float)?),
        Sem::BranchImm(cc) => Sem::BranchImm(negation(cc, is_float)?),
        Sem::AnyBranch(test) => Sem::AnyBranch(opposite_test(test)),
        Sem::AnyBranchImm(test) => Sem::AnyBranchImm(opposite_test(test)),
        _ => return None,
    };
    Op::find(sem, info.kind, info.from)
}

fn negation(cc: Cc, is_float: bool) -> Option<Cc> {
    Some(match cc {
        Cc::Eq => Cc::Ne,
        Cc::Ne => Cc::Eq,
        Cc::NotLt => Cc::Lt,
        Cc::NotLe => Cc::Le,
        Cc::Lt if is_float => Cc::NotLt,
        Cc::Le if is_float => Cc::NotLe,
        _ if is_float => return None,
        Cc::Lt => Cc::Ge,
        Cc::Le => Cc::Gt,
        Cc::Gt => Cc::Le,
        Cc::Ge => Cc::Lt,
    })
}

fn opposite_test(test: Test) -> Test {
    match test {
        Test::Eq => Test::Ne,
        Test::Ne => Test::Eq,
        Test::Lt => Test::NotLt,
        Test::NotLt => Test::Lt,
        Test::Le => Test::NotLe,
        Test::NotLe => Test::Le,
        Test::Gt => Test::NotGt,
        Test::NotGt => Test::Gt,
        Test::Ge => Test::NotGe,
        Test::NotGe => Test::Ge,
    }
}

/// Branches to the next instruction that cannot raise.
fn to_next(body: &mut Body<'_>, fuel: &mut Fuel) {
    let mut keep = vec![true; body.function.code.len()];
    for pc in body.pcs() {
        let instr = body.instr(pc);
        let is_plain = matches!(
            instr.info().sem,
            Sem::Jump
                | Sem::BranchBool(_)
                | Sem::BranchTruth(_)
                | Sem::BranchNil(_)
                | Sem::Branch(_)
                | Sem::BranchImm(_)
        );
        if is_plain && instr.target() == Some(Pc(pc.0 + 1)) && fuel.take() {
            keep[pc.index()] = false;
        }
    }
    body.retain(&keep);
}
