//! CLIF in the form of its filetests: `test run`, with a run command per check. Run commands pass scalars only, so a case that touches memory
//! has no place here; and CLIF's divisions trap, so tuples that would are left out, and functions with divisions are not exported.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lockstep_ir::eval::{CANONICAL_NAN, sign_extend};
use lockstep_ir::{BlockCall, Function, Imm, InstData, Op, OpInstance, Signature, Type, Unit};

use super::{CANONICAL_NAN_32, Item, Reason, Rendered, Tuple, needs_host, open};
use crate::case::{Case, Expected};

pub(super) fn write(name: &str, identifier: &str, item: &Item) -> Result<Rendered, Reason> {
    let mut text =
        format!("; {name}, exported by Lockstep.\ntest interpret\ntest run\ntarget x86_64\ntarget aarch64\n\n");
    let (checks, left_out) = match item {
        Item::Operation(instance, tuples) => operation(&mut text, identifier, instance, tuples)?,
        Item::Unit(case) => (unit(&mut text, case)?, BTreeMap::new()),
    };
    Ok(Rendered { text, checks, left_out })
}

/// The type that bits of a value have.
fn bits_type(ty: Type) -> &'static str {
    match ty {
        Type::F32 => "i32",
        Type::F64 => "i64",
        _ => ty.name(),
    }
}

/// A value of a run command: bits as a signed integer.
fn datum(ty: Type, bits: u64) -> i64 {
    match ty {
        Type::F64 => bits as i64,
        Type::F32 => i64::from(bits as u32 as i32),
        _ => sign_extend(ty, bits),
    }
}

fn data(types: &[Type], bits: &[u64]) -> String {
    types.iter().zip(bits).map(|(&ty, &bits)| datum(ty, bits).to_string()).collect::<Vec<_>>().join(", ")
}

/// The instruction that computes an operation, without its operands.
fn mnemonic(op: Op, ty: Type) -> Option<String> {
    let name = op.info().name;
    let plain = match op {
        Op::Shl => "ishl".to_owned(),
        Op::Lshr => "ushr".to_owned(),
        Op::Ashr => "sshr".to_owned(),
        Op::Fsqrt => "sqrt".to_owned(),
        Op::Fceil => "ceil".to_owned(),
        Op::Ffloor => "floor".to_owned(),
        Op::Ftrunc => "trunc".to_owned(),
        Op::Fnearest => "nearest".to_owned(),
        Op::Sext => format!("sextend.{ty}"),
        Op::Zext => format!("uextend.{ty}"),
        Op::Trunc => format!("ireduce.{ty}"),
        Op::SintToF64 => "fcvt_from_sint.f64".to_owned(),
        Op::UintToF64 => "fcvt_from_uint.f64".to_owned(),
        Op::F64ToSintSat => format!("fcvt_to_sint_sat.{ty}"),
        Op::F64ToUintSat => format!("fcvt_to_uint_sat.{ty}"),
        Op::F32ToF64 => "fpromote.f64".to_owned(),
        Op::F64ToF32 => "fdemote.f32".to_owned(),
        Op::BitsToF64 | Op::F64ToBits | Op::BitsToF32 | Op::F32ToBits => format!("bitcast.{ty}"),
        Op::F64ToSintExact | Op::F64ToUintExact => return None,
        _ => match name.split_once('_') {
            Some((compare @ ("icmp" | "fcmp"), condition)) => format!("{compare} {condition}"),
            _ if op.is_pure() => name.to_owned(),
            _ => return None,
        },
    };
    Some(plain)
}

/// Whether CLIF's instruction traps at these operands.
fn traps(op: Op, ty: Type, args: &[u64]) -> bool {
    let zero = args.get(1) == Some(&0);
    match op {
        Op::Udiv | Op::Urem | Op::Srem => zero,
        Op::Sdiv => zero || args[1] == ty.mask() && args[0] == 1 << (ty.bits() - 1),
        _ => false,
    }
}

fn divides(op: Op) -> bool {
    matches!(op, Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem)
}

fn operation(
    text: &mut String,
    identifier: &str,
    instance: &OpInstance,
    tuples: &[Tuple],
) -> Result<(usize, BTreeMap<Reason, usize>), Reason> {
    let op = instance.op;
    let mnemonic = mnemonic(op, instance.ty).ok_or_else(|| Reason::NoCounterpart(instance.to_string()))?;
    let types = |list: &[Type]| list.iter().map(|&ty| bits_type(ty)).collect::<Vec<_>>().join(", ");
    let name = identifier.trim_start_matches("ir_edge_");
    let _ = writeln!(text, "function %{name}({}) -> {} {{", types(&instance.args), types(&instance.results));
    let params = instance.args.iter().enumerate().map(|(n, &ty)| format!("v{n}: {}", bits_type(ty)));
    let _ = writeln!(text, "block0({}):", params.collect::<Vec<_>>().join(", "));
    let mut next = instance.args.len();
    let mut args = Vec::new();
    for (n, &ty) in instance.args.iter().enumerate() {
        if ty.is_int() {
            args.push(format!("v{n}"));
        } else {
            let _ = writeln!(text, "    v{next} = bitcast.{ty} v{n}");
            args.push(format!("v{next}"));
            next += 1;
        }
    }
    let results: Vec<String> = (0..instance.results.len()).map(|n| format!("v{}", next + n)).collect();
    next += results.len();
    let _ = writeln!(text, "    {} = {mnemonic} {}", results.join(", "), args.join(", "));
    let mut returned = Vec::new();
    for (value, &ty) in results.into_iter().zip(&instance.results) {
        returned.push(if ty.is_int() { value } else { bits_of(text, &mut next, value, ty, open(op, ty)) });
    }
    let _ = writeln!(text, "    return {}\n}}", returned.join(", "));
    let mut checks = 0;
    let mut left_out = BTreeMap::new();
    for tuple in tuples {
        if traps(op, instance.ty, &tuple.args) {
            *left_out.entry(Reason::Traps(op.info().name)).or_insert(0) += 1;
            continue;
        }
        let expected = data(&instance.results, &tuple.results);
        let expected = if instance.results.len() > 1 { format!("[{expected}]") } else { expected };
        let _ = writeln!(text, "; run: %{name}({}) == {expected}", data(&instance.args, &tuple.args));
        checks += 1;
    }
    Ok((checks, left_out))
}

/// A float's bits, NaNs made canonical where they are open.
fn bits_of(text: &mut String, next: &mut usize, value: String, ty: Type, open: bool) -> String {
    let int = bits_type(ty);
    let at = *next;
    let _ = writeln!(text, "    v{at} = bitcast.{int} {value}");
    *next += 1;
    if !open {
        return format!("v{at}");
    }
    let nan = if ty == Type::F64 { CANONICAL_NAN } else { CANONICAL_NAN_32 };
    let _ = writeln!(text, "    v{} = fcmp uno {value}, {value}", at + 1);
    let _ = writeln!(text, "    v{} = iconst.{int} {nan:#x}", at + 2);
    let _ = writeln!(text, "    v{} = select v{}, v{}, v{at}", at + 3, at + 1, at + 2);
    *next += 3;
    format!("v{}", at + 3)
}

fn unit(text: &mut String, case: &Case) -> Result<usize, Reason> {
    // Nothing is written for a unit that cannot be: reasons come first.
    let insts =
        case.unit.functions.iter().flat_map(|f| f.blocks.iter().flat_map(|b| &b.insts).map(|i| &f.insts[i.index()]));
    for inst in insts {
        match inst.op {
            Op::Load | Op::Store | Op::AtomicLoad => return Err(Reason::Memory),
            op if needs_host(op) => return Err(Reason::Host),
            op if divides(op) => return Err(Reason::Traps(op.info().name)),
            Op::Iconst | Op::Fconst | Op::Call | Op::Jump | Op::Brif | Op::Switch | Op::Return => {}
            op if mnemonic(op, inst.ty).is_some() => {}
            op => return Err(Reason::NoCounterpart(op.info().name.to_owned())),
        }
    }
    for (n, func) in case.unit.functions.iter().enumerate() {
        function(text, &case.unit, n, func);
        // Right after its function: `test run` calls the one that a command follows.
        for run in case.runs.iter().filter(|run| run.func.index() == n) {
            let Expected::All(expected) = &run.expected else { unreachable!("the case is complete") };
            let _ = writeln!(text, "; run: %f{n}(0, {}, 0) == {}", run.argument as i64, expected.returned);
        }
        text.push('\n');
    }
    Ok(case.runs.len())
}

fn signature(signature: &Signature) -> String {
    let params: Vec<&str> = signature.params.iter().map(|p| p.ty.name()).collect();
    let results: Vec<&str> = signature.results.iter().map(|ty| ty.name()).collect();
    let arrow = if results.is_empty() { String::new() } else { format!(" -> {}", results.join(", ")) };
    format!("({}){arrow}", params.join(", "))
}

fn function(text: &mut String, unit: &Unit, n: usize, func: &Function) {
    let _ = writeln!(text, "function %f{n}{} {{", signature(&func.signature));
    let insts = || func.blocks.iter().flat_map(|b| &b.insts).map(|i| &func.insts[i.index()]);
    let callees: BTreeSet<usize> = insts()
        .filter_map(|inst| match inst.imm {
            Imm::Func(callee) => Some(callee.index()),
            _ => None,
        })
        .collect();
    for callee in callees {
        let _ = writeln!(text, "    fn{callee} = colocated %f{callee}{}", signature(&unit.functions[callee].signature));
    }
    let mut fresh = Fresh { value: func.values.len(), block: func.blocks.len() };
    for (n, block) in func.blocks.iter().enumerate() {
        let params: Vec<String> = block.params.iter().map(|&p| format!("{p}: {}", func.ty(p))).collect();
        let list = if params.is_empty() { String::new() } else { format!("({})", params.join(", ")) };
        let _ = writeln!(text, "block{n}{list}:");
        for inst in block.insts.iter().map(|i| &func.insts[i.index()]) {
            instruction(text, inst, &mut fresh);
        }
    }
    text.push_str("}\n");
}

/// Numbers that nothing has yet.
struct Fresh {
    value: usize,
    block: usize,
}

fn list<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn target(target: &BlockCall) -> String {
    if target.args.is_empty() { target.block.to_string() } else { format!("{}({})", target.block, list(&target.args)) }
}

fn instruction(text: &mut String, inst: &InstData, fresh: &mut Fresh) {
    let results = if inst.results.is_empty() { String::new() } else { format!("{} = ", list(&inst.results)) };
    let args = list(&inst.args);
    let _ = match (inst.op, &inst.imm) {
        (Op::Iconst, Imm::Int(bits)) => {
            writeln!(text, "    {results}iconst.{} {}", inst.ty, sign_extend(inst.ty, *bits))
        }
        (Op::Fconst, Imm::Float(bits)) => {
            let value = fresh.value;
            fresh.value += 1;
            let _ = writeln!(text, "    v{value} = iconst.i64 {}", *bits as i64);
            writeln!(text, "    {results}bitcast.f64 v{value}")
        }
        (Op::Call, Imm::Func(callee)) => writeln!(text, "    {results}call fn{}({args})", callee.index()),
        (Op::Jump, _) => writeln!(text, "    jump {}", target(&inst.targets[0])),
        (Op::Brif, _) => {
            writeln!(text, "    brif {args}, {}, {}", target(&inst.targets[0]), target(&inst.targets[1]))
        }
        (Op::Switch, _) => {
            for (&case, to) in inst.cases.iter().zip(&inst.targets[1..]) {
                let (constant, equal, next) = (fresh.value, fresh.value + 1, fresh.block);
                fresh.value += 2;
                fresh.block += 1;
                let _ = writeln!(text, "    v{constant} = iconst.{} {}", inst.ty, sign_extend(inst.ty, case));
                let _ = writeln!(text, "    v{equal} = icmp eq {args}, v{constant}");
                let _ = writeln!(text, "    brif v{equal}, {}, block{next}", target(to));
                let _ = writeln!(text, "block{next}:");
            }
            writeln!(text, "    jump {}", target(&inst.targets[0]))
        }
        (Op::Return, _) => writeln!(text, "    return {args}"),
        (op, _) => {
            let mnemonic = mnemonic(op, inst.ty).expect("checked before");
            writeln!(text, "    {results}{mnemonic} {args}")
        }
    };
}
