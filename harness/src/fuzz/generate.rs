//! Random units, valid and terminating by construction.
//!
//! Control flow is structured while it is made (sequences, branches, switches, loops with several exits and back edges) and
//! plain blocks when it is done. Loops count down from at most [`TRIPS`]; a function calls only functions made before it, or
//! itself with a smaller depth. Values stay in scope as dominance has it. Everything is stored at the end, so that nothing
//! is dead.
//!
//! NaNs that arithmetic makes have no defined payload or sign: a value that may be one is *open*, and is made canonical before its bits
//! could reach an integer or memory that is compared bit for bit.

use lockstep_ir::{
    Block, BlockCall, Builder, Extension, FuncRef, Function, Helper, HelperRef, InstData, Op, OpInstance, Param,
    Region, SigRef, Signature, Stage, Type, Unit, Value,
};

use super::program::{AREAS, Area, FLOATS, INPUT, INPUTS, Input, OUTPUT, Program, REACHED_END, SCRATCH, interesting};
use super::rng::Rng;
use crate::kit;

/// Most iterations of a loop.
const TRIPS: i64 = 4;

/// What all functions of all units share: made once.
pub struct Generator {
    /// Pure operations with operands, at their types.
    operations: Vec<OpInstance>,
    helpers: Vec<Helper>,
}

/// A value in scope.
#[derive(Clone, Copy)]
struct Var {
    value: Value,
    ty: Type,
    /// May be a NaN of undefined bits.
    open: bool,
}

/// A function that may be called.
#[derive(Clone)]
struct Callee {
    func: FuncRef,
    signature: Signature,
    /// Its first parameter is the depth of its recursion.
    recursive: bool,
}

impl Default for Generator {
    fn default() -> Self {
        let pure = Op::machine().filter(|op| op.is_pure() && !matches!(op, Op::Iconst | Op::Fconst));
        Self { operations: pure.flat_map(Op::instances).collect(), helpers: kit::host_helpers() }
    }
}

impl Generator {
    /// The `index`-th function of a seed.
    pub fn program(&self, seed: u64, index: u64) -> Program {
        let mut rng = Rng::of(seed, index);
        let mut unit = Unit::new(format!("fuzz {seed} {index}"), Stage::Machine);
        for area in AREAS {
            unit.region(area.name);
        }
        let helpers =
            self.helpers.iter().map(|h| (unit.helper(h.clone()), unit.signature(h.signature.clone()))).collect();
        let mut shared = Shared { generator: self, rng, helpers, callees: Vec::new() };
        for number in 0..[0, 0, 1, 1, 2, 3][shared.rng.below(6)] {
            let callee = shared.callee(number);
            shared.callees.push(Callee { func: FuncRef(unit.functions.len() as u32), ..callee.1 });
            unit.add(callee.0);
        }
        let entry = shared.entry();
        unit.add(entry);
        rng = shared.rng;
        lockstep_ir::text::renumber(&mut unit);
        let inputs = (0..INPUTS).map(|_| Input::random(&mut rng)).collect();
        Program { unit, inputs }
    }
}

struct Shared<'g> {
    generator: &'g Generator,
    rng: Rng,
    /// As called through the table, and the signature as called by address.
    helpers: Vec<(HelperRef, SigRef)>,
    callees: Vec<Callee>,
}

impl Shared<'_> {
    fn ty(&mut self) -> Type {
        *self.rng.pick(&[
            Type::I8,
            Type::I16,
            Type::I32,
            Type::I32,
            Type::I64,
            Type::I64,
            Type::I64,
            Type::F64,
            Type::F64,
            Type::F32,
        ])
    }

    /// A function to be called: random parameters and results, no memory access before its caller's.
    fn callee(&mut self, number: usize) -> (Function, Callee) {
        let recursive = self.rng.one_in(4);
        let count = if self.rng.one_in(4) { self.rng.below(14) } else { self.rng.below(5) };
        let mut params = vec![Param::from(Type::I64); 2 + usize::from(recursive)];
        params.extend((0..count).map(|_| {
            let ty = self.ty();
            let extensions = [Extension::None, Extension::Sign, Extension::Zero];
            Param { ty, extension: if ty.is_int() { *self.rng.pick(&extensions) } else { Extension::None } }
        }));
        let results: Vec<Type> = (0..self.rng.below(3)).map(|_| self.ty()).collect();
        let signature = Signature { params, results };
        let mut func = Function::new(format!("callee{number}"), signature.clone());
        let budget = self.rng.range(3, 14);
        let mut maker = Maker::new(self, &mut func, budget);
        if recursive {
            maker.recursion(FuncRef(number as u32), &signature);
        }
        maker.statements(0);
        let values = maker.results(&signature.results);
        maker.b.ret(&values);
        (func, Callee { func: FuncRef(0), signature, recursive })
    }

    fn entry(&mut self) -> Function {
        let mut func = Function::new("entry", Signature::entry());
        let budget = self.rng.range(12, 48);
        let mut maker = Maker::new(self, &mut func, budget);
        let argument = maker.b.param(Function::ENTRY, 1);
        maker.push(argument, false);
        maker.load_inputs();
        maker.statements(0);
        maker.store_everything();
        let done = maker.b.iconst(Type::I32, i64::from(REACHED_END));
        maker.b.ret(&[done]);
        func
    }
}

/// Makes one function.
struct Maker<'s, 'g, 'f> {
    shared: &'s mut Shared<'g>,
    b: Builder<'f>,
    scope: Vec<Var>,
    memory: Value,
    table: Value,
    /// Operations left to make.
    budget: usize,
    loops: usize,
}

impl<'s, 'g, 'f> Maker<'s, 'g, 'f> {
    /// The first parameter is memory, the last two of an entry are an argument and the helper table; of a callee, the second is the table.
    fn new(shared: &'s mut Shared<'g>, func: &'f mut Function, budget: usize) -> Self {
        let entry = func.signature == Signature::entry() && func.name == "entry";
        let b = Builder::new(func);
        let table = b.param(Function::ENTRY, if entry { 2 } else { 1 });
        let memory = b.param(Function::ENTRY, 0);
        let mut maker = Self { shared, memory, table, b, scope: Vec::new(), budget, loops: 0 };
        if !entry {
            for n in 2..maker.b.func.signature.params.len() {
                let value = maker.b.param(Function::ENTRY, n);
                maker.push(value, true);
            }
        }
        maker
    }

    fn rng(&mut self) -> &mut Rng {
        &mut self.shared.rng
    }

    fn push(&mut self, value: Value, open: bool) {
        let ty = self.b.func.ty(value);
        self.scope.push(Var { value, ty, open: open && !ty.is_int() });
    }

    // Operands.

    /// A value of a type: one in scope, recent ones more often, or a constant.
    fn var(&mut self, ty: Type) -> Var {
        if !self.rng().one_in(7) {
            let fitting: Vec<Var> = self.scope.iter().copied().filter(|v| v.ty == ty).collect();
            if !fitting.is_empty() {
                let back = self.rng().below(fitting.len()).min(self.shared.rng.below(fitting.len()));
                return fitting[fitting.len() - 1 - back];
            }
        }
        self.constant(ty)
    }

    fn constant(&mut self, ty: Type) -> Var {
        let bits =
            if self.rng().one_in(3) { interesting(self.rng()) } else { *self.shared.rng.pick(&kit::values::few(ty)) };
        let bits = bits & ty.mask();
        let value = match ty {
            Type::F64 => self.b.fconst(f64::from_bits(bits)),
            Type::F32 => {
                let bits = self.b.iconst(Type::I32, bits as i64);
                self.b.one(Op::BitsToF32, Type::F32, &[bits])
            }
            _ => self.b.iconst(ty, bits as i64),
        };
        Var { value, ty, open: false }
    }

    /// A value whose bits are defined: an open one with every NaN made the same.
    fn defined(&mut self, var: Var) -> Value {
        if !var.open {
            return var.value;
        }
        let (double, nan) = match var.ty {
            Type::F32 => {
                let bits = self.b.iconst(Type::I32, 0x7fc0_0000);
                let nan = self.b.one(Op::BitsToF32, Type::F32, &[bits]);
                (self.b.one(Op::F32ToF64, Type::F64, &[var.value]), nan)
            }
            _ => (var.value, self.b.fconst(f64::NAN)),
        };
        let is_nan = self.b.one(Op::FcmpUno, Type::F64, &[double, double]);
        self.b.one(Op::Select, var.ty, &[is_nan, nan, var.value])
    }

    // Operations.

    fn operation(&mut self) {
        let generator = self.shared.generator;
        let instance = self.shared.rng.pick(&generator.operations);
        let mut vars: Vec<Var> = instance.args.iter().map(|&ty| self.var(ty)).collect();
        if instance.args.len() == 2 && self.rng().one_in(12) && instance.args[0] == instance.args[1] {
            vars[1] = vars[0];
        }
        let mut args: Vec<Value> = vars.iter().map(|v| v.value).collect();
        let open = match instance.op {
            Op::F64ToBits | Op::F32ToBits => {
                args[0] = self.defined(vars[0]);
                false
            }
            Op::Fcopysign => {
                args[1] = self.defined(vars[1]);
                vars[0].open
            }
            Op::BitsToF64 | Op::BitsToF32 => false,
            Op::Fneg | Op::Fabs | Op::Select => vars.iter().any(|v| v.open),
            _ => true,
        };
        let results = self.b.push(InstData::new(instance.op, instance.ty, &args), &instance.results).to_vec();
        results.into_iter().for_each(|value| self.push(value, open));
    }

    /// An address within an area for an access of some bytes, with an offset for the access itself. Aligned ones are words.
    fn address(&mut self, area: Area, bytes: u32, aligned: bool) -> (Value, i32) {
        let offset = 8 * area.start as i64;
        let room = 8 * area.len as i64 - i64::from(bytes);
        if self.rng().one_in(2) {
            let within = self.rng().below(room as usize + 1) as i64;
            let within = if aligned { within / 8 * 8 } else { within };
            return (self.memory, (offset + within) as i32);
        }
        // A computed index: masked, scaled, added.
        let index = self.var(Type::I64).value;
        let (mask, scale) = if aligned { (7, 3) } else { *self.shared.rng.pick(&[(63, 0), (31, 1), (15, 2), (7, 3)]) };
        let mask = self.b.iconst(Type::I64, mask);
        let index = self.b.one(Op::Band, Type::I64, &[index, mask]);
        let amount = self.b.iconst(Type::I64, scale);
        let scaled = self.b.one(Op::Shl, Type::I64, &[index, amount]);
        let address = self.b.one(Op::Iadd, Type::I64, &[self.memory, scaled]);
        // At most 63 bytes were added.
        let within = self.rng().below((room - 63).max(0) as usize + 1) as i64;
        let within = if aligned { within / 8 * 8 } else { within };
        let far = self.rng().one_in(8);
        if far {
            let distance = *self.shared.rng.pick(&[1i64 << 20, -(1 << 30), (1 << 31) - 4096]);
            let distant = self.b.iconst(Type::I64, distance);
            let address = self.b.one(Op::Iadd, Type::I64, &[address, distant]);
            return (address, (offset + within - distance) as i32);
        }
        (address, (offset + within) as i32)
    }

    fn region(&mut self, area: Area) -> Region {
        let own = AREAS.iter().position(|a| a.start == area.start).expect("an area") as u32 + 1;
        if self.rng().one_in(3) { Region::ANY } else { Region(own) }
    }

    fn load(&mut self) {
        if self.rng().one_in(5) {
            let (base, offset) = self.address(FLOATS, 8, true);
            let region = self.region(FLOATS);
            let value = self.b.load(Type::F64, region, base, offset);
            return self.push(value, true);
        }
        let area = *self.shared.rng.pick(&[INPUT, SCRATCH]);
        let atomic = self.rng().one_in(5);
        let types = if atomic { &Type::ALL[..4] } else { &Type::ALL[..] };
        let ty = *self.shared.rng.pick(types);
        let (base, offset) = self.address(area, ty.bytes(), atomic);
        let region = self.region(area);
        let value =
            if atomic { self.b.atomic_load(ty, region, base, offset) } else { self.b.load(ty, region, base, offset) };
        self.push(value, false);
    }

    fn store(&mut self) {
        if self.rng().one_in(5) {
            let value = self.var(Type::F64).value;
            let (base, offset) = self.address(FLOATS, 8, true);
            let region = self.region(FLOATS);
            return self.b.store(region, value, base, offset);
        }
        let ty = *self.shared.rng.pick(&Type::ALL);
        let var = self.var(ty);
        let value = self.defined(var);
        let area = *self.shared.rng.pick(&[INPUT, SCRATCH, SCRATCH]);
        let (base, offset) = self.address(area, ty.bytes(), false);
        let region = self.region(area);
        self.b.store(region, value, base, offset);
    }

    /// The stack pointer itself is not the same everywhere: that it lies above the first page is.
    fn stack_pointer(&mut self) {
        let pointer = self.b.one(Op::StackPointer, Type::I64, &[]);
        let page = self.b.iconst(Type::I64, 4096);
        let above = self.b.one(Op::IcmpUgt, Type::I64, &[pointer, page]);
        self.push(above, false);
    }

    fn call(&mut self) {
        let callees = self.shared.callees.len();
        let choice = self.shared.rng.below(callees * 2 + 2);
        if choice < callees * 2 {
            let callee = self.shared.callees[choice / 2].clone();
            let mut args = vec![self.memory, self.table];
            let first = if callee.recursive {
                let depth = self.rng().below(4) as i64;
                args.push(self.b.iconst(Type::I64, depth));
                3
            } else {
                2
            };
            args.extend(callee.signature.params[first..].iter().map(|p| self.var(p.ty).value));
            let results = self.b.call(callee.func, &callee.signature, &args).to_vec();
            results.into_iter().for_each(|value| self.push(value, true));
            return;
        }
        let number = self.shared.rng.below(self.shared.helpers.len());
        let (helper, sig) = self.shared.helpers[number];
        let generator = self.shared.generator;
        let declared = &generator.helpers[number];
        let args: Vec<Value> = declared.signature.params.iter().map(|p| self.var(p.ty).value).collect();
        let value = if choice.is_multiple_of(2) {
            let args: Vec<Value> = [self.table].into_iter().chain(args).collect();
            self.b.call_helper(helper, &declared.signature, &args)[0]
        } else {
            let address = self.b.load(Type::I64, Region::ANY, self.table, 8 * declared.index as i32);
            let args: Vec<Value> = [address].into_iter().chain(args).collect();
            self.b.call_indirect(sig, &declared.signature, &args)[0]
        };
        self.push(value, true);
    }

    // Control flow.

    /// Statements until the budget, or a chance, ends them.
    fn statements(&mut self, depth: usize) {
        let end = if depth == 0 { 0 } else { self.budget.saturating_sub(self.shared.rng.range(3, 20)) };
        while self.budget > end {
            self.budget -= 1;
            match self.rng().below(100) {
                0..70 => self.operation(),
                70..77 => self.load(),
                77..84 => self.store(),
                84..85 => self.stack_pointer(),
                85..88 => self.call(),
                88..93 if depth < 4 => self.branch(depth),
                93..95 if depth < 3 => self.switch(depth),
                95..99 if depth < 3 && self.loops < 2 => self.repeat(depth),
                99 if depth > 0 => self.maybe_return(),
                _ => self.operation(),
            }
        }
    }

    /// A new block, cold now and then, with parameters.
    fn block(&mut self, params: &[Type]) -> Block {
        if self.rng().one_in(6) { self.b.cold_block(params) } else { self.b.block(params) }
    }

    /// A truth value: mostly a comparison, now and then any `i8`.
    fn condition(&mut self) -> Value {
        if self.rng().one_in(4) {
            return self.var(Type::I8).value;
        }
        let generator = self.shared.generator;
        let comparisons: Vec<&OpInstance> = generator
            .operations
            .iter()
            .filter(|i| i.results == [Type::I8] && i.args.len() == 2 && i.ty != Type::I8)
            .collect();
        let instance = *self.shared.rng.pick(&comparisons);
        let args: Vec<Value> = instance.args.iter().map(|&ty| self.var(ty).value).collect();
        self.b.one(instance.op, instance.ty, &args)
    }

    fn types(&mut self, most: usize) -> Vec<Type> {
        (0..self.shared.rng.below(most + 1)).map(|_| self.shared.ty()).collect()
    }

    /// Values of these types, and whether any float among them is open.
    fn vars(&mut self, types: &[Type]) -> (Vec<Value>, Vec<bool>) {
        types
            .iter()
            .map(|&ty| {
                let var = self.var(ty);
                (var.value, var.open)
            })
            .unzip()
    }

    /// Continues at `join`, whose parameters become values in scope.
    fn enter(&mut self, join: Block, open: &[bool]) {
        self.b.switch_to(join);
        for (n, &open) in open.iter().enumerate() {
            let value = self.b.param(join, n);
            self.push(value, open);
        }
    }

    /// Two ways that meet again; one of them may be no block at all: a critical edge.
    fn branch(&mut self, depth: usize) {
        let condition = self.condition();
        let types = self.types(4);
        let join = self.block(&types);
        let mut open = vec![false; types.len()];
        let outer = self.scope.len();
        let empty = self.rng().one_in(3);
        let arms: Vec<Block> = (0..2 - usize::from(empty)).map(|_| self.block(&[])).collect();
        let direct = self.vars(&types);
        let mut targets: Vec<(Block, &[Value])> = arms.iter().map(|&arm| (arm, &[][..])).collect();
        if empty {
            targets.push((join, &direct.0));
            merge(&mut open, &direct.1);
        }
        if self.rng().one_in(2) {
            targets.reverse();
        }
        self.b.brif(condition, targets[0], targets[1]);
        for arm in arms {
            self.b.switch_to(arm);
            self.statements(depth + 1);
            let (args, arm_open) = self.vars(&types);
            self.b.jump(join, &args);
            merge(&mut open, &arm_open);
            self.scope.truncate(outer);
        }
        self.enter(join, &open);
    }

    fn switch(&mut self, depth: usize) {
        let ty = *self.shared.rng.pick(&[Type::I32, Type::I64]);
        let selector = self.var(ty).value;
        // Few values, so that cases are hit.
        let selector = if self.rng().one_in(3) {
            selector
        } else {
            let mask = self.b.iconst(ty, 7);
            self.b.one(Op::Band, ty, &[selector, mask])
        };
        let types = self.types(3);
        let join = self.block(&types);
        let mut open = vec![false; types.len()];
        let outer = self.scope.len();
        let arms: Vec<Block> = (0..self.shared.rng.range(1, 3)).map(|_| self.block(&[])).collect();
        let mut cases: Vec<(u64, BlockCall)> = Vec::new();
        for _ in 0..self.shared.rng.range(1, 8) {
            let case = if self.rng().one_in(4) { interesting(self.rng()) } else { self.shared.rng.below(8) as u64 }
                & ty.mask();
            if cases.iter().all(|(other, _)| *other != case) {
                let target = if self.rng().one_in(4) {
                    let (args, direct) = self.vars(&types);
                    merge(&mut open, &direct);
                    BlockCall { block: join, args }
                } else {
                    BlockCall { block: *self.shared.rng.pick(&arms), args: Vec::new() }
                };
                cases.push((case, target));
            }
        }
        self.b.switch(selector, BlockCall { block: arms[0], args: Vec::new() }, cases);
        for arm in arms {
            self.b.switch_to(arm);
            self.statements(depth + 1);
            let (args, arm_open) = self.vars(&types);
            self.b.jump(join, &args);
            merge(&mut open, &arm_open);
            self.scope.truncate(outer);
        }
        self.enter(join, &open);
    }

    /// A loop that counts down: tested at its head or its foot, with an exit or a second back edge in its middle.
    fn repeat(&mut self, depth: usize) {
        let carried = self.types(5);
        let params: Vec<Type> = [Type::I64].iter().chain(&carried).copied().collect();
        let at_foot = self.rng().one_in(3);
        let head = self.block(&params);
        let exit = self.block(&carried);
        let count = if self.rng().one_in(2) {
            let trips = self.rng().below(TRIPS as usize + 1) as i64;
            self.b.iconst(Type::I64, trips.max(i64::from(at_foot)))
        } else {
            let any = self.var(Type::I64).value;
            let mask = self.b.iconst(Type::I64, 3);
            let count = self.b.one(Op::Band, Type::I64, &[any, mask]);
            let one = self.b.iconst(Type::I64, i64::from(at_foot));
            self.b.one(Op::Bor, Type::I64, &[count, one])
        };
        let (first, _) = self.vars(&carried);
        self.b.jump(head, &[&[count][..], &first].concat());
        let outer = self.scope.len();
        // What comes round the back edge is not known yet.
        let open = vec![true; carried.len()];
        self.enter(head, &[]);
        let left = self.b.param(head, 0);
        for n in 0..carried.len() {
            let value = self.b.param(head, 1 + n);
            self.push(value, true);
        }
        let zero = self.b.iconst(Type::I64, 0);
        let one = self.b.iconst(Type::I64, 1);
        if !at_foot {
            let body = self.block(&[]);
            let (out, _) = self.vars(&carried);
            let more = self.b.one(Op::IcmpSgt, Type::I64, &[left, zero]);
            self.b.brif(more, (body, &[]), (exit, &out));
            self.b.switch_to(body);
        }
        let less = self.b.one(Op::Isub, Type::I64, &[left, one]);
        self.scope.push(Var { value: left, ty: Type::I64, open: false });
        self.loops += 1;
        self.statements(depth + 1);
        match self.rng().below(4) {
            // Leaves from the middle.
            0 => {
                let condition = self.condition();
                let rest = self.block(&[]);
                let (out, _) = self.vars(&carried);
                self.b.brif(condition, (exit, &out), (rest, &[]));
                self.b.switch_to(rest);
                self.statements(depth + 1);
            }
            // Goes round from the middle.
            1 if !at_foot => {
                let condition = self.condition();
                let rest = self.block(&[]);
                let (again, _) = self.vars(&carried);
                self.b.brif(condition, (head, &[&[less][..], &again].concat()), (rest, &[]));
                self.b.switch_to(rest);
                self.statements(depth + 1);
            }
            _ => {}
        }
        self.loops -= 1;
        // Often a permutation of what is carried: parallel moves.
        let (next, _) = self.vars(&carried);
        let next = [&[less][..], &next].concat();
        if at_foot {
            let more = self.b.one(Op::IcmpSgt, Type::I64, &[less, zero]);
            let (out, _) = self.vars(&carried);
            self.b.brif(more, (head, &next), (exit, &out));
        } else {
            self.b.jump(head, &next);
        }
        self.scope.truncate(outer);
        self.enter(exit, &open);
    }

    /// Returns early, on a condition.
    fn maybe_return(&mut self) {
        let types = self.b.func.signature.results.clone();
        let condition = self.condition();
        let (leave, stay) = (self.b.cold_block(&[]), self.b.block(&[]));
        self.b.brif(condition, (leave, &[]), (stay, &[]));
        self.b.switch_to(leave);
        let values = if self.b.func.name == "entry" { vec![self.b.iconst(Type::I32, 0)] } else { self.results(&types) };
        self.b.ret(&values);
        self.b.switch_to(stay);
    }

    /// Calls the function itself with a smaller depth, unless that is 0; the results become values in scope.
    fn recursion(&mut self, itself: FuncRef, signature: &Signature) {
        let depth = self.b.param(Function::ENTRY, 2);
        let zero = self.b.iconst(Type::I64, 0);
        let more = self.b.one(Op::IcmpSgt, Type::I64, &[depth, zero]);
        let deeper = self.b.block(&[]);
        let join = self.b.block(&signature.results);
        let (direct, _) = self.vars(&signature.results);
        self.b.brif(more, (deeper, &[]), (join, &direct));
        self.b.switch_to(deeper);
        let one = self.b.iconst(Type::I64, 1);
        let less = self.b.one(Op::Isub, Type::I64, &[depth, one]);
        let mut args = vec![self.memory, self.table, less];
        args.extend(signature.params[3..].iter().map(|p| self.var(p.ty).value));
        let results = self.b.call(itself, signature, &args).to_vec();
        self.b.jump(join, &results);
        self.enter(join, &vec![true; signature.results.len()]);
    }

    // Ends.

    fn results(&mut self, types: &[Type]) -> Vec<Value> {
        types.iter().map(|&ty| self.var(ty).value).collect()
    }

    fn load_inputs(&mut self) {
        for _ in 0..self.shared.rng.range(3, 8) {
            self.load();
        }
    }

    /// Stores the latest values of every type, and a mix of all integers, so that nothing is dead.
    fn store_everything(&mut self) {
        let scope = self.scope.clone();
        for (word, var) in scope.iter().rev().take(OUTPUT.len - 8).enumerate() {
            let value = self.defined(*var);
            let region = self.region(OUTPUT);
            self.b.store(region, value, self.memory, 8 * (OUTPUT.start + word) as i32);
        }
        let mut sum = self.b.iconst(Type::I64, 0);
        let seven = self.b.iconst(Type::I64, 7);
        for var in scope.iter().filter(|v| v.ty == Type::I64) {
            sum = self.b.one(Op::Rotl, Type::I64, &[sum, seven]);
            sum = self.b.one(Op::Bxor, Type::I64, &[sum, var.value]);
        }
        self.b.store(Region::ANY, sum, self.memory, 8 * (OUTPUT.start + OUTPUT.len - 1) as i32);
    }
}

fn merge(open: &mut [bool], more: &[bool]) {
    open.iter_mut().zip(more).for_each(|(a, &b)| *a |= b);
}
