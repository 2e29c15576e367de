//! The scaffold of kit functions: a loop over tuples in memory. A tuple's input words are read, a body computes, output words are written; what
//! they must hold is collected beside it.
//!
//! Memory of a run: the input words of all tuples, then the output words of all tuples. Output words start as
//! [`SENTINEL`], so that a store narrower than a word shows if it writes too much.

use lockstep_ir::{Builder, FuncRef, Function, Op, Region, Signature, Type, Unit, Value};

use crate::case::{Compare, Expected, Explain, Outcome, Rules, Run};

/// What output words hold before.
pub const SENTINEL: u64 = 0x5a5a_a5a5_c3c3_3c3c;

/// What stands above a narrow input in its word.
pub const GARBAGE: u64 = 0xdead_beef_cafe_f00d;

/// How a value is written to its output word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is; what is narrower leaves the rest of the word.
    Plain,
    /// Zero-extended to the word.
    Zext,
    /// Sign-extended to the word.
    Sext,
}

impl Form {
    /// The forms there are for a type.
    pub fn of(ty: Type) -> &'static [Form] {
        match ty {
            Type::I64 | Type::F64 => &[Form::Plain],
            Type::F32 => &[Form::Plain, Form::Zext],
            _ => &[Form::Plain, Form::Zext, Form::Sext],
        }
    }

    /// One of them, by turns.
    pub fn turn(ty: Type, n: usize) -> Form {
        let forms = Form::of(ty);
        forms[n % forms.len()]
    }

    /// Writes a value so.
    pub fn write(self, b: &mut Builder<'_>, value: Value, out: Value, word: usize) {
        let ty = b.func.ty(value);
        let value = match (self, ty) {
            (Form::Plain, _) => value,
            (_, Type::F32) => {
                let bits = b.one(Op::F32ToBits, Type::I32, &[value]);
                b.one(Op::Zext, Type::I64, &[bits])
            }
            (Form::Zext, _) => b.one(Op::Zext, Type::I64, &[value]),
            (Form::Sext, _) => b.one(Op::Sext, Type::I64, &[value]),
        };
        b.store(Region::ANY, value, out, 8 * word as i32);
    }

    /// What the word holds then.
    pub fn word(self, ty: Type, bits: u64) -> u64 {
        match self {
            Form::Plain => bits & ty.mask() | SENTINEL & !ty.mask(),
            Form::Zext => bits & ty.mask(),
            Form::Sext => lockstep_ir::eval::sign_extend(ty, bits) as u64,
        }
    }
}

/// A value in an output word, for messages.
#[derive(Clone, Debug)]
struct Meaning {
    args: Vec<u64>,
    what: &'static str,
}

/// Inputs and expected outputs of one function.
#[derive(Default)]
pub struct Table {
    inputs: Vec<u64>,
    outputs: Vec<u64>,
    compares: Vec<Compare>,
    meanings: Vec<Meaning>,
    tuples: u64,
}

impl Table {
    /// Begins a tuple with these input words.
    pub fn tuple(&mut self, words: impl IntoIterator<Item = u64>) {
        self.inputs.extend(words);
        self.tuples += 1;
    }

    /// An output word of the tuple begun last.
    pub fn expect(&mut self, word: u64, compare: Compare, args: &[u64], what: &'static str) {
        self.outputs.push(word);
        self.compares.push(compare);
        self.meanings.push(Meaning { args: args.to_vec(), what });
    }

    /// Output words written per tuple.
    fn out_words(&self) -> usize {
        self.outputs.len() / (self.tuples as usize).max(1)
    }

    /// Builds the function that does `body` for each tuple, and the run that calls it. `body` gets the addresses of the
    /// tuple's input and output words.
    pub fn into_run(self, unit: &mut Unit, name: &str, body: impl FnOnce(&mut Builder<'_>, Value, Value)) -> Run {
        let in_words = self.inputs.len() / (self.tuples as usize).max(1);
        let func = looped(unit, name, self.inputs.len(), in_words, self.out_words(), body);
        let first_out = self.inputs.len();
        let mut rules = Rules::default();
        for (n, compare) in self.compares.into_iter().enumerate() {
            rules.set(first_out + n, compare);
        }
        let mut memory = self.inputs.clone();
        memory.resize(first_out + self.outputs.len(), SENTINEL);
        let mut expected = self.inputs;
        expected.extend(self.outputs);
        let meanings = self.meanings;
        Run {
            label: name.to_owned(),
            func,
            memory,
            argument: self.tuples,
            expected: Expected::All(Outcome { returned: self.tuples as i32, memory: expected }),
            rules,
            explain: Explain::by(move |word| match word.checked_sub(first_out).and_then(|n| meanings.get(n)) {
                Some(Meaning { args, what }) => {
                    let args: Vec<String> = args.iter().map(|a| format!("{a:#x}")).collect();
                    format!("{what} of {}", args.join(", "))
                }
                None => "an input".to_owned(),
            }),
        }
    }
}

/// A function that loops over as many tuples as its second argument says, and returns their number.
fn looped(
    unit: &mut Unit,
    name: &str,
    out_start: usize,
    in_words: usize,
    out_words: usize,
    body: impl FnOnce(&mut Builder<'_>, Value, Value),
) -> FuncRef {
    let mut func = Function::new(name, Signature::entry());
    let mut b = Builder::new(&mut func);
    let (memory, count) = (b.param(Function::ENTRY, 0), b.param(Function::ENTRY, 1));
    let head = b.block(&[Type::I64; 3]);
    let inside = b.block(&[]);
    let exit = b.block(&[]);
    let offset = b.iconst(Type::I64, 8 * out_start as i64);
    let out = b.one(Op::Iadd, Type::I64, &[memory, offset]);
    let zero = b.iconst(Type::I64, 0);
    b.jump(head, &[zero, memory, out]);
    b.switch_to(head);
    let [n, input, out] = [0, 1, 2].map(|k| b.param(head, k));
    let more = b.one(Op::IcmpUlt, Type::I64, &[n, count]);
    b.brif(more, (inside, &[]), (exit, &[]));
    b.switch_to(inside);
    body(&mut b, input, out);
    let mut next = [n, input, out];
    for (value, step) in next.iter_mut().zip([1, 8 * in_words, 8 * out_words]) {
        let step = b.iconst(Type::I64, step as i64);
        *value = b.one(Op::Iadd, Type::I64, &[*value, step]);
    }
    b.jump(head, &next);
    b.switch_to(exit);
    let result = b.one(Op::Trunc, Type::I32, &[n]);
    b.ret(&[result]);
    unit.add(func)
}

/// A typed load of an input word.
pub fn input(b: &mut Builder<'_>, ty: Type, from: Value, word: usize) -> Value {
    b.load(ty, Region::ANY, from, 8 * word as i32)
}

/// An input word: the value, and garbage above it.
pub fn dirty(ty: Type, bits: u64) -> u64 {
    bits & ty.mask() | GARBAGE & !ty.mask()
}
