//! Reads values where they are instead of where they were copied to, and writes results where they are wanted.
//!
//! *Idea.* Forwards: an operand that is a copy of another register on every path becomes that register, and the move is left to dead-code elimination. Backwards: if
//! the only thing that happens to a result is that it is moved away, in the same block and before anyone looks at source or destination, then the
//! instruction writes the destination, and the move goes.
//!
//! *Sound*, because a copy is forgotten as soon as either register is written or lost, and neither may be one that others can see. An instruction that raises writes nothing, so
//! that it does not matter which register it would have written. Kinds are never mixed: an operand takes a register only of a kind that the table lets
//! it read. Two operands of an instruction that may raise are never made one register, so that messages can tell them apart.

use std::collections::BTreeMap;

use super::body::{Body, clobbers, map_values};
use crate::passes::Fuel;
use crate::{BlockId, Cfg, Function, Instr, OperandKind, Pc, Reg, Role, Sem, Value};

/// Which register a register is a copy of.
type Copies = BTreeMap<Reg, Reg>;

pub fn run(body: &mut Body<'_>, fuel: &mut Fuel) {
    // Backwards first: forwards makes sources live longer.
    backwards(body, fuel);
    forwards(body, fuel);
}

/// Source and destination of a move between registers that nobody else can see.
fn copy(body: &Body<'_>, instr: Instr) -> Option<(Reg, Reg)> {
    let (Sem::Move | Sem::Box) = instr.info().sem else { return None };
    let [Value::Reg(dst), Value::Reg(a)] = *instr.operands() else { return None };
    (!body.is_pinned(dst) && !body.is_pinned(a)).then_some((dst, a))
}

fn step(body: &Body<'_>, instr: Instr, copies: &mut Copies) {
    let moved = copy(body, instr).map(|(dst, a)| (dst, copies.get(&a).copied().unwrap_or(a)));
    for reg in clobbers(instr) {
        copies.retain(|to, from| *to != reg && *from != reg);
    }
    if let Some((dst, from)) = moved.filter(|(dst, from)| dst != from) {
        copies.insert(dst, from);
    }
}

/// The copies at the entry of each reachable block.
fn flow(body: &Body<'_>, cfg: &Cfg) -> Vec<Option<Copies>> {
    let mut entries: Vec<Option<Copies>> = vec![None; cfg.blocks().len()];
    entries[0] = Some(Copies::new());
    let mut work = vec![BlockId(0)];
    while let Some(id) = work.pop() {
        let block = cfg.block(id);
        let mut copies = entries[id.index()].clone().unwrap_or_default();
        block.pcs().for_each(|pc| step(body, body.instr(pc), &mut copies));
        for to in &block.successors {
            let entry = &mut entries[to.index()];
            let merged = match entry {
                None => copies.clone(),
                Some(old) => {
                    old.iter().filter(|(to, from)| copies.get(to) == Some(from)).map(|(t, f)| (*t, *f)).collect()
                }
            };
            if entry.as_ref() != Some(&merged) {
                *entry = Some(merged);
                work.push(*to);
            }
        }
    }
    entries
}

fn forwards(body: &mut Body<'_>, fuel: &mut Fuel) {
    let cfg = body.cfg();
    let entries = flow(body, &cfg);
    for (block, copies) in cfg.blocks().iter().zip(entries) {
        let Some(mut copies) = copies else { continue };
        for pc in block.pcs() {
            let better = read_sources(&body.function, body.instr(pc), &copies, fuel);
            body.replace(pc, better);
            step(body, better, &mut copies);
        }
    }
}

/// The instruction with each operand that is a copy replaced by its source.
fn read_sources(function: &Function, instr: Instr, copies: &Copies, fuel: &mut Fuel) -> Instr {
    let info = instr.info();
    let mut better = instr;
    for (index, operand) in info.operands.iter().enumerate().filter(|(_, operand)| operand.role == Role::Use) {
        let operands = better.operands();
        let Some(source) = operands[index].reg().and_then(|reg| copies.get(&reg)).copied() else { continue };
        let kind = function.kind(source);
        let fits = match operand.kind {
            OperandKind::Fixed(wanted) => kind == wanted,
            OperandKind::Generic => kind.is_generic_operand(),
            OperandKind::OwnResult => function.result == Some(kind),
            OperandKind::None | OperandKind::CalleeResult => false,
        };
        let is_read = better.declared().any(|(other, value)| other.role != Role::Def && value == Value::Reg(source));
        let in_group = better.group().is_some_and(|group| group.reads().any(|reg| reg == source));
        if fits && (info.errors.is_empty() || !is_read && !in_group) && fuel.take() {
            let mut at = 0;
            better = map_values(better, |_, value| {
                at += 1;
                if at == index + 1 { Value::Reg(source) } else { value }
            });
        }
    }
    better
}

fn backwards(body: &mut Body<'_>, fuel: &mut Fuel) {
    let cfg = body.cfg();
    let live = body.liveness(&cfg);
    let mut keep = vec![true; body.function.code.len()];
    for block in cfg.blocks() {
        for pc in block.pcs() {
            let Some((dst, a)) = copy(body, body.instr(pc)) else { continue };
            if dst == a {
                keep[pc.index()] = !fuel.take();
                continue;
            }
            let same_kind = body.function.kind(dst) == body.function.kind(a);
            if !same_kind || live.after(pc).contains(a) {
                continue;
            }
            let Some(writer) = writer(body, block.start, pc, dst, a, &keep) else { continue };
            if fuel.take() {
                let instr = body.instr(writer);
                body.replace(
                    writer,
                    map_values(instr, |role, value| if role == Role::Def { Value::Reg(dst) } else { value }),
                );
                keep[pc.index()] = false;
            }
        }
    }
    body.retain(&keep);
}

/// The instruction before `pc`, in the block that begins at `start`, that writes `a` as its one result, if nothing between them mentions either register.
fn writer(body: &Body<'_>, start: Pc, pc: Pc, dst: Reg, a: Reg, keep: &[bool]) -> Option<Pc> {
    for at in (start.0..pc.0).rev().map(Pc).filter(|at| keep[at.index()]) {
        let instr = body.instr(at);
        let defines = instr.declared().any(|(operand, value)| operand.role == Role::Def && value == Value::Reg(a));
        if defines {
            return Some(at);
        }
        if body.mentions(instr, a) || body.mentions(instr, dst) {
            return None;
        }
    }
    None
}
