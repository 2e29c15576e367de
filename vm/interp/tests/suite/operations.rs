//! Every pure operation on the cross product of its kinds' edge values, against a judge of its own: wide integers and
//! decision by decimal or bit patterns, never the operation that the interpreter uses.

use crate::common::{call, function, r};
use lockstep_bytecode::{BinOp, Cc, ConvertMode, ErrorKind, Instr, Kind, Op, Sem, UnOp, Value as Operand};
use lockstep_runtime::Value;

/// What an instruction does: a value or an error.
type Outcome = Result<Value, ErrorKind>;

fn edges(kind: Kind) -> Vec<Value> {
    let ints: Vec<i128> = {
        let (min, max) = range(kind);
        let mut all: Vec<i128> = vec![0, 1, 2, 3, 7, 31, 32, 33, 63, 64, 65, 100, -1, -2, -3, -7, -32, -64];
        for bit in 0..64u32 {
            if bit % 8 < 2 || bit % 8 == 7 {
                all.extend([(1i128 << bit) - 1, 1 << bit, (1 << bit) + 1, -(1i128 << bit)]);
            }
        }
        all.extend([min, min + 1, max - 1, max]);
        all.retain(|v| (min..=max).contains(v));
        all.sort_unstable();
        all.dedup();
        all
    };
    match kind {
        Kind::F64 => [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            -0.5,
            1.5,
            2.5,
            -2.5,
            3.0,
            -3.0,
            7.25,
            5e-324,
            -5e-324,
            2.2250738585072014e-308,
            1e300,
            -1e300,
            f64::MAX,
            f64::MIN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            2147483647.0,
            2147483648.0,
            -2147483648.0,
            -2147483649.0,
            4294967295.0,
            4294967296.0,
            9007199254740993.0,
            9223372036854774784.0,
            9223372036854775808.0,
            -9223372036854775808.0,
            -9223372036854777856.0,
            18446744073709549568.0,
            18446744073709551616.0,
            4503599627370495.5,
            0.49999999999999994,
        ]
        .map(Value::F64)
        .to_vec(),
        Kind::Bool => vec![Value::Bool(false), Value::Bool(true)],
        _ => ints.into_iter().map(|v| int(kind, v).unwrap()).collect(),
    }
}

fn range(kind: Kind) -> (i128, i128) {
    match kind {
        Kind::I32 => (-(1 << 31), (1 << 31) - 1),
        Kind::U32 => (0, (1 << 32) - 1),
        Kind::I64 => (-(1 << 63), (1 << 63) - 1),
        Kind::U64 => (0, (1 << 64) - 1),
        _ => (0, 0),
    }
}

/// The integer as a value of the kind, if it is in range.
fn int(kind: Kind, v: i128) -> Option<Value> {
    let (min, max) = range(kind);
    (min..=max).contains(&v).then_some(match kind {
        Kind::I32 => Value::I32(v as i32),
        Kind::U32 => Value::U32(v as u32),
        Kind::I64 => Value::I64(v as i64),
        _ => Value::U64(v as u64),
    })
}

/// The integer modulo two to the width.
fn wrapped(kind: Kind, v: i128) -> Value {
    let (min, max) = range(kind);
    let modulus = max - min + 1;
    int(kind, (v - min).rem_euclid(modulus) + min).unwrap()
}

fn wide(value: &Value) -> i128 {
    match *value {
        Value::I32(v) => v.into(),
        Value::U32(v) => v.into(),
        Value::I64(v) => v.into(),
        Value::U64(v) => v.into(),
        ref other => panic!("{other} is no integer"),
    }
}

fn float(value: &Value) -> f64 {
    let Value::F64(v) = *value else { panic!("{value} is no float") };
    v
}

fn truth(value: &Value) -> bool {
    let Value::Bool(v) = *value else { panic!("{value} is no truth value") };
    v
}

/// The bits of an integer value, as wide as its kind.
fn bits(kind: Kind, v: i128) -> u128 {
    (v & ((1i128 << kind.bits()) - 1)) as u128
}

fn binary(op: BinOp, kind: Kind, a: &Value, b: &Value) -> Outcome {
    match kind {
        Kind::F64 => Ok(Value::F64(float_binary(op, float(a), float(b)))),
        Kind::Bool => {
            let (a, b) = (truth(a), truth(b));
            Ok(Value::Bool(match op {
                BinOp::And => a && b,
                BinOp::Or => a || b,
                BinOp::Xor => a != b,
                other => panic!("{other:?} of truth values"),
            }))
        }
        _ => int_binary(op, kind, wide(a), wide(b)),
    }
}

fn int_binary(op: BinOp, kind: Kind, a: i128, b: i128) -> Outcome {
    let exact = |v: i128| int(kind, v).ok_or(ErrorKind::IntegerOverflow);
    let width = i128::from(kind.bits());
    let amount = b.rem_euclid(width) as u32;
    let from_bits = |bits: u128| Ok(wrapped(kind, bits as i128 & ((1 << width) - 1)));
    let zero = |v: Outcome| if b == 0 { Err(ErrorKind::DivideByZero) } else { v };
    let b1 = if b == 0 { 1 } else { b };
    match op {
        BinOp::Add => Ok(wrapped(kind, a + b)),
        BinOp::Sub => Ok(wrapped(kind, a - b)),
        // 64 by 64 bits fits 128 bits with a sign only for one of the two readings: reduce one factor's range first.
        BinOp::Mul => Ok(wrapped(kind, bits(kind, a).wrapping_mul(bits(kind, b)) as i128 & ((1 << width) - 1))),
        BinOp::AddChecked => exact(a + b),
        BinOp::SubChecked => exact(a - b),
        BinOp::MulChecked => a.checked_mul(b).and_then(|v| int(kind, v)).ok_or(ErrorKind::IntegerOverflow),
        BinOp::Div => zero(exact(a / b1)),
        BinOp::Rem => zero(exact(a % b1)),
        BinOp::DivFloor => zero(exact((a - ((a % b1) + b1) % b1) / b1)),
        BinOp::RemFloor => zero(exact(((a % b1) + b1) % b1)),
        BinOp::And => from_bits(bits(kind, a) & bits(kind, b)),
        BinOp::Or => from_bits(bits(kind, a) | bits(kind, b)),
        BinOp::Xor => from_bits(bits(kind, a) ^ bits(kind, b)),
        BinOp::Shl => Ok(wrapped(kind, (bits(kind, a) << amount) as i128 & ((1 << width) - 1))),
        BinOp::Shr => exact(a.div_euclid(1 << amount)),
        BinOp::ShrLogical => from_bits(bits(kind, a) >> amount),
        BinOp::Rotl => from_bits(bits(kind, a) << amount | bits(kind, a) >> (width as u32 - amount)),
        BinOp::Rotr => from_bits(bits(kind, a) >> amount | bits(kind, a) << (width as u32 - amount)),
        BinOp::Min => exact(if a < b { a } else { b }),
        BinOp::Max => exact(if a < b { b } else { a }),
    }
}

fn float_binary(op: BinOp, a: f64, b: f64) -> f64 {
    // Total order of non-NaN floats, −0 below +0.
    let rank = |v: f64| if v.is_sign_negative() { -(v.to_bits() as i64 & i64::MAX) - 1 } else { v.to_bits() as i64 };
    match op {
        BinOp::Add => a + b,
        BinOp::Sub => a - b,
        BinOp::Mul => a * b,
        BinOp::Div => a / b,
        BinOp::Rem => a % b,
        BinOp::RemFloor => {
            let rem = a % b;
            if rem.abs() > 0.0 && rem.is_sign_negative() != b.is_sign_negative() { rem + b } else { rem }
        }
        BinOp::Min | BinOp::Max if a.is_nan() || b.is_nan() => f64::NAN,
        BinOp::Min => [a, b].into_iter().min_by_key(|&v| rank(v)).unwrap(),
        BinOp::Max => [a, b].into_iter().max_by_key(|&v| rank(v)).unwrap(),
        other => panic!("{other:?} of floats"),
    }
}

fn unary(op: UnOp, kind: Kind, a: &Value) -> Outcome {
    match kind {
        Kind::Bool => Ok(Value::Bool(!truth(a))),
        Kind::F64 => {
            let a = float(a);
            let sign = 1u64 << 63;
            Ok(Value::F64(match op {
                UnOp::Neg => f64::from_bits(a.to_bits() ^ sign),
                UnOp::Abs => f64::from_bits(a.to_bits() & !sign),
                UnOp::Sqrt => a.sqrt(),
                UnOp::Floor => a.floor(),
                UnOp::Ceil => a.ceil(),
                UnOp::Trunc => {
                    if a.is_sign_negative() {
                        a.ceil()
                    } else {
                        a.floor()
                    }
                }
                UnOp::Nearest => {
                    if a.abs() < 4503599627370496.0 {
                        (a.abs() + 4503599627370496.0 - 4503599627370496.0).copysign(a)
                    } else {
                        a
                    }
                }
                other => panic!("{other:?} of floats"),
            }))
        }
        _ => {
            let a = wide(a);
            let exact = |v: i128| int(kind, v).ok_or(ErrorKind::IntegerOverflow);
            match op {
                UnOp::Neg => Ok(wrapped(kind, -a)),
                UnOp::NegChecked => exact(-a),
                UnOp::Abs => Ok(wrapped(kind, a.abs())),
                UnOp::AbsChecked => exact(a.abs()),
                UnOp::Not => Ok(wrapped(kind, -a - 1)),
                other => panic!("{other:?} of integers"),
            }
        }
    }
}

fn relates(cc: Cc, kind: Kind, a: &Value, b: &Value) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = match kind {
        Kind::F64 => float(a).partial_cmp(&float(b)),
        Kind::Bool => Some(u8::from(truth(a)).cmp(&u8::from(truth(b)))),
        _ => Some(wide(a).cmp(&wide(b))),
    };
    match cc {
        Cc::Eq => order == Some(Equal),
        Cc::Ne => order != Some(Equal),
        Cc::Lt => order == Some(Less),
        Cc::Le => matches!(order, Some(Less | Equal)),
        Cc::Gt => order == Some(Greater),
        Cc::Ge => matches!(order, Some(Greater | Equal)),
        Cc::NotLt => order != Some(Less),
        Cc::NotLe => !matches!(order, Some(Less | Equal)),
    }
}

fn convert(mode: ConvertMode, to: Kind, a: &Value) -> Outcome {
    // A float's integer part, if it is one of 128 bits: by its digits, not by a cast.
    let whole = |v: f64| {
        let digits = format!("{:.0}", if v.is_sign_negative() { v.ceil() } else { v.floor() });
        digits.parse::<i128>().ok()
    };
    match mode {
        ConvertMode::Wrap => Ok(wrapped(to, wide(a))),
        ConvertMode::Float => Ok(Value::F64(wide(a).to_string().parse().unwrap())),
        ConvertMode::Bits => {
            let bits = a.scalar_payload().unwrap();
            Ok(match to {
                Kind::F64 => Value::F64(f64::from_bits(bits)),
                Kind::I64 => Value::I64(bits as i64),
                _ => Value::U64(bits),
            })
        }
        ConvertMode::Truncate => whole(float(a)).and_then(|v| int(to, v)).ok_or(ErrorKind::Conversion),
        ConvertMode::Exact => {
            let v = float(a);
            let exact = whole(v).filter(|_| v.fract() == 0.0);
            exact.and_then(|v| int(to, v)).ok_or(ErrorKind::Conversion)
        }
        ConvertMode::Saturate => {
            let (min, max) = range(to);
            let v = float(a);
            let held = if v.is_nan() { 0 } else { whole(v).unwrap_or(if v > 0.0 { max } else { min }).clamp(min, max) };
            Ok(int(to, held).unwrap())
        }
    }
}

/// Runs one instruction in a function of its own, on all argument lists, and compares with the judge.
fn check(op: Op, params: &[Kind], result: Kind, operands: &[Operand], judge: impl Fn(&[Value]) -> Outcome) -> usize {
    let instr = Instr::build(op, operands).unwrap_or_else(|| panic!("{op} does not take {operands:?}"));
    let mut registers = params.to_vec();
    registers.push(result);
    let dst = r(params.len() as u8);
    let code = vec![instr, Instr::Ret { value: dst }];
    let functions = vec![function("f", params.len() as u8, Some(result), &registers, code)];
    let mut vm = crate::common::vm(functions, Default::default());
    let mut cells = 0;
    let mut lists: Vec<Vec<Value>> = vec![vec![]];
    for &kind in params {
        let edges = edges(kind);
        lists =
            lists.iter().flat_map(|list| edges.iter().map(|e| [&list[..], std::slice::from_ref(e)].concat())).collect();
    }
    for args in lists {
        let got = lockstep_interp::run(&mut vm, lockstep_bytecode::FuncId(0), &args);
        match (judge(&args), got) {
            (Ok(want), Ok(Some(got))) => assert_eq!(got, want, "{op} of {args:?}"),
            (Err(want), Err(got)) => {
                assert_eq!(got.kind, want, "{op} of {args:?}");
                assert_eq!((got.position.pc.0, got.position.line), (0, 10), "{op} of {args:?}");
            }
            (want, got) => panic!("{op} of {args:?}: got {got:?}, expected {want:?}"),
        }
        cells += 1;
    }
    cells
}

#[test]
fn every_pure_operation_agrees_with_the_judge_on_edge_values() {
    let reg = |n: u8| Operand::Reg(r(n));
    let (mut ops, mut cells) = (0, 0);
    for &op in Op::ALL {
        let info = op.info();
        let kind = || info.kind.expect("the operation has a kind");
        cells += match info.sem {
            Sem::Binary(bin) => {
                let kind = kind();
                check(op, &[kind, kind], kind, &[reg(2), reg(0), reg(1)], |v| binary(bin, kind, &v[0], &v[1]))
            }
            Sem::BinaryImm(bin) => {
                let kind = kind();
                let (low, high) = info.operands[2].role.immediate_range().unwrap();
                let imms = [low, low + 1, -1, 0, 1, 31, 32, 33, 63, 64, 65, high - 1, high];
                let imms = imms.into_iter().filter(|imm| (low..=high).contains(imm));
                imms.map(|imm| {
                    check(op, &[kind], kind, &[reg(1), reg(0), Operand::Imm(imm)], |v| {
                        int_binary(bin, kind, wide(&v[0]), imm.into())
                    })
                })
                .sum()
            }
            Sem::Unary(un) => check(op, &[kind()], kind(), &[reg(1), reg(0)], |v| unary(un, kind(), &v[0])),
            Sem::Compare(cc) => check(op, &[kind(), kind()], Kind::Bool, &[reg(2), reg(0), reg(1)], |v| {
                Ok(Value::Bool(relates(cc, kind(), &v[0], &v[1])))
            }),
            Sem::Convert(mode) => {
                let from = info.from.unwrap();
                check(op, &[from], kind(), &[reg(1), reg(0)], |v| convert(mode, kind(), &v[0]))
            }
            Sem::Move if kind().element().is_none() => {
                check(op, &[kind()], kind(), &[reg(1), reg(0)], |v| Ok(v[0].clone()))
            }
            Sem::Select if kind().element().is_none() => {
                check(op, &[Kind::Bool, kind(), kind()], kind(), &[reg(3), reg(0), reg(1), reg(2)], |v| {
                    Ok(if truth(&v[0]) { v[1].clone() } else { v[2].clone() })
                })
            }
            _ => continue,
        };
        ops += 1;
    }
    assert!(ops > 180 && cells > 100_000, "{ops} operations, {cells} cells");
}

#[test]
fn branches_agree_with_their_relations() {
    use lockstep_bytecode::{Pc, Reg};
    for &op in Op::ALL {
        let info = op.info();
        let (params, operands, cc): (Vec<Kind>, Vec<Vec<Operand>>, Cc) = match info.sem {
            Sem::Branch(cc) => {
                let regs = vec![Operand::Reg(Reg(0)), Operand::Reg(Reg(1)), Operand::Label(Pc(3))];
                (vec![info.kind.unwrap(); 2], vec![regs], cc)
            }
            Sem::BranchImm(cc) => {
                let (low, high) = info.operands[1].role.immediate_range().unwrap();
                let with = |imm| vec![Operand::Reg(Reg(0)), Operand::Imm(imm), Operand::Label(Pc(3))];
                (vec![info.kind.unwrap()], [low, 0, 1, high].map(with).to_vec(), cc)
            }
            _ => continue,
        };
        for operands in operands {
            let dst = r(params.len() as u8);
            let registers = [&params[..], &[Kind::Bool]].concat();
            let code = vec![
                Instr::build(op, &operands).unwrap(),
                Instr::ConstBool { dst, value: false },
                Instr::Ret { value: dst },
                Instr::ConstBool { dst, value: true },
                Instr::Ret { value: dst },
            ];
            let functions = vec![function("f", params.len() as u8, Some(Kind::Bool), &registers, code)];
            let mut vm = crate::common::vm(functions, Default::default());
            for a in edges(params[0]) {
                let seconds = match operands[1] {
                    Operand::Imm(imm) if params[0] == Kind::F64 => vec![Value::F64(imm as f64)],
                    Operand::Imm(imm) => vec![int(params[0], imm.into()).unwrap()],
                    _ => edges(params[0]),
                };
                for b in seconds {
                    let args = &[a.clone(), b.clone()][..params.len()];
                    let got = lockstep_interp::run(&mut vm, lockstep_bytecode::FuncId(0), args);
                    let want = Value::Bool(relates(cc, params[0], &a, &b));
                    assert_eq!(got, Ok(Some(want)), "{op} of {a} and {b}");
                }
            }
        }
    }
}

#[test]
fn constants_and_pools() {
    let returned = |result, instr| {
        call(vec![function("f", 0, Some(result), &[result], vec![instr, Instr::Ret { value: r(0) }])], &[])
    };
    assert_eq!(returned(Kind::I32, Instr::ConstI32 { dst: r(0), value: -5 }), Ok(Some(Value::I32(-5))));
    assert_eq!(returned(Kind::I64, Instr::ConstI64 { dst: r(0), value: i32::MIN }), Ok(Some(Value::I64(-(1 << 31)))));
    assert_eq!(returned(Kind::U64, Instr::ConstU64 { dst: r(0), value: u32::MAX }), Ok(Some(Value::U64(0xffff_ffff))));
    let pool = |index| Instr::PoolF64 { dst: r(0), value: lockstep_bytecode::ConstId(index) };
    for (index, want) in [(0, 1.5), (1, -0.0)] {
        let mut f = function("f", 0, Some(Kind::F64), &[Kind::F64], vec![pool(index), Instr::Ret { value: r(0) }]);
        f.pool = vec![1.5f64.to_bits(), (-0.0f64).to_bits()];
        assert_eq!(call(vec![f], &[]), Ok(Some(Value::F64(want))));
    }
}
