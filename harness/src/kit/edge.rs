//! Pure operations at their edge values, in the surroundings in which backends select different instructions: operands from
//! memory, constants on either side, results that only a branch or a select uses, operands with garbage above their width,
//! parameters and results of calls, one value as both operands.

use lockstep_ir::eval::evaluate;
use lockstep_ir::{Builder, Function, Imm, InstData, Op, OpInstance, Signature, Stage, Type, Unit, Value};

use super::table::{Form, GARBAGE, Table, dirty, input};
use super::values::{edges, few, product};
use crate::case::{Compare, Run};

/// Tuples per function at most.
const TUPLES: usize = 5000;
/// Instances of the operation with constant operands per function at most.
const CONSTANTS: usize = 96;

/// How a result is compared: arithmetic leaves a NaN's payload and sign open.
pub fn compare_of(op: Op, ty: Type) -> Compare {
    use Op::*;
    let open = matches!(
        op,
        Fadd | Fsub | Fmul | Fdiv | Fmin | Fmax | Fsqrt | Fceil | Ffloor | Ftrunc | Fnearest | F32ToF64 | F64ToF32
    );
    match ty {
        Type::F64 if open => Compare::F64,
        Type::F32 if open => Compare::F32,
        _ => Compare::Bits,
    }
}

struct Edge<'i> {
    inst: &'i OpInstance,
    unit: Unit,
    runs: Vec<Run>,
}

/// A case for a pure operation with operands.
pub fn operation(inst: &OpInstance) -> (Unit, Vec<Run>) {
    let mut edge = Edge { inst, unit: Unit::new(inst.to_string(), Stage::Machine), runs: Vec::new() };
    let arity = inst.args.len();
    edge.memory();
    for mask in 1..1u32 << arity {
        edge.constant(mask);
    }
    edge.tested("branch", 0, branch);
    edge.tested("branch_not", 0, branch_not);
    edge.tested("select", 0, select);
    if inst.results.len() > 1 {
        edge.tested("branch_second", 1, branch);
        edge.tested("select_second", 1, select);
    }
    edge.branch_constant();
    edge.wide_operands();
    edge.called();
    if inst.args.windows(2).any(|w| w[0] == w[1]) {
        edge.same();
    }
    if inst.args[0] == inst.results[0] {
        edge.in_place();
    }
    (edge.unit, edge.runs)
}

impl Edge<'_> {
    fn compute(&self, args: &[u64]) -> Vec<u64> {
        evaluate(self.inst.op, self.inst.ty, Imm::None, &self.inst.args, args).expect("a pure operation").to_vec()
    }

    fn emit(&self, b: &mut Builder<'_>, args: &[Value]) -> Vec<Value> {
        b.push(InstData::new(self.inst.op, self.inst.ty, args), &self.inst.results).to_vec()
    }

    fn tuples(&self) -> Vec<Vec<u64>> {
        product(&self.inst.args.iter().map(|&ty| edges(ty)).collect::<Vec<_>>(), TUPLES)
    }

    fn few_tuples(&self) -> Vec<Vec<u64>> {
        product(&self.inst.args.iter().map(|&ty| few(ty)).collect::<Vec<_>>(), TUPLES / 4)
    }

    fn dirty_words(&self, args: &[u64]) -> Vec<u64> {
        args.iter().zip(&self.inst.args).map(|(&bits, &ty)| dirty(ty, bits)).collect()
    }

    fn inputs(&self, b: &mut Builder<'_>, from: Value) -> Vec<Value> {
        self.inst.args.iter().enumerate().map(|(n, &ty)| input(b, ty, from, n)).collect()
    }

    /// Expects all forms of all results.
    fn expect_results(&self, table: &mut Table, args: &[u64]) {
        for (&ty, bits) in self.inst.results.iter().zip(self.compute(args)) {
            for form in Form::of(ty) {
                table.expect(form.word(ty, bits), compare_of(self.inst.op, ty), args, "result");
            }
        }
    }

    /// Writes what [`Self::expect_results`] expects; returns the number of words.
    fn write_results(results: &[Value], b: &mut Builder<'_>, out: Value) -> usize {
        let mut word = 0;
        for &value in results {
            for form in Form::of(b.func.ty(value)) {
                form.write(b, value, out, word);
                word += 1;
            }
        }
        word
    }

    /// Operands loaded, results stored narrow and wide, operands alive afterwards.
    fn memory(&mut self) {
        let mut table = Table::default();
        for args in self.tuples() {
            table.tuple(self.dirty_words(&args));
            self.expect_results(&mut table, &args);
            for (&ty, &bits) in self.inst.args.iter().zip(&args) {
                table.expect(Form::Plain.word(ty, bits), Compare::Bits, &args, "operand afterwards");
            }
        }
        let mut unit = std::mem::replace(&mut self.unit, Unit::new("", Stage::Machine));
        let run = table.into_run(&mut unit, "memory", |b, from, out| {
            let args = self.inputs(b, from);
            let results = self.emit(b, &args);
            let words = Self::write_results(&results, b, out);
            for (n, &arg) in args.iter().enumerate() {
                Form::Plain.write(b, arg, out, words + n);
            }
        });
        self.unit = unit;
        self.runs.push(run);
    }

    /// Builds one function over a table.
    fn function(&mut self, name: &str, table: Table, body: impl FnOnce(&Self, &mut Builder<'_>, Value, Value)) {
        let mut unit = std::mem::replace(&mut self.unit, Unit::new("", Stage::Machine));
        let run = table.into_run(&mut unit, name, |b, from, out| body(self, b, from, out));
        self.unit = unit;
        self.runs.push(run);
    }

    /// The operands in `mask` are constants, many of them in one function; the others are loaded.
    fn constant(&mut self, mask: u32) {
        let arity = self.inst.args.len();
        let is_constant = |n: usize| mask >> n & 1 == 1;
        let lists = |keep: bool| -> Vec<Vec<u64>> {
            (0..arity).filter(|&n| is_constant(n) == keep).map(|n| edges(self.inst.args[n])).collect()
        };
        let constants = product(&lists(true), CONSTANTS);
        let loaded = product(&lists(false), TUPLES / CONSTANTS * 2);
        let join = |constants: &[u64], loaded: &[u64]| -> Vec<u64> {
            let (mut c, mut l) = (constants.iter(), loaded.iter());
            (0..arity)
                .map(|n| *if is_constant(n) { c.next() } else { l.next() }.expect("as many as the mask says"))
                .collect()
        };
        let mut table = Table::default();
        for tuple in &loaded {
            let types = (0..arity).filter(|&n| !is_constant(n)).map(|n| self.inst.args[n]);
            // A tuple without inputs still needs its turn.
            table.tuple(types.zip(tuple).map(|(ty, &bits)| dirty(ty, bits)));
            for (k, constant) in constants.iter().enumerate() {
                let args = join(constant, tuple);
                for (&ty, bits) in self.inst.results.iter().zip(self.compute(&args)) {
                    table.expect(Form::turn(ty, k).word(ty, bits), compare_of(self.inst.op, ty), &args, "result");
                }
            }
        }
        let name =
            format!("constant_{}", (0..arity).map(|n| if is_constant(n) { 'c' } else { 'm' }).collect::<String>());
        self.function(&name, table, |edge, b, from, out| {
            let mut inputs = 0;
            let loaded: Vec<Option<Value>> = (0..arity)
                .map(|n| {
                    (!is_constant(n)).then(|| {
                        inputs += 1;
                        input(b, edge.inst.args[n], from, inputs - 1)
                    })
                })
                .collect();
            let mut word = 0;
            for (k, constant) in constants.iter().enumerate() {
                let mut next = constant.iter();
                let args: Vec<Value> = (0..arity)
                    .map(|n| {
                        loaded[n]
                            .unwrap_or_else(|| constant_value(b, edge.inst.args[n], *next.next().expect("as many")))
                    })
                    .collect();
                for value in edge.emit(b, &args) {
                    Form::turn(b.func.ty(value), k).write(b, value, out, word);
                    word += 1;
                }
            }
        });
    }

    /// A result that nothing uses but tests, each by `user`.
    fn tested(&mut self, name: &str, result: usize, user: fn(&mut Builder<'_>, Value, Value, usize)) {
        let ty = self.inst.results[result];
        let tests = Test::of(ty);
        let mut table = Table::default();
        for args in self.tuples() {
            table.tuple(self.dirty_words(&args));
            let bits = self.compute(&args)[result];
            for test in tests {
                table.expect(if test.holds(ty, bits) { 1 } else { 2 }, Compare::Bits, &args, "branch");
            }
        }
        self.function(name, table, |edge, b, from, out| {
            for (n, test) in tests.iter().enumerate() {
                // Everything anew for each test: a result with one user is what gets fused with it.
                let args = edge.inputs(b, from);
                let value = edge.emit(b, &args)[result];
                let condition = test.emit(b, value);
                user(b, condition, out, n);
            }
        });
    }

    /// The last operand is a constant, and only a branch uses the result.
    fn branch_constant(&mut self) {
        let last = self.inst.args.len() - 1;
        if last == 0 {
            return;
        }
        let ty = self.inst.results[0];
        let test = Test::of(ty)[0];
        let constants = few(self.inst.args[last]);
        let mut table = Table::default();
        for args in self.few_tuples() {
            table.tuple(self.dirty_words(&args));
            for &constant in &constants {
                let mut args = args.clone();
                args[last] = constant;
                let bits = self.compute(&args)[0];
                table.expect(if test.holds(ty, bits) { 1 } else { 2 }, Compare::Bits, &args, "branch");
            }
        }
        self.function("branch_constant", table, |edge, b, from, out| {
            for (n, &constant) in constants.iter().enumerate() {
                let mut args = edge.inputs(b, from);
                args[last] = constant_value(b, edge.inst.args[last], constant);
                let value = edge.emit(b, &args)[0];
                let condition = test.emit(b, value);
                branch(b, condition, out, n);
            }
        });
    }

    /// Operands cut out of words that hold garbage above, some of it made by arithmetic.
    fn wide_operands(&mut self) {
        if self.inst.args.iter().all(|ty| matches!(ty, Type::I64 | Type::F64)) {
            return;
        }
        let mut table = Table::default();
        for args in self.tuples() {
            // The function adds and subtracts the garbage again, so that it reaches the operation in a register.
            table.tuple(self.dirty_words(&args).iter().map(|w| w.wrapping_sub(GARBAGE << 32)));
            self.expect_results(&mut table, &args);
        }
        self.function("wide_operands", table, |edge, b, from, out| {
            let mut args = Vec::new();
            for (n, &ty) in edge.inst.args.iter().enumerate() {
                let word = input(b, Type::I64, from, n);
                let garbage = b.iconst(Type::I64, (GARBAGE << 32) as i64);
                let word = b.one(Op::Iadd, Type::I64, &[word, garbage]);
                args.push(match ty {
                    Type::I64 => word,
                    Type::F64 => b.one(Op::BitsToF64, Type::F64, &[word]),
                    Type::F32 => {
                        let low = b.one(Op::Trunc, Type::I32, &[word]);
                        b.one(Op::BitsToF32, Type::F32, &[low])
                    }
                    _ => b.one(Op::Trunc, ty, &[word]),
                });
            }
            let results = edge.emit(b, &args);
            Self::write_results(&results, b, out);
        });
    }

    /// Operands are parameters, whose bits above the width are unspecified; results are results of the call.
    fn called(&mut self) {
        let signature = Signature::new(&self.inst.args, &self.inst.results);
        let mut callee = Function::new("operation", signature.clone());
        let mut b = Builder::new(&mut callee);
        let args: Vec<Value> = (0..self.inst.args.len()).map(|n| b.param(Function::ENTRY, n)).collect();
        let results = self.emit(&mut b, &args);
        b.ret(&results);
        let callee = self.unit.add(callee);
        let mut table = Table::default();
        for args in self.few_tuples() {
            table.tuple(self.dirty_words(&args));
            self.expect_results(&mut table, &args);
        }
        self.function("called", table, |edge, b, from, out| {
            let args: Vec<Value> = (edge.inst.args.iter().enumerate())
                .map(|(n, &ty)| {
                    if ty.is_int() && ty != Type::I64 {
                        let word = input(b, Type::I64, from, n);
                        b.one(Op::Trunc, ty, &[word])
                    } else {
                        input(b, ty, from, n)
                    }
                })
                .collect();
            let results = b.call(callee, &signature, &args).to_vec();
            Self::write_results(&results, b, out);
        });
    }

    /// One value as every operand of its type.
    fn same(&mut self) {
        let last = self.inst.args.len() - 1;
        let ty = self.inst.args[last];
        let spread = |value: u64| -> Vec<u64> {
            self.inst.args.iter().map(|&t| if t == ty { value } else { value & 1 }).collect()
        };
        let mut table = Table::default();
        for value in edges(ty) {
            let args = spread(value);
            table.tuple(self.dirty_words(&args));
            self.expect_results(&mut table, &args);
        }
        self.function("same", table, |edge, b, from, out| {
            let value = input(b, ty, from, last);
            let args: Vec<Value> = (edge.inst.args.iter().enumerate())
                .map(|(n, &t)| if t == ty { value } else { input(b, t, from, n) })
                .collect();
            let results = edge.emit(b, &args);
            Self::write_results(&results, b, out);
        });
    }

    /// The first operand is loaded from, and the first result stored to, the same place.
    fn in_place(&mut self) {
        let ty = self.inst.results[0];
        let mut table = Table::default();
        for args in self.tuples() {
            table.tuple(self.dirty_words(&args));
            let bits = self.compute(&args)[0];
            table.expect(Form::Plain.word(ty, bits), compare_of(self.inst.op, ty), &args, "result");
        }
        self.function("in_place", table, |edge, b, from, out| {
            let first = input(b, ty, from, 0);
            Form::Plain.write(b, first, out, 0);
            let mut args = edge.inputs(b, from);
            args[0] = input(b, ty, out, 0);
            let value = edge.emit(b, &args)[0];
            Form::Plain.write(b, value, out, 0);
        });
    }
}

/// A constant of any type.
pub(super) fn constant_value(b: &mut Builder<'_>, ty: Type, bits: u64) -> Value {
    match ty {
        Type::F64 => b.fconst(f64::from_bits(bits)),
        Type::F32 => {
            let bits = b.iconst(Type::I32, bits as i64);
            b.one(Op::BitsToF32, Type::F32, &[bits])
        }
        _ => b.iconst(ty, bits as i64),
    }
}

/// A test of a result.
#[derive(Clone, Copy)]
enum Test {
    /// The result itself is tested.
    Itself,
    /// Against zero.
    Zero(Op),
    /// The float's bits against zero.
    BitsNotZero,
}

impl Test {
    fn of(ty: Type) -> &'static [Test] {
        match ty {
            Type::I8 => &[Test::Itself, Test::Zero(Op::IcmpEq), Test::Zero(Op::IcmpSlt)],
            Type::F64 => &[Test::Zero(Op::FcmpLt), Test::Zero(Op::FcmpNe), Test::Zero(Op::FcmpUno)],
            Type::F32 => &[Test::BitsNotZero],
            _ => &[Test::Zero(Op::IcmpNe), Test::Zero(Op::IcmpSlt), Test::Zero(Op::IcmpSgt), Test::Zero(Op::IcmpSge)],
        }
    }

    fn emit(self, b: &mut Builder<'_>, value: Value) -> Value {
        let ty = b.func.ty(value);
        match self {
            Test::Itself => value,
            Test::Zero(op) => {
                let zero = constant_value(b, ty, 0);
                b.one(op, ty, &[value, zero])
            }
            Test::BitsNotZero => {
                // The sign of a NaN is open: shift it and the payload out, and test for any number but zero.
                let double = b.one(Op::F32ToF64, Type::F64, &[value]);
                let zero = b.fconst(0.0);
                b.one(Op::FcmpNe, Type::F64, &[double, zero])
            }
        }
    }

    fn holds(self, ty: Type, bits: u64) -> bool {
        match self {
            Test::Itself => bits != 0,
            Test::Zero(op) => evaluate(op, ty, Imm::None, &[ty, ty], &[bits, 0]).expect("pure")[0] != 0,
            Test::BitsNotZero => f32::from_bits(bits as u32) != 0.0,
        }
    }
}

/// Writes 1 or 2, through a block parameter; the taken block comes first.
fn branch(b: &mut Builder<'_>, condition: Value, out: Value, word: usize) {
    let (then, otherwise, join) = (b.block(&[]), b.block(&[]), b.block(&[Type::I64]));
    b.brif(condition, (then, &[]), (otherwise, &[]));
    for (block, number) in [(then, 1), (otherwise, 2)] {
        b.switch_to(block);
        let number = b.iconst(Type::I64, number);
        b.jump(join, &[number]);
    }
    b.switch_to(join);
    let number = b.param(join, 0);
    Form::Plain.write(b, number, out, word);
}

/// Writes 1 or 2, in blocks of their own; the block not taken comes first.
fn branch_not(b: &mut Builder<'_>, condition: Value, out: Value, word: usize) {
    let (otherwise, then, join) = (b.block(&[]), b.block(&[]), b.block(&[]));
    b.brif(condition, (then, &[]), (otherwise, &[]));
    for (block, number) in [(then, 1), (otherwise, 2)] {
        b.switch_to(block);
        let number = b.iconst(Type::I64, number);
        Form::Plain.write(b, number, out, word);
        b.jump(join, &[]);
    }
    b.switch_to(join);
}

/// Writes 1 or 2, by a select.
fn select(b: &mut Builder<'_>, condition: Value, out: Value, word: usize) {
    let (one, two) = (b.iconst(Type::I64, 1), b.iconst(Type::I64, 2));
    let number = b.one(Op::Select, Type::I64, &[condition, one, two]);
    Form::Plain.write(b, number, out, word);
}

/// A case for `iconst` or `fconst`: every edge value, stored, added to, passed to a block and returned.
pub fn constants(inst: &OpInstance) -> (Unit, Vec<Run>) {
    let ty = inst.ty;
    let mut unit = Unit::new(inst.to_string(), Stage::Machine);
    let values = edges(ty);
    let mut table = Table::default();
    table.tuple([0]);
    for &value in &values {
        for form in Form::of(ty) {
            table.expect(form.word(ty, value), Compare::Bits, &[value], "constant");
        }
        table.expect(Form::Plain.word(ty, value), Compare::Bits, &[value], "constant through a block parameter");
    }
    let run = table.into_run(&mut unit, "constants", |b, _, out| {
        let mut word = 0;
        for &value in &values {
            for form in Form::of(ty) {
                let constant = constant_value(b, ty, value);
                form.write(b, constant, out, word);
                word += 1;
            }
            let next = b.block(&[ty]);
            let constant = constant_value(b, ty, value);
            b.jump(next, &[constant]);
            b.switch_to(next);
            let param = b.param(next, 0);
            Form::Plain.write(b, param, out, word);
            word += 1;
        }
    });
    (unit, vec![run])
}
