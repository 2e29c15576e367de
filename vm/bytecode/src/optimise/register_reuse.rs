//! Lets registers of one kind share a place if their values are never needed at the same time, and drops registers that nothing names.
//!
//! *Idea.* Two registers interfere if one is written while the other is live. Registers are taken in order, and each moves to the first one of its kind that it does not interfere
//! with. What is left is numbered anew, in the same order.
//!
//! *Sound*, because kinds are never merged, and these stay by themselves: parameters keep their places; captured registers and variables to be closed, which others can
//! see; and whatever belongs to a group (arguments, results, iterators, chains), as its registers are consecutive. Numbering in order keeps groups together and
//! keeps `close` ending the variables that it ended. Smaller frames take less of the stack, and that is all a program could see of it: in how deep it gets before
//! a limit of *memory*.

use super::body::{Body, build, clobbers, map_values};
use crate::passes::Fuel;
use crate::{Capture, Instr, Reg, RegSet, Role, Sem, Value};

pub fn run(body: &mut Body<'_>, fuel: &mut Fuel) {
    let place = shared_places(body, fuel);
    rename(body, &place);
    let identities: Vec<bool> = body.function.code.iter().map(|instr| !is_identity(*instr)).collect();
    body.retain(&identities);
    let place = numbering(body, fuel);
    rename(body, &place);
    let mut kept = Vec::new();
    for (index, register) in body.function.registers.drain(..).enumerate() {
        if place[index].is_some() {
            kept.push(register);
        }
    }
    body.function.registers = kept;
}

/// Registers that keep a place of their own.
fn fixed(body: &Body<'_>) -> RegSet {
    let mut fixed: RegSet = (0..body.function.registers.len())
        .filter_map(|reg| u8::try_from(reg).ok())
        .map(Reg)
        .filter(|reg| body.is_pinned(*reg))
        .collect();
    for instr in &body.function.code {
        if let Some(group) = instr.group() {
            let first = group.first.index();
            (first..first + group.len())
                .filter_map(|reg| u8::try_from(reg).ok())
                .for_each(|reg| fixed.insert(Reg(reg)));
        }
        for (operand, value) in instr.declared() {
            if let (Role::Args, Value::Reg(first), Some(callee)) = (operand.role, value, instr.callee()) {
                let count = body.params(callee);
                (0..count).filter_map(|i| u8::try_from(first.index() + i).ok()).for_each(|reg| fixed.insert(Reg(reg)));
            }
        }
    }
    fixed
}

/// Which registers are written while which others are live.
fn interference(body: &Body<'_>) -> Vec<RegSet> {
    let cfg = body.cfg();
    let live = body.liveness(&cfg);
    let mut interferes = vec![RegSet::default(); body.function.registers.len()];
    let mut meet = |reg: Reg, others: RegSet| {
        for other in others.iter().filter(|other| *other != reg) {
            interferes[reg.index()].insert(other);
            interferes[other.index()].insert(reg);
        }
    };
    for pc in body.pcs() {
        clobbers(body.instr(pc)).for_each(|reg| meet(reg, live.after(pc)));
    }
    // Parameters are written before the first instruction, and so are all others that it finds live.
    let entry = live.before(crate::Pc(0));
    (0..body.function.param_count).map(Reg).for_each(|reg| meet(reg, entry));
    interferes
}

fn shared_places(body: &mut Body<'_>, fuel: &mut Fuel) -> Vec<Option<Reg>> {
    let fixed = fixed(body);
    let mut interferes = interference(body);
    let count = body.function.registers.len();
    let mut place: Vec<Option<Reg>> = (0..count).map(|reg| u8::try_from(reg).ok().map(Reg)).collect();
    let named = mentioned(body);
    for reg in usize::from(body.function.param_count)..count {
        let own = Reg(reg as u8);
        if fixed.contains(own) || !named.contains(own) {
            continue;
        }
        let kind = body.function.kind(own);
        let taken = |other: &usize| {
            let other = Reg(*other as u8);
            // A register that has moved away is no place any more.
            let is_place = place[other.index()] == Some(other) && !fixed.contains(other);
            is_place
                && named.contains(other)
                && body.function.kind(other) == kind
                && !interferes[own.index()].contains(other)
        };
        let Some(other) = (0..reg).find(taken) else { continue };
        if fuel.take() {
            place[reg] = Some(Reg(other as u8));
            let both = interferes[other].union(interferes[reg]);
            interferes[other] = both;
            both.iter().for_each(|third| interferes[third.index()].insert(Reg(other as u8)));
            let registers = &mut body.function.registers;
            if registers[other].name != registers[reg].name {
                // It is two variables now. Messages go by the program as it was written.
                registers[other].name = None;
            }
        }
    }
    place
}

/// The registers that instructions name.
fn mentioned(body: &Body<'_>) -> RegSet {
    let mut named: RegSet = (0..body.function.param_count).map(Reg).collect();
    for instr in &body.function.code {
        clobbers(*instr).for_each(|reg| named.insert(reg));
        // A group of no registers names the first one all the same.
        instr.group().into_iter().for_each(|group| named.insert(group.first));
        instr.for_each_use(&body.function, |callee| body.params(callee), |reg| named.insert(reg));
    }
    named
}

/// Numbers in order, without the registers that nothing names.
fn numbering(body: &Body<'_>, fuel: &mut Fuel) -> Vec<Option<Reg>> {
    let named = mentioned(body);
    let mut next = 0u8;
    (0..body.function.registers.len())
        .map(|reg| {
            let own = Reg(reg as u8);
            let is_kept = named.contains(own) || body.is_pinned(own) || !fuel.take();
            is_kept.then(|| {
                next = next.wrapping_add(1);
                Reg(next.wrapping_sub(1))
            })
        })
        .collect()
}

/// Puts each register in its place.
fn rename(body: &mut Body<'_>, place: &[Option<Reg>]) {
    let to = |reg: Reg| place[reg.index()].unwrap_or(reg);
    let end = place.iter().flatten().max().map_or(0, |last| last.index() + 1);
    for index in 0..body.function.code.len() {
        let instr = body.function.code[index];
        let params = instr.callee().map_or(0, |callee| body.params(callee));
        let is_empty_group = instr.group().is_some_and(|group| group.is_empty());
        let new = match instr.info().sem {
            // It ends the variables from a number on: those that had at least this number have the same order still.
            Sem::Close => {
                let Value::Imm(from) = instr.operands()[0] else { continue };
                let from =
                    (from as usize..place.len()).find_map(|reg| place[reg].filter(|_| body.is_pinned(Reg(reg as u8))));
                // Without such a variable nothing is to be ended: what is behind the last register says so.
                let from = from.map_or(end, Reg::index).min(usize::from(u8::MAX));
                build(instr.op(), &[Value::Imm(from as i64)])
            }
            _ => map_values(instr, |role, value| match value {
                Value::Reg(reg) if role == Role::Args && params == 0 || role.is_group() && is_empty_group => {
                    Value::Reg(reg)
                }
                Value::Reg(reg) => Value::Reg(to(reg)),
                value => value,
            }),
        };
        body.function.code[index] = new;
    }
    for template in &mut body.function.templates {
        for capture in &mut template.captures {
            if let Capture::Register(reg) = capture {
                *reg = to(*reg);
            }
        }
    }
    body.repin(place);
}

fn is_identity(instr: Instr) -> bool {
    let (Sem::Move | Sem::Box) = instr.info().sem else { return false };
    instr.operands()[0] == instr.operands()[1]
}
