//! Replaces what is known before the program runs: operations on constants, branches on constants, operands that fit into the instruction.
//!
//! *Idea.* A forward data flow finds what registers hold on every path, along the edges that can be taken (so that a loop is believed to keep a constant until it is
//! seen not to). Then results become constants, decided branches jumps or nothing, and operands with small constants immediate ones; identities of integers become moves.
//!
//! *Sound*, because typed operations are evaluated by the interpreter's own semantics, and only where they do not raise; generic ones only on numbers, nil, booleans and
//! strings where no metamethod can have a say. NaNs and numerals in strings are left to the run. Registers that others can see are never known.

use std::collections::BTreeMap;

use super::body::{Body, build, clobbers};
use super::constants::{Constant, decision, result};
use super::dead_code::is_harmless;
use crate::passes::Fuel;
use crate::{BinOp, BlockId, Cc, Cfg, Function, Instr, Kind, NumberKind, Op, Pc, Reg, Role, Sem, StrId, Test, Value};

/// What registers are known to hold.
type Known = BTreeMap<Reg, Constant>;

pub fn run(body: &mut Body<'_>, fuel: &mut Fuel) {
    let cfg = body.cfg();
    let entries = flow(body, &cfg);
    let mut keep = vec![true; body.function.code.len()];
    for (block, known) in cfg.blocks().iter().zip(entries) {
        let Some(mut known) = known else { continue };
        for pc in block.pcs() {
            keep[pc.index()] = fold(body, pc, &known, fuel);
            step(body, pc, &mut known);
        }
    }
    body.retain(&keep);
}

/// What is known at the entry of each block; nothing at all of blocks that cannot be reached.
fn flow(body: &Body<'_>, cfg: &Cfg) -> Vec<Option<Known>> {
    let mut entries: Vec<Option<Known>> = vec![None; cfg.blocks().len()];
    entries[0] = Some(Known::new());
    let mut work = vec![BlockId(0)];
    while let Some(id) = work.pop() {
        let block = cfg.block(id);
        let mut known = entries[id.index()].clone().unwrap_or_default();
        let last = Pc(block.end.0 - 1);
        let mut decided = None;
        for pc in block.pcs() {
            if pc == last {
                decided = decision(&body.function, pc, &|reg| known.get(&reg).copied());
            }
            step(body, pc, &mut known);
        }
        let mut visit = |to: Pc| {
            let to = cfg.block_of(to);
            let entry = &mut entries[to.index()];
            let merged = match entry {
                None => known.clone(),
                Some(old) => {
                    old.iter().filter(|(reg, value)| known.get(reg) == Some(value)).map(|(r, v)| (*r, *v)).collect()
                }
            };
            if entry.as_ref() != Some(&merged) {
                *entry = Some(merged);
                work.push(to);
            }
        };
        match decided {
            Some(to) => visit(to),
            None => body.function.for_each_successor(last, visit),
        }
    }
    entries
}

/// What is known after an instruction.
fn step(body: &Body<'_>, pc: Pc, known: &mut Known) {
    let instr = body.instr(pc);
    let value = result(&body.function, instr, &|reg| known.get(&reg).copied());
    for reg in clobbers(instr) {
        known.remove(&reg);
    }
    if let (Some(value), Some(dst)) = (value, instr.def())
        && !body.is_pinned(dst)
    {
        known.insert(dst, value);
    }
}

/// Makes what can be made of an instruction; answers whether it stays.
fn fold(body: &mut Body<'_>, pc: Pc, known: &Known, fuel: &mut Fuel) -> bool {
    let instr = body.instr(pc);
    let lookup = |reg: Reg| known.get(&reg).copied();
    if let Some(to) = decision(&body.function, pc, &lookup) {
        let next = Pc(pc.0 + 1);
        let falls = to == next && instr.info().falls_through();
        if fuel.take() {
            body.replace(pc, Instr::Jump { target: to });
            return !falls;
        }
        return true;
    }
    let value = result(&body.function, instr, &lookup);
    if let (Some(value), Some(dst)) = (value, instr.def())
        && !is_load(instr)
        && !body.is_pinned(dst)
        && (is_harmless(instr) || is_decided(instr))
        && let Some(load) = load(body, dst, value)
    {
        if fuel.take() {
            body.replace(pc, load);
        }
        return true;
    }
    if let Some(better) = immediate(&body.function, instr, &lookup).or_else(|| identity(instr))
        && fuel.take()
    {
        body.replace(pc, better);
    }
    true
}

/// Whether the instruction loads a constant already.
fn is_load(instr: Instr) -> bool {
    matches!(
        instr.info().sem,
        Sem::Const | Sem::Pool | Sem::Number(_) | Sem::Nil | Sem::Truth | Sem::Integer | Sem::Text
    )
}

/// Whether an instruction that could raise or call with other operands does neither with those whose result is known.
fn is_decided(instr: Instr) -> bool {
    matches!(
        instr.info().sem,
        Sem::Binary(_)
            | Sem::Unary(_)
            | Sem::Convert(_)
            | Sem::Unbox
            | Sem::Arith(_)
            | Sem::ArithImm(_)
            | Sem::AnyUnary(_)
            | Sem::AnyCompare(_)
    )
}

/// The instruction that loads a constant into a register.
fn load(body: &mut Body<'_>, dst: Reg, value: Constant) -> Option<Instr> {
    let dst_kind = body.function.kind(dst);
    let dst = Value::Reg(dst);
    let (sem, kind) = match (dst_kind, value.kind) {
        (Kind::Any, Kind::Nil) => return Some(build(Op::NilAny, &[dst])),
        (Kind::Any, Kind::Bool) => return Some(build(Op::BoolAny, &[dst, Value::Imm(value.bits as i64)])),
        (Kind::Any, Kind::String) => return Some(build(Op::StringAny, &[dst, Value::Str(StrId(value.bits as u16))])),
        (Kind::Any, Kind::I64) => match i32::try_from(value.bits as i64) {
            Ok(small) => return Some(build(Op::IntAny, &[dst, Value::Imm(i64::from(small))])),
            Err(_) => (Sem::Number(NumberKind::Int), Kind::Any),
        },
        (Kind::Any, Kind::F64) => (Sem::Number(NumberKind::Float), Kind::Any),
        (kind, own) if kind == own => {
            let small = Op::find(Sem::Const, Some(kind), None).and_then(|op| {
                let imm = if kind == Kind::Bool { Some(value.bits as i64) } else { value.as_int() };
                Instr::build(op, &[dst, Value::Imm(imm?)])
            });
            match small {
                Some(small) => return Some(small),
                None => (Sem::Pool, kind),
            }
        }
        _ => return None,
    };
    let op = Op::find(sem, Some(kind), None)?;
    let id = body.constant(value.bits)?;
    Some(build(op, &[dst, Value::Pool(id)]))
}

/// The same operation with an immediate operand in the place of a register, if its value fits.
fn immediate(function: &Function, instr: Instr, known: &impl Fn(Reg) -> Option<Constant>) -> Option<Instr> {
    let info = instr.info();
    let operand = |name: &str| info.operand(name).map(|index| instr.operands()[index]);
    let (a, b) = (operand("a").and_then(Value::reg)?, operand("b").and_then(Value::reg)?);
    // The second operand, or the first with the operation turned round.
    let turned = [(a, known(b), false), (b, known(a), true)];
    turned.into_iter().find_map(|(reg, value, is_turned)| {
        let value = value?;
        let is_shift =
            matches!(info.sem, Sem::Binary(BinOp::Shl | BinOp::Shr | BinOp::ShrLogical | BinOp::Rotl | BinOp::Rotr));
        let sem = match info.sem {
            Sem::Binary(op) if !is_turned || is_commutative(op) => Sem::BinaryImm(op),
            Sem::Arith(op) if !is_turned => Sem::ArithImm(op),
            Sem::Branch(cc) => Sem::BranchImm(if is_turned { mirrored(cc)? } else { cc }),
            Sem::AnyBranch(test) => Sem::AnyBranchImm(if is_turned { mirrored_test(test) } else { test }),
            _ => return None,
        };
        let op = Op::find(sem, info.kind, info.from)?;
        let imm = match value.kind {
            // A generic operation must see an integer where it saw one.
            Kind::F64 if info.kind == Some(Kind::F64) => {
                let float = f64::from_bits(value.bits);
                let whole = float as i64;
                (whole as f64 == float).then_some(whole)?
            }
            _ if info.kind == Some(Kind::Any) && value.kind != Kind::I64 => return None,
            _ if is_shift => (value.bits & u64::from(value.kind.bits() - 1)) as i64,
            _ => value.as_int()?,
        };
        if !function.kind(reg).is_generic_operand() && info.kind == Some(Kind::Any) {
            return None;
        }
        let values: Vec<Value> = op
            .info()
            .operands
            .iter()
            .map(|own| match (own.name, own.role) {
                ("a", _) => Some(Value::Reg(reg)),
                ("imm", _) => Some(Value::Imm(imm)),
                (_, Role::Seen) => Some(Value::Seen),
                (name, _) => operand(name),
            })
            .collect::<Option<_>>()?;
        Instr::build(op, &values)
    })
}

const fn is_commutative(op: BinOp) -> bool {
    matches!(op, BinOp::Add | BinOp::Mul | BinOp::And | BinOp::Or | BinOp::Xor)
}

/// The relation with its operands exchanged.
const fn mirrored(cc: Cc) -> Option<Cc> {
    match cc {
        Cc::Eq | Cc::Ne => Some(cc),
        Cc::Lt => Some(Cc::Gt),
        Cc::Le => Some(Cc::Ge),
        Cc::Gt => Some(Cc::Lt),
        Cc::Ge => Some(Cc::Le),
        Cc::NotLt | Cc::NotLe => None,
    }
}

/// The test with its operands exchanged. `gt` is `lt` of the operands exchanged, metamethods included; integers have no metamethod `__eq`.
const fn mirrored_test(test: Test) -> Test {
    match test {
        Test::Eq | Test::Ne => test,
        Test::Lt => Test::Gt,
        Test::NotLt => Test::NotGt,
        Test::Le => Test::Ge,
        Test::NotLe => Test::NotGe,
        Test::Gt => Test::Lt,
        Test::NotGt => Test::NotLt,
        Test::Ge => Test::Le,
        Test::NotGe => Test::NotLe,
    }
}

/// The move that an operation on integers with a neutral constant is.
fn identity(instr: Instr) -> Option<Instr> {
    let info = instr.info();
    let Sem::BinaryImm(op) = info.sem else {
        return None;
    };
    let kind = info.kind.filter(|kind| kind.is_integer())?;
    let [dst, a, Value::Imm(imm)] = *instr.operands() else { return None };
    let is_neutral = match op {
        BinOp::Add | BinOp::Sub | BinOp::Or | BinOp::Xor => imm == 0,
        BinOp::Mul => imm == 1,
        BinOp::And => imm == -1,
        BinOp::Shl | BinOp::Shr | BinOp::ShrLogical | BinOp::Rotl | BinOp::Rotr => imm % i64::from(kind.bits()) == 0,
        _ => false,
    };
    let moves = Op::find(Sem::Move, Some(kind), None).filter(|_| is_neutral)?;
    Some(build(moves, &[dst, a]))
}
