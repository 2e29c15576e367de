//! Random programs of the dynamic half: valid by construction, covering every instruction, ending by themselves or at the budget.
//!
//! Registers hold anything, so a program of random instructions would end at the first one that does not fit. Therefore each `any` register has a
//! *class*, what it is meant to hold, and most operands are taken by class. Nothing relies on that: where a wild value comes in, through parameters, fields,
//! results and a share of operands taken blindly, the program raises an error, or calls a metamethod.
//!
//! Functions come before those that call them, so that recursion is the exception: into itself with a counter, or through values that were handed
//! around. Loops have a few rounds. What is left (metamethods that call each other, tables that grow while they are traversed) ends at the limit of depth or the budget.
//!
//! A program that *sees the collector* also has weak tables and finalizers. It looks at them only right behind full collections, and at nothing that the order of
//! collections decides, so that it does the same under stress; a compiler may change how long a register is live, and thereby what it sees.

mod calls;
mod control;
mod coroutines;
mod function;
mod helpers;
mod operations;
mod tables;

use super::{Choices, FunctionGenerator, Signature, value};
use crate::{FuncId, Function, Kind, Module, Verified, disassemble};
use function::Writer;

/// A generated program of the dynamic half.
#[derive(Clone, Debug)]
pub struct DynamicProgram {
    /// The module.
    pub module: Verified,
    /// The function to call: it takes [`DYNAMIC_PARAMS`] and returns any number of values.
    pub entry: FuncId,
    /// Whether what it does depends on when registers are last read.
    pub sees_collector: bool,
}

/// Kinds of the values that a dynamic program's entry is called with.
pub const DYNAMIC_PARAMS: [Kind; 3] = [Kind::I64, Kind::F64, Kind::I64];

/// What a register is meant to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    /// Anything.
    Wild,
    /// An integer.
    Int,
    /// A float.
    Float,
    /// Either.
    Number,
    /// A string.
    Text,
    /// A truth value.
    Flag,
    /// A table without a metatable.
    Table,
    /// A table with a metatable.
    Object,
    /// A function.
    Function,
    /// A coroutine.
    Routine,
}

impl Class {
    const ALL: [Class; 10] = [
        Class::Wild,
        Class::Int,
        Class::Float,
        Class::Number,
        Class::Text,
        Class::Flag,
        Class::Table,
        Class::Object,
        Class::Function,
        Class::Routine,
    ];

    /// Whether a register of class `other` will do where this one is wanted.
    fn takes(self, other: Class) -> bool {
        match self {
            Class::Wild => true,
            Class::Number => matches!(other, Class::Int | Class::Float | Class::Number),
            class => class == other,
        }
    }

    /// Whether a fixed register of this kind will do.
    fn takes_fixed(self, kind: Kind) -> bool {
        match self {
            Class::Wild => matches!(kind, Kind::I64 | Kind::F64 | Kind::Bool),
            Class::Number => matches!(kind, Kind::I64 | Kind::F64),
            Class::Int => kind == Kind::I64,
            Class::Float => kind == Kind::F64,
            Class::Flag => kind == Kind::Bool,
            _ => false,
        }
    }
}

/// What callers know of a function.
#[derive(Clone, Debug)]
struct Shape {
    name: String,
    form: Form,
}

/// How a function is called.
#[derive(Clone, Debug)]
enum Form {
    /// By its number, with fixed parameters: of the typed half, or with instructions of both.
    Typed(Signature),
    /// Through closures.
    Generic {
        params: Vec<Class>,
        is_vararg: bool,
        upvalues: Vec<Class>,
        /// Whether it calls itself, counting down its first parameter.
        recursive: bool,
    },
}

/// Fixed kinds of parameters and results in programs of this half.
const TYPED: [Kind; 5] = [Kind::I64, Kind::F64, Kind::Bool, Kind::ArrI64, Kind::ArrF64];

/// The program that `choices` lead to.
///
/// # Panics
/// If the program is not valid: a fault of this generator or of the verifier.
pub fn generate_dynamic(choices: &mut Choices) -> DynamicProgram {
    let sees_collector = choices.one_in(6);
    let (mut shapes, mut signatures, mut functions): (Vec<Shape>, Vec<Signature>, Vec<Function>) = Default::default();
    // Typed functions come first, so that their numbers are those of their signatures.
    while signatures.len() < 2 && choices.below(3) != 0 {
        let signature = signature(choices, format!("t{}", signatures.len()));
        signatures.push(signature.clone());
        functions.push(FunctionGenerator::new(choices, &signatures).function());
        shapes.push(Shape { name: signature.name.clone(), form: Form::Typed(signature) });
    }
    let helpers = helpers::add(choices, &mut shapes, &mut functions, sees_collector);
    let others = functions.len();
    while functions.len() < others + 6 && choices.below(6) != 0 {
        let name = format!("f{}", functions.len());
        let form = match choices.below(6) {
            5 => Form::Typed(Signature { recursive: false, ..signature(choices, name.clone()) }),
            _ => generic(choices),
        };
        shapes.push(Shape { name, form });
        functions.push(Writer::new(choices, &shapes, helpers).function());
    }
    let params = vec![Class::Int, Class::Float, Class::Int];
    let form = Form::Generic { params, is_vararg: false, upvalues: Vec::new(), recursive: false };
    shapes.push(Shape { name: "main".to_owned(), form });
    functions.push(Writer::new(choices, &shapes, helpers).into_entry(sees_collector).function());
    let entry = FuncId(functions.len() as u32 - 1);
    let module = Module { source: "generated.lua".into(), functions, origin: None };
    let module = Verified::new(module.clone())
        .unwrap_or_else(|error| panic!("the generator made an invalid module: {error}\n{}", disassemble(&module)));
    DynamicProgram { module, entry, sees_collector }
}

/// `count` lists of arguments for a dynamic program's entry: mostly edge values.
pub fn dynamic_inputs(choices: &mut Choices, count: usize) -> Vec<[u64; 3]> {
    (0..count).map(|_| DYNAMIC_PARAMS.map(|kind| value(choices, kind))).collect()
}

fn signature(choices: &mut Choices, name: String) -> Signature {
    let mut params = Vec::new();
    while params.len() < 3 && choices.below(3) != 0 {
        params.push(*choices.of(&TYPED));
    }
    let result = if choices.one_in(4) { None } else { Some(*choices.of(&TYPED)) };
    Signature { name, params, result, recursive: false, is_entry: false }
}

fn generic(choices: &mut Choices) -> Form {
    let recursive = choices.one_in(6);
    let mut params = if recursive { vec![Class::Int] } else { Vec::new() };
    // Half of the functions say nothing of what they are handed: those are metamethods and handlers, too.
    let tame = choices.one_in(2);
    while params.len() < 4 && choices.below(3) != 0 {
        params.push(if tame { *choices.of(&Class::ALL) } else { Class::Wild });
    }
    let mut upvalues = Vec::new();
    while upvalues.len() < 3 && choices.one_in(2) {
        upvalues.push(*choices.of(&Class::ALL));
    }
    Form::Generic { params, is_vararg: choices.one_in(4), upvalues, recursive }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Op;
    use std::collections::BTreeSet;

    #[test]
    fn every_dynamic_instruction_is_generated() {
        let mut seen = BTreeSet::new();
        for seed in 0..400 {
            let program = generate_dynamic(&mut Choices::seeded(seed));
            let code = program.module.functions.iter().flat_map(|function| &function.code);
            seen.extend(code.map(|instr| instr.info().mnemonic));
        }
        let missing: Vec<&str> = Op::dynamic().map(Op::mnemonic).filter(|name| !seen.contains(name)).collect();
        assert!(missing.is_empty(), "never generated in 400 programs: {missing:?}");
    }

    #[test]
    fn any_list_of_decisions_leads_to_a_program() {
        let mut choices = Choices::seeded(7);
        generate_dynamic(&mut choices);
        let taken = choices.taken().to_vec();
        for cut in 0..60 {
            let mut list = taken.clone();
            list.drain(cut * list.len() / 70..(cut + 3) * list.len() / 70);
            generate_dynamic(&mut Choices::replay(&list));
        }
        let least = generate_dynamic(&mut Choices::replay(&[]));
        assert_eq!(least.module.functions.len(), 1, "zeros stand for the simplest program");
    }
}
