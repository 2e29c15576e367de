//! WebAssembly scripts: a module per case, and `assert_return` with exact bits. Narrow integers are `i32`s that hold their value zero-extended.
//!
//! Blocks become a loop around a jump table, which needs no structure in the control flow. Memory is linear memory: each run has its words before and
//! after in data segments, and a function of the module compares the two.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lockstep_ir::eval::CANONICAL_NAN;
use lockstep_ir::{BlockCall, Function, Imm, InstData, Op, OpInstance, Type, Unit};

use super::{CANONICAL_NAN_32, Item, Reason, Rendered, Tuple, needs_host, open};
use crate::case::{Case, Compare, Expected};

pub(super) fn write(name: &str, _identifier: &str, item: &Item) -> Result<Rendered, Reason> {
    let mut text = format!(";; {name}, exported by Lockstep.\n");
    let (checks, left_out) = match item {
        Item::Operation(instance, tuples) => operation(&mut text, instance, tuples)?,
        Item::Unit(case) => (unit(&mut text, case)?, BTreeMap::new()),
    };
    Ok(Rendered { text, checks, left_out })
}

/// The type of a value.
fn wasm(ty: Type) -> &'static str {
    match ty {
        Type::I64 => "i64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        _ => "i32",
    }
}

/// The type that a value's bits cross the boundary as.
fn bits_type(ty: Type) -> &'static str {
    if matches!(ty, Type::I64 | Type::F64) { "i64" } else { "i32" }
}

fn constant(ty: Type, bits: u64) -> String {
    format!("({}.const {bits:#x})", bits_type(ty))
}

/// Operands as folded expressions; each may be written down any number of times.
struct Operands<'a> {
    op: Op,
    /// The controlling type.
    ty: Type,
    args: &'a [String],
    types: &'a [Type],
}

impl Operands<'_> {
    fn w(&self) -> &'static str {
        wasm(self.ty)
    }

    fn a(&self) -> &str {
        &self.args[0]
    }

    fn b(&self) -> &str {
        &self.args[1]
    }

    /// An operand sign-extended to its wasm type.
    fn signed(&self, n: usize) -> String {
        match self.types[n] {
            Type::I8 => format!("(i32.extend8_s {})", self.args[n]),
            Type::I16 => format!("(i32.extend16_s {})", self.args[n]),
            _ => self.args[n].clone(),
        }
    }

    /// An operand of at most 32 bits in 64.
    fn wide(&self, n: usize, signed: bool) -> String {
        if signed {
            format!("(i64.extend_i32_s {})", self.signed(n))
        } else {
            format!("(i64.extend_i32_u {})", self.args[n])
        }
    }

    fn binary(&self, name: &str) -> String {
        format!("({}.{name} {} {})", self.w(), self.a(), self.b())
    }

    fn signed_binary(&self, name: &str) -> String {
        format!("({}.{name} {} {})", self.w(), self.signed(0), self.signed(1))
    }

    fn float(&self, name: &str) -> String {
        format!("(f64.{name} {})", self.args.join(" "))
    }

    /// The second operand modulo the width, which wasm does itself at 32 and 64 bits.
    fn amount(&self) -> String {
        match self.ty {
            Type::I8 | Type::I16 => format!("(i32.and {} (i32.const {}))", self.b(), self.ty.bits() - 1),
            _ => self.b().to_owned(),
        }
    }

    fn missing(&self) -> Reason {
        Reason::NoCounterpart(format!("{}.{}", self.op.info().name, self.ty))
    }

    /// The results. Narrow ones may have bits above their width, which the caller cuts off.
    fn results(&self) -> Result<Vec<String>, Reason> {
        let (w, bits) = (self.w(), self.ty.bits());
        let narrow = bits < 32;
        let one = match self.op {
            Op::Iadd => self.binary("add"),
            Op::Isub => self.binary("sub"),
            Op::Imul => self.binary("mul"),
            Op::Ineg => format!("({w}.sub ({w}.const 0) {})", self.a()),
            Op::Sdiv => self.signed_binary("div_s"),
            Op::Srem => self.signed_binary("rem_s"),
            Op::Udiv => self.binary("div_u"),
            Op::Urem => self.binary("rem_u"),
            Op::Band => self.binary("and"),
            Op::Bor => self.binary("or"),
            Op::Bxor => self.binary("xor"),
            Op::Bnot => format!("({w}.xor {} ({w}.const -1))", self.a()),
            Op::Shl => format!("({w}.shl {} {})", self.a(), self.amount()),
            Op::Lshr => format!("({w}.shr_u {} {})", self.a(), self.amount()),
            Op::Ashr => format!("({w}.shr_s {} {})", self.signed(0), self.amount()),
            Op::Rotl | Op::Rotr if narrow => {
                let (towards, back) = if self.op == Op::Rotl { ("shl", "shr_u") } else { ("shr_u", "shl") };
                let rest = format!("(i32.sub (i32.const {bits}) {})", self.amount());
                format!("(i32.or (i32.{towards} {0} {1}) (i32.{back} {0} {rest}))", self.a(), self.amount())
            }
            Op::Rotl => self.binary("rotl"),
            Op::Rotr => self.binary("rotr"),
            Op::Clz if narrow => format!("(i32.sub (i32.clz {}) (i32.const {}))", self.a(), 32 - bits),
            Op::Ctz if narrow => format!("(i32.ctz (i32.or {} (i32.const {})))", self.a(), 1 << bits),
            Op::Clz | Op::Ctz | Op::Popcnt => format!("({w}.{} {})", self.op.info().name, self.a()),
            Op::Smulhi | Op::Umulhi if bits <= 32 => {
                let signed = self.op == Op::Smulhi;
                let product = format!("(i64.mul {} {})", self.wide(0, signed), self.wide(1, signed));
                format!("(i32.wrap_i64 (i64.shr_u {product} (i64.const {bits})))")
            }
            Op::SaddOverflow
            | Op::SsubOverflow
            | Op::SmulOverflow
            | Op::UaddOverflow
            | Op::UsubOverflow
            | Op::UmulOverflow => {
                return self.overflow();
            }
            Op::Select => format!("(select {} {} {})", self.args[1], self.args[2], self.args[0]),
            Op::IcmpEq => self.binary("eq"),
            Op::IcmpNe => self.binary("ne"),
            Op::IcmpSlt => self.signed_binary("lt_s"),
            Op::IcmpSle => self.signed_binary("le_s"),
            Op::IcmpSgt => self.signed_binary("gt_s"),
            Op::IcmpSge => self.signed_binary("ge_s"),
            Op::IcmpUlt => self.binary("lt_u"),
            Op::IcmpUle => self.binary("le_u"),
            Op::IcmpUgt => self.binary("gt_u"),
            Op::IcmpUge => self.binary("ge_u"),
            Op::FcmpEq => self.float("eq"),
            Op::FcmpNe => self.float("ne"),
            Op::FcmpLt => self.float("lt"),
            Op::FcmpLe => self.float("le"),
            Op::FcmpGt => self.float("gt"),
            Op::FcmpGe => self.float("ge"),
            Op::FcmpOrd => format!("(i32.and (f64.eq {0} {0}) (f64.eq {1} {1}))", self.a(), self.b()),
            Op::FcmpUno => format!("(i32.or (f64.ne {0} {0}) (f64.ne {1} {1}))", self.a(), self.b()),
            Op::Fadd => self.float("add"),
            Op::Fsub => self.float("sub"),
            Op::Fmul => self.float("mul"),
            Op::Fdiv => self.float("div"),
            Op::Fmin => self.float("min"),
            Op::Fmax => self.float("max"),
            Op::Fneg => self.float("neg"),
            Op::Fabs => self.float("abs"),
            Op::Fcopysign => self.float("copysign"),
            Op::Fsqrt => self.float("sqrt"),
            Op::Fceil => self.float("ceil"),
            Op::Ffloor => self.float("floor"),
            Op::Ftrunc => self.float("trunc"),
            Op::Fnearest => self.float("nearest"),
            Op::Sext if self.ty == Type::I64 => self.wide(0, true),
            Op::Zext if self.ty == Type::I64 => self.wide(0, false),
            Op::Sext => self.signed(0),
            Op::Zext => self.a().to_owned(),
            Op::Trunc if self.types[0] == Type::I64 => format!("(i32.wrap_i64 {})", self.a()),
            Op::Trunc => self.a().to_owned(),
            Op::SintToF64 => format!("(f64.convert_{w}_s {})", self.a()),
            Op::UintToF64 => format!("(f64.convert_{w}_u {})", self.a()),
            Op::F64ToSintSat => format!("({w}.trunc_sat_f64_s {})", self.a()),
            Op::F64ToUintSat => format!("({w}.trunc_sat_f64_u {})", self.a()),
            Op::F32ToF64 => format!("(f64.promote_f32 {})", self.a()),
            Op::F64ToF32 => format!("(f32.demote_f64 {})", self.a()),
            Op::BitsToF64 => format!("(f64.reinterpret_i64 {})", self.a()),
            Op::F64ToBits => format!("(i64.reinterpret_f64 {})", self.a()),
            Op::BitsToF32 => format!("(f32.reinterpret_i32 {})", self.a()),
            Op::F32ToBits => format!("(i32.reinterpret_f32 {})", self.a()),
            _ => return Err(self.missing()),
        };
        Ok(vec![one])
    }

    /// Exact in 64 bits where the width is less; by the operands' signs or order where it is 64.
    fn overflow(&self) -> Result<Vec<String>, Reason> {
        let signed = matches!(self.op, Op::SaddOverflow | Op::SsubOverflow | Op::SmulOverflow);
        let name = match self.op {
            Op::SaddOverflow | Op::UaddOverflow => "add",
            Op::SsubOverflow | Op::UsubOverflow => "sub",
            _ => "mul",
        };
        let result = self.binary(name);
        let bits = self.ty.bits();
        let flag = if bits < 64 {
            let exact = format!("(i64.{name} {} {})", self.wide(0, signed), self.wide(1, signed));
            let fits = match (signed, bits) {
                (true, 8) => format!("(i64.extend8_s {exact})"),
                (true, 16) => format!("(i64.extend16_s {exact})"),
                (true, _) => format!("(i64.extend32_s {exact})"),
                (false, _) => format!("(i64.and {exact} (i64.const {:#x}))", self.ty.mask()),
            };
            format!("(i64.ne {exact} {fits})")
        } else {
            let (a, b) = (self.a(), self.b());
            let sign = |x: String| format!("(i64.lt_s {x} (i64.const 0))");
            match self.op {
                Op::SaddOverflow => sign(format!("(i64.and (i64.xor {a} {result}) (i64.xor {b} {result}))")),
                Op::SsubOverflow => sign(format!("(i64.and (i64.xor {a} {b}) (i64.xor {a} {result}))")),
                Op::UaddOverflow => format!("(i64.lt_u {result} {a})"),
                Op::UsubOverflow => format!("(i64.lt_u {a} {b})"),
                _ => return Err(self.missing()),
            }
        };
        Ok(vec![result, flag])
    }
}

/// What an instruction or operation computes, cut to the results' widths.
fn computed(op: Op, ty: Type, args: &[String], types: &[Type], results: &[Type]) -> Result<Vec<String>, Reason> {
    let list = Operands { op, ty, args, types }.results()?;
    let cut = |(expression, ty): (String, &Type)| match ty {
        Type::I8 | Type::I16 => format!("(i32.and {expression} (i32.const {:#x}))", ty.mask()),
        _ => expression,
    };
    Ok(list.into_iter().zip(results).map(cut).collect())
}

/// Whether wasm's instruction traps at these operands: narrow quotients are computed at 32 bits, where the least by -1 fits.
fn traps(op: Op, ty: Type, args: &[u64]) -> bool {
    let zero = args.get(1) == Some(&0);
    match op {
        Op::Udiv | Op::Urem | Op::Srem => zero,
        Op::Sdiv => zero || ty.bits() >= 32 && args[1] == ty.mask() && args[0] == 1 << (ty.bits() - 1),
        _ => false,
    }
}

fn operation(
    text: &mut String,
    instance: &OpInstance,
    tuples: &[Tuple],
) -> Result<(usize, BTreeMap<Reason, usize>), Reason> {
    let (op, args, results) = (instance.op, &instance.args, &instance.results);
    let local = |(n, ty): (usize, &Type)| match ty {
        Type::F64 => format!("(f64.reinterpret_i64 (local.get {n}))"),
        Type::F32 => format!("(f32.reinterpret_i32 (local.get {n}))"),
        _ => format!("(local.get {n})"),
    };
    let locals: Vec<String> = args.iter().enumerate().map(local).collect();
    let returned = computed(op, instance.ty, &locals, args, results)?;
    let types = |list: &[Type]| list.iter().map(|&ty| bits_type(ty)).collect::<Vec<_>>().join(" ");
    let _ = writeln!(text, "(module (func (export \"f\") (param {}) (result {})", types(args), types(results));
    for (value, &ty) in returned.iter().zip(results) {
        let _ = writeln!(text, "  {}", bits_of(value, ty, open(op, ty)));
    }
    text.push_str("))\n");
    let mut checks = 0;
    let mut left_out = BTreeMap::new();
    for tuple in tuples {
        if traps(op, instance.ty, &tuple.args) {
            *left_out.entry(Reason::Traps(op.info().name)).or_insert(0) += 1;
            continue;
        }
        let list = |types: &[Type], bits: &[u64]| -> String {
            types.iter().zip(bits).map(|(&ty, &bits)| format!(" {}", constant(ty, bits))).collect()
        };
        let (given, expected) = (list(args, &tuple.args), list(results, &tuple.results));
        let _ = writeln!(text, "(assert_return (invoke \"f\"{given}){expected})");
        checks += 1;
    }
    Ok((checks, left_out))
}

/// A value's bits, NaNs made canonical where they are open.
fn bits_of(value: &str, ty: Type, open: bool) -> String {
    let (int, nan) = match ty {
        Type::F64 => ("i64", CANONICAL_NAN),
        Type::F32 => ("i32", CANONICAL_NAN_32),
        _ => return value.to_owned(),
    };
    let bits = format!("({int}.reinterpret_{ty} {value})");
    if open { format!("(select ({int}.const {nan:#x}) {bits} ({ty}.ne {value} {value}))") } else { bits }
}

/// Where the words of the first run begin; the bytes below catch what goes wrong by a little.
const BASE: u64 = 1024;

fn unit(text: &mut String, case: &Case) -> Result<usize, Reason> {
    let mut functions = String::new();
    for (n, func) in case.unit.functions.iter().enumerate() {
        function(&mut functions, &case.unit, n, func)?;
    }
    let mut address = BASE;
    let (mut data, mut checks) = (String::new(), String::new());
    for run in &case.runs {
        let Expected::All(expected) = &run.expected else { unreachable!("the case is complete") };
        let count = run.memory.len() as u64;
        // As much room before and behind as the words take, so that strays of one run are no other run's words.
        let before = address + 64;
        let after = before + 8 * count + 64;
        address = after + 8 * count;
        let _ = writeln!(data, "  (data (i32.const {before}) \"{}\")", bytes(&run.memory));
        let _ = writeln!(data, "  (data (i32.const {after}) \"{}\")", bytes(&expected.memory));
        let _ = writeln!(
            checks,
            "(assert_return (invoke \"f{}\" (i64.const {before}) (i64.const {:#x}) (i64.const 0)) (i32.const {}))",
            run.func.index(),
            run.argument,
            expected.returned
        );
        for (word, &bits) in expected.memory.iter().enumerate() {
            let canonical = match run.rules.get(word) {
                Compare::F64 if f64::from_bits(bits).is_nan() => "canonical64",
                Compare::F32 if f32::from_bits(bits as u32).is_nan() => "canonical32",
                _ => continue,
            };
            for at in [before, after] {
                let _ = writeln!(checks, "(invoke \"{canonical}\" (i32.const {}))", at + 8 * word as u64);
            }
        }
        let _ = writeln!(
            checks,
            "(assert_return (invoke \"differs\" (i32.const {before}) (i32.const {after}) (i32.const {})) (i32.const 0))",
            8 * count
        );
    }
    let pages = (address + 64).div_ceil(65536);
    let _ = write!(text, "(module\n  (memory (export \"memory\") {pages})\n{data}{SUPPORT}{functions})\n{checks}");
    Ok(2 * case.runs.len())
}

/// Functions that checks use. `differs` gives the distance of the first differing word from the end, and 0 if there is none.
const SUPPORT: &str = r#"  (func (export "differs") (param $a i32) (param $b i32) (param $left i32) (result i32)
    (loop $again
      (if (i32.eqz (local.get $left)) (then (return (i32.const 0))))
      (if (i64.ne (i64.load (local.get $a)) (i64.load (local.get $b))) (then (return (local.get $left))))
      (local.set $a (i32.add (local.get $a) (i32.const 8)))
      (local.set $b (i32.add (local.get $b) (i32.const 8)))
      (local.set $left (i32.sub (local.get $left) (i32.const 8)))
      (br $again))
    (unreachable))
  (func (export "canonical64") (param $a i32)
    (if (f64.ne (f64.load (local.get $a)) (f64.load (local.get $a)))
      (then (i64.store (local.get $a) (i64.const 0x7ff8000000000000)))))
  (func (export "canonical32") (param $a i32)
    (if (f32.ne (f32.load (local.get $a)) (f32.load (local.get $a)))
      (then (i32.store (local.get $a) (i32.const 0x7fc00000)))))
"#;

fn bytes(words: &[u64]) -> String {
    words.iter().flat_map(|w| w.to_le_bytes()).fold(String::new(), |mut out, byte| {
        let _ = write!(out, "\\{byte:02x}");
        out
    })
}

fn function(text: &mut String, unit: &Unit, n: usize, func: &Function) -> Result<(), Reason> {
    let params: String = func.signature.params.iter().map(|p| format!(" (param {})", wasm(p.ty))).collect();
    let results: String = func.signature.results.iter().map(|&ty| format!(" (result {})", wasm(ty))).collect();
    let _ = writeln!(text, "  (func $f{n} (export \"f{n}\"){params}{results} (local $next i32)");
    for (value, data) in func.values.iter().enumerate() {
        let _ = writeln!(text, "    (local $v{value} {})", wasm(data.ty));
    }
    for (n, value) in func.blocks[0].params.iter().enumerate() {
        let _ = writeln!(text, "    (local.set ${value} (local.get {n}))");
    }
    // Instructions one after the other and not one in the other: readers limit how deep parentheses go.
    text.push_str("    loop $again\n");
    (0..func.blocks.len()).rev().for_each(|n| {
        let _ = writeln!(text, "    block $block{n}");
    });
    let targets: String = (0..func.blocks.len()).map(|n| format!(" $block{n}")).collect();
    let _ = writeln!(text, "    local.get $next\n    br_table{targets} $block0");
    for block in &func.blocks {
        text.push_str("    end\n");
        for inst in block.insts.iter().map(|i| &func.insts[i.index()]) {
            instruction(text, unit, func, inst)?;
        }
    }
    text.push_str("    end\n    unreachable)\n");
    Ok(())
}

fn get(value: impl std::fmt::Display) -> String {
    format!("(local.get ${value})")
}

fn instruction(text: &mut String, unit: &Unit, func: &Function, inst: &InstData) -> Result<(), Reason> {
    let args: Vec<String> = inst.args.iter().map(get).collect();
    let address = |base: &str| {
        let offset = inst.mem().map_or(0, |mem| mem.1);
        format!("(i32.wrap_i64 (i64.add {base} (i64.const {offset})))")
    };
    let set_all = |text: &mut String| {
        for result in inst.results.iter().rev() {
            let _ = writeln!(text, "    local.set ${result}");
        }
    };
    match (inst.op, &inst.imm) {
        (Op::Iconst, Imm::Int(bits)) => {
            let _ = writeln!(text, "    (local.set ${} {})", inst.results[0], constant(inst.ty, *bits));
        }
        (Op::Fconst, Imm::Float(bits)) => {
            let _ = writeln!(text, "    (local.set ${} (f64.reinterpret_i64 (i64.const {bits:#x})))", inst.results[0]);
        }
        (Op::Load, _) => {
            let load = match inst.ty {
                Type::I8 => "i32.load8_u".to_owned(),
                Type::I16 => "i32.load16_u".to_owned(),
                ty => format!("{ty}.load"),
            };
            let _ = writeln!(text, "    (local.set ${} ({load} align=1 {}))", inst.results[0], address(&args[0]));
        }
        (Op::Store, _) => {
            let store = match inst.ty {
                Type::I8 => "i32.store8".to_owned(),
                Type::I16 => "i32.store16".to_owned(),
                ty => format!("{ty}.store"),
            };
            let _ = writeln!(text, "    ({store} align=1 {} {})", address(&args[1]), args[0]);
        }
        (Op::Call, Imm::Func(callee)) => {
            let _ = writeln!(text, "    (call $f{} {})", callee.index(), args.join(" "));
            debug_assert!(callee.index() < unit.functions.len());
            set_all(text);
        }
        (op, _) if needs_host(op) => return Err(Reason::Host),
        (Op::Jump, _) => goto(text, func, &inst.targets[0]),
        (Op::Brif, _) => {
            let _ = writeln!(text, "    {}\n    if", args[0]);
            goto(text, func, &inst.targets[0]);
            text.push_str("    else\n");
            goto(text, func, &inst.targets[1]);
            text.push_str("    end\n    unreachable\n");
        }
        (Op::Switch, _) => {
            let w = wasm(inst.ty);
            for (&case, target) in inst.cases.iter().zip(&inst.targets[1..]) {
                let _ = writeln!(text, "    ({w}.eq {} ({w}.const {case:#x}))\n    if", args[0]);
                goto(text, func, target);
                text.push_str("    end\n");
            }
            goto(text, func, &inst.targets[0]);
        }
        (Op::Return, _) => {
            let _ = writeln!(text, "    {}\n    return", args.join(" "));
        }
        // What traps would be a wrong result here, and cannot be known beforehand.
        (Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem, _) => return Err(Reason::Traps(inst.op.info().name)),
        (op, _) if op.is_pure() => {
            let types: Vec<Type> = inst.args.iter().map(|&v| func.ty(v)).collect();
            let results: Vec<Type> = inst.results.iter().map(|&v| func.ty(v)).collect();
            for value in computed(op, inst.ty, &args, &types, &results)? {
                let _ = writeln!(text, "    {value}");
            }
            set_all(text);
        }
        (op, _) => return Err(Reason::NoCounterpart(op.info().name.to_owned())),
    }
    Ok(())
}

/// A branch: all arguments are on the stack before any parameter is set.
fn goto(text: &mut String, func: &Function, target: &BlockCall) {
    for arg in &target.args {
        let _ = writeln!(text, "    {}", get(arg));
    }
    for param in func.blocks[target.block.index()].params.iter().rev() {
        let _ = writeln!(text, "    local.set ${param}");
    }
    let _ = writeln!(text, "    (local.set $next (i32.const {}))\n    br $again", target.block.index());
}
