//! The outside judge: what C, compiled by gcc with overflow defined to wrap, says each operation computes.
//!
//! It shares no code with the evaluation of the IR: the expressions in [`expression`] are written from the table's documentation, in
//! C, with `__int128`, the C library's rounding functions and `memcpy`. The judge compares them with
//! [`lockstep_ir::eval::evaluate`] at the edge values of every operand, and at random ones. An operation that has no
//! expression here is an error: nothing goes unjudged in silence.

pub(crate) mod expression;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use lockstep_ir::eval::{evaluate, same};
use lockstep_ir::{Imm, OpInstance, Operands, Type};

use crate::fuzz::program::interesting;
use crate::fuzz::rng::Rng;
use crate::kit;
use crate::kit::values::{edges, product};

/// Edge tuples per operation at most.
const EDGES: usize = 8_000;

/// Why there is no judgement.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// There is no compiler.
    #[error(
        "the outside judge needs a C compiler, and `{compiler}` cannot be run: {error}\n  hint: install it (on Debian: apt-get install gcc), or name another with --cc"
    )]
    NoCompiler {
        /// What was tried.
        compiler: String,
        /// Why not.
        error: std::io::Error,
    },
    /// The compiler refused the program.
    #[error("{compiler} refuses the judge's program:\n{output}")]
    Refused {
        /// The compiler.
        compiler: String,
        /// What it said.
        output: String,
    },
    /// The program did not run as it should.
    #[error("the judge's program: {0}")]
    Program(String),
    /// An operation has no expression.
    #[error("the judge has no opinion on {}: add them to harness/src/judge/expression.rs", .0.join(", "))]
    Missing(Vec<String>),
    /// Files.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// What the judge found.
#[derive(Debug, Default)]
pub struct Judgement {
    /// Operations at their types.
    pub operations: usize,
    /// Tuples of operands.
    pub tuples: usize,
    /// Disagreements.
    pub disagreements: Vec<String>,
}

/// The operations that compute something from operands: what the judge must know. The others move data or control.
pub fn judged() -> Vec<(String, OpInstance)> {
    let pure = |(name, op, instance): (String, lockstep_ir::Op, Option<OpInstance>)| {
        let computes = op.is_pure() && !matches!(op.info().args, Operands::Fixed([]));
        instance.filter(|_| computes).map(|instance| (name, instance))
    };
    kit::instances().filter_map(pure).collect()
}

/// Judges the evaluator.
///
/// # Errors
/// See [`JudgeError`]; disagreements are no error, but the result.
pub fn judge(compiler: &str, directory: &Path, random: usize, seed: u64) -> Result<Judgement, JudgeError> {
    let operations = judged();
    let program = program(&operations)?;
    std::fs::create_dir_all(directory)?;
    let (source, binary) = (directory.join("judge.c"), directory.join("judge"));
    std::fs::write(&source, program)?;
    let output = Command::new(compiler)
        .args([
            "-std=gnu11",
            "-O1",
            "-fwrapv",
            "-ffp-contract=off",
            "-fno-fast-math",
            "-fsignaling-nans",
            "-frounding-math",
            "-o",
        ])
        .args([&binary, &source])
        .arg("-lm")
        .output()
        .map_err(|error| JudgeError::NoCompiler { compiler: compiler.to_owned(), error })?;
    if !output.status.success() {
        let output = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(JudgeError::Refused { compiler: compiler.to_owned(), output });
    }
    let mut rng = Rng::of(seed, 0);
    let mut judgement = Judgement { operations: operations.len(), ..Judgement::default() };
    let mut request = Vec::new();
    let mut asked: Vec<(usize, Vec<u64>)> = Vec::new();
    for (number, (_, instance)) in operations.iter().enumerate() {
        let lists: Vec<Vec<u64>> = instance.args.iter().map(|&ty| edges(ty)).collect();
        let mut tuples = product(&lists, EDGES);
        tuples.extend((0..random).map(|_| instance.args.iter().map(|ty| interesting(&mut rng) & ty.mask()).collect()));
        for tuple in tuples {
            let mut words = [number as u64, 0, 0, 0];
            words[1..=tuple.len()].copy_from_slice(&tuple);
            words.iter().for_each(|w| request.extend(w.to_le_bytes()));
            asked.push((number, tuple));
        }
    }
    judgement.tuples = asked.len();
    let answers = ask(&binary, request, asked.len())?;
    for ((number, args), answer) in asked.iter().zip(answers.chunks(2)) {
        let (name, instance) = &operations[*number];
        let ours =
            evaluate(instance.op, instance.ty, Imm::None, &instance.args, args).expect("pure operations are judged");
        let agree = ours.iter().zip(answer).zip(&instance.results).all(|((&a, &b), &ty)| {
            // Where bits are moved and not computed, every bit of a NaN counts.
            if kit::exact(instance.op, ty) { a == b } else { same(ty, a, b) }
        });
        if !agree && judgement.disagreements.len() < 50 {
            let hex = |words: &[u64]| words.iter().map(|w| format!("{w:#x}")).collect::<Vec<_>>().join(", ");
            judgement.disagreements.push(format!(
                "{name} of {}: the evaluator says {}, the judge {}",
                hex(args),
                hex(&ours),
                hex(&answer[..instance.results.len()])
            ));
        }
    }
    Ok(judgement)
}

/// Pipes tuples through the program: four words in, two words out.
fn ask(binary: &Path, request: Vec<u8>, count: usize) -> Result<Vec<u64>, JudgeError> {
    let mut child = Command::new(binary).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || stdin.write_all(&request));
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(JudgeError::Program(format!("it ended with {}", output.status)));
    }
    writer.join().map_err(|_| JudgeError::Program("it could not be fed".into()))??;
    let words: Vec<u64> =
        output.stdout.chunks_exact(8).map(|b| u64::from_le_bytes(b.try_into().expect("eight bytes"))).collect();
    if words.len() != 2 * count {
        return Err(JudgeError::Program(format!("{} answers to {count} questions", words.len() / 2)));
    }
    Ok(words)
}

/// The C program: a function per operation, and a loop that reads tuples and writes results.
fn program(operations: &[(String, OpInstance)]) -> Result<String, JudgeError> {
    let mut out = String::from(expression::PROLOGUE);
    let mut missing = Vec::new();
    for (number, (name, instance)) in operations.iter().enumerate() {
        let Some(body) = expression::of(instance) else {
            missing.push(name.clone());
            continue;
        };
        writeln!(out, "/* {name} */ static void op{number}(const u64 *in, u64 *out) {{").expect("a string");
        for (n, &ty) in instance.args.iter().enumerate() {
            let letter = ["a", "b", "c"][n];
            writeln!(out, "  {ty} {letter} = ({ty})in[{n}];", ty = c_type(ty)).expect("a string");
        }
        for (n, &ty) in instance.results.iter().enumerate() {
            writeln!(out, "  {} r{n} = 0;", c_type(ty)).expect("a string");
        }
        writeln!(out, "  {body}").expect("a string");
        for n in 0..instance.results.len() {
            writeln!(out, "  out[{n}] = (u64)r{n};").expect("a string");
        }
        writeln!(out, "}}").expect("a string");
    }
    if !missing.is_empty() {
        return Err(JudgeError::Missing(missing));
    }
    out += "static void (*const ops[])(const u64 *, u64 *) = {";
    for number in 0..operations.len() {
        write!(out, "op{number}, ").expect("a string");
    }
    out += "};\n";
    out += expression::MAIN;
    Ok(out)
}

/// Unsigned in C, as the table gives integers no sign; expressions cast where an operation is signed.
pub(crate) fn c_type(ty: Type) -> &'static str {
    match ty {
        Type::I8 => "u8",
        Type::I16 => "u16",
        Type::I32 => "u32",
        Type::I64 => "u64",
        Type::F32 => "f32bits",
        Type::F64 => "f64bits",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_judge_knows_every_operation_that_computes() {
        program(&judged()).unwrap_or_else(|e| panic!("{e}"));
        assert!(judged().len() > 200);
    }
}
