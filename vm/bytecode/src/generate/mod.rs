//! Random modules: valid by construction, ending by construction, covering every instruction.
//!
//! A module is made of structured statements (operations, conditionals, switches, loops, calls), so that what is assigned on
//! every path is known while code is written. It ends because loops count on registers nothing else writes, calls lead to
//! functions made before, and the only recursion, of a function into itself, uses up a counter. Operations that may raise an
//! error are mostly fed operands that do not, so that most programs reach their end.
//!
//! Every decision comes from [`Choices`], so a failing program shrinks by shrinking the list of decisions ([`shrink`]).

mod choices;
mod dynamic;
mod function;

pub use choices::{Choices, shrink};
pub use dynamic::{DYNAMIC_PARAMS, DynamicProgram, dynamic_inputs, generate_dynamic};

use crate::{FuncId, Kind, Module, Verified, disassemble, edges};
use function::FunctionGenerator;

/// A generated program.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The module.
    pub module: Verified,
    /// The function to call: it takes an i64, an i64 and an f64 and returns an i64.
    pub entry: FuncId,
}

/// Kinds of the parameters of a generated program's entry.
pub const ENTRY_PARAMS: [Kind; 3] = [Kind::I64, Kind::I64, Kind::F64];

/// What callers know of a function.
#[derive(Clone, Debug)]
struct Signature {
    name: String,
    params: Vec<Kind>,
    result: Option<Kind>,
    /// Whether it calls itself, counting down its first parameter.
    recursive: bool,
    /// Whether the program begins with it.
    is_entry: bool,
}

/// The program that `choices` lead to.
///
/// # Panics
/// If the program is not valid: a fault of this generator or of the verifier.
pub fn generate(choices: &mut Choices) -> Generated {
    // Callees come first, so that the decisions about a function stand together and can be cut out together.
    let (mut signatures, mut functions) = (Vec::new(), Vec::new());
    while signatures.len() < 4 && choices.below(4) != 0 {
        let recursive = choices.one_in(3);
        let mut params = if recursive { vec![Kind::I64] } else { Vec::new() };
        while params.len() < 5 && choices.below(3) != 0 {
            params.push(*choices.of(&Kind::FIXED));
        }
        let result = match choices.below(4) {
            0 => Some(Kind::I64),
            1 => None,
            _ => Some(*choices.of(&Kind::FIXED)),
        };
        let name = format!("f{}", signatures.len());
        signatures.push(Signature { name, params, result, recursive, is_entry: false });
        functions.push(FunctionGenerator::new(choices, &signatures).function());
    }
    signatures.push(Signature {
        name: "main".into(),
        params: ENTRY_PARAMS.to_vec(),
        result: Some(Kind::I64),
        recursive: false,
        is_entry: true,
    });
    functions.push(FunctionGenerator::new(choices, &signatures).function());
    let entry = FuncId(functions.len() as u32 - 1);
    let module = Module { source: "generated.lks".into(), functions, origin: None };
    let module = Verified::new(module.clone())
        .unwrap_or_else(|error| panic!("the generator made an invalid module: {error}\n{}", disassemble(&module)));
    Generated { module, entry }
}

/// `count` lists of arguments for a generated program's entry: mostly edge values.
pub fn inputs(choices: &mut Choices, count: usize) -> Vec<[u64; 3]> {
    (0..count).map(|_| ENTRY_PARAMS.map(|kind| value(choices, kind))).collect()
}

/// A value of a scalar kind, mostly an edge value.
fn value(choices: &mut Choices, kind: Kind) -> u64 {
    match choices.below(4) {
        0 | 1 => choices.of(edges(kind)).bits,
        2 if kind == Kind::F64 => (f64::from(choices.below(4000)) / 16.0 - 100.0).to_bits(),
        2 => kind.normalise(u64::from(choices.below(256))),
        _ => kind.normalise(choices.bits()),
    }
}
