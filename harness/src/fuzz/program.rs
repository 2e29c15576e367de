//! What the generator makes: a unit and eight inputs, and how memory is laid out for them.

use std::ops::Range;

use lockstep_ir::{FuncRef, Type, Unit};
use serde::{Deserialize, Serialize};

use super::rng::Rng;
use crate::case::{Compare, Expected, Explain, Rules, Run};
use crate::kit::values::edges;

/// A part of memory with an alias region of its own.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// The region's name.
    pub name: &'static str,
    /// First word.
    pub start: usize,
    /// Words.
    pub len: usize,
}

/// Random input; read and written as anything, at any alignment.
pub const INPUT: Area = Area { name: "input", start: 0, len: 16 };
/// As the input, zero at first.
pub const SCRATCH: Area = Area { name: "scratch", start: 16, len: 16 };
/// Aligned 64-bit floats only, which may be any NaN.
pub const FLOATS: Area = Area { name: "floats", start: 32, len: 16 };
/// Written at the end.
pub const OUTPUT: Area = Area { name: "output", start: 48, len: 32 };
/// All of them; alias region n + 1 is the n-th.
pub const AREAS: [Area; 4] = [INPUT, SCRATCH, FLOATS, OUTPUT];
/// Words of memory.
pub const WORDS: usize = OUTPUT.start + OUTPUT.len;
/// Inputs per function.
pub const INPUTS: usize = 8;

/// What a function returns that ran to its end; one that returned early returns something else.
pub const REACHED_END: i32 = 1;

impl Area {
    /// Its words.
    pub const fn words(self) -> Range<usize> {
        self.start..self.start + self.len
    }
}

/// One input of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The second argument.
    pub argument: u64,
    /// Memory before.
    pub memory: Vec<u64>,
}

/// A generated unit with its inputs.
#[derive(Clone, Debug)]
pub struct Program {
    /// The unit. What is called is its last function, `entry`.
    pub unit: Unit,
    /// Its inputs.
    pub inputs: Vec<Input>,
}

/// A word worth trying: an edge value of some type, a small number, random bits.
pub fn interesting(rng: &mut Rng) -> u64 {
    match rng.below(8) {
        0 => rng.below(20) as u64,
        1 => (rng.below(20) as u64).wrapping_neg(),
        2 => rng.bits(),
        3 => ((rng.below(2000) as f64 - 1000.0) / 4.0).to_bits(),
        4 => *rng.pick(&edges(Type::F64)),
        5 => {
            let low = *rng.pick(&edges(Type::I32));
            low | rng.bits() << 32
        }
        _ => *rng.pick(&edges(Type::I64)),
    }
}

impl Input {
    /// A random input.
    pub fn random(rng: &mut Rng) -> Self {
        let mut memory = vec![0; WORDS];
        memory[INPUT.words()].fill_with(|| interesting(rng));
        // Numbers, so that floats do not all start as NaN or 0.
        memory[FLOATS.words()].fill_with(|| interesting(rng));
        Input { argument: interesting(rng), memory }
    }
}

impl Program {
    /// The runs of the program, for the one judge of IR.
    pub fn runs(&self) -> Vec<Run> {
        runs(&self.unit, &self.inputs)
    }
}

/// The runs of a unit, whose last function is called.
pub fn runs(unit: &Unit, inputs: &[Input]) -> Vec<Run> {
    let mut rules = Rules::default();
    FLOATS.words().for_each(|word| rules.set(word, Compare::F64));
    let func = FuncRef(unit.functions.len() as u32 - 1);
    let run = |(n, input): (usize, &Input)| Run {
        label: format!("input {n}"),
        func,
        memory: input.memory.clone(),
        argument: input.argument,
        expected: Expected::Stated { returned: None, memory: Vec::new() },
        rules: rules.clone(),
        explain: Explain::by(|word| {
            let area = AREAS.iter().find(|a| a.words().contains(&word));
            area.map_or_else(String::new, |a| format!("{} {}", a.name, word - a.start))
        }),
    };
    inputs.iter().enumerate().map(run).collect()
}
