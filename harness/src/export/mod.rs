//! IR cases for others' runners: each expressible case with the bits that must come out, as C, CLIF or a WebAssembly script, and the list of
//! the rest with reasons.
//!
//! An *operation* (a pure operation at a type) becomes a function with one check per tuple of edge values. Any other case becomes
//! its functions, with one check per run. Floats cross every boundary as their bits, so that each bit is stated; where an operation leaves a
//! NaN's bits open, the exported function makes every NaN the canonical one.
//!
//! - [`c`], [`clif`], [`wast`]: one writer per language. A writer knows what its language can say, and nothing of files.

mod c;
mod clif;
mod wast;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use lockstep_ir::eval::{CANONICAL_NAN, evaluate};
use lockstep_ir::{Imm, Op, OpInstance, Operands, Type};
use serde::Serialize;

use crate::backends::Backends;
use crate::case::{Case, CaseError};
use crate::kit;
use crate::kit::values::{edges, few, product};

/// Version of the list that goes with the files.
pub const VERSION: u32 = 1;

/// Tuples of operands per operation at most.
const TUPLES: usize = 400;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// WebAssembly scripts: `assert_return` with exact bits
    Wast,
    /// CLIF, as its filetests have it: `test run`
    Clif,
    /// Self-checking C
    C,
}

impl Language {
    /// Its name, which is also the ending of its files.
    pub const fn name(self) -> &'static str {
        match self {
            Language::Wast => "wast",
            Language::Clif => "clif",
            Language::C => "c",
        }
    }
}

/// Why a case, or a tuple of it, is not exported.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Reason {
    /// The language has nothing that computes it.
    #[error("`{0}` has no counterpart")]
    NoCounterpart(String),
    /// The language's operation traps where the IR's has a result.
    #[error("`{0}` traps where the IR gives a result")]
    Traps(&'static str),
    /// What checks the language's functions passes scalars only.
    #[error("memory cannot be passed and compared")]
    Memory,
    /// It calls functions of the host.
    #[error("it calls functions of the host")]
    Host,
}

impl Reason {
    /// A stable name for counting.
    pub const fn name(&self) -> &'static str {
        match self {
            Reason::NoCounterpart(_) => "no_counterpart",
            Reason::Traps(_) => "traps",
            Reason::Memory => "memory",
            Reason::Host => "host",
        }
    }
}

/// Operands, and what must come out: bits, zero-extended, NaNs made canonical where their bits are open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuple {
    args: Vec<u64>,
    results: Vec<u64>,
}

/// What a writer is given.
enum Item {
    Operation(OpInstance, Vec<Tuple>),
    /// A case all of whose expectations are known.
    Unit(Case),
}

/// What a writer makes of it.
struct Rendered {
    text: String,
    checks: usize,
    /// Tuples left out.
    left_out: BTreeMap<Reason, usize>,
}

/// The list that goes with the files: `index.json`.
#[derive(Debug, Serialize)]
pub struct Index {
    /// [`VERSION`].
    pub lockstep_export: u32,
    /// The language.
    pub language: Language,
    /// What was exported.
    pub cases: Vec<Exported>,
    /// What was not.
    pub skipped: Vec<Skipped>,
}

/// A case that was exported.
#[derive(Debug, Serialize)]
pub struct Exported {
    /// The case.
    pub case: String,
    /// The file, in the directory of the list.
    pub file: String,
    /// Checks in it.
    pub checks: usize,
    /// Tuples that are not in it.
    pub left_out: Vec<LeftOut>,
}

/// Tuples of a case that were not exported.
#[derive(Debug, Serialize)]
pub struct LeftOut {
    /// [`Reason::name`].
    pub reason: &'static str,
    /// For people.
    pub detail: String,
    /// How many.
    pub tuples: usize,
}

/// A case that was not exported.
#[derive(Debug, Serialize)]
pub struct Skipped {
    /// The case.
    pub case: String,
    /// [`Reason::name`].
    pub reason: &'static str,
    /// For people.
    pub detail: String,
}

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A case has a mistake.
    #[error("{0}")]
    Case(#[from] CaseError),
    /// A file cannot be written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The list cannot be written.
    #[error("{0}")]
    Index(#[from] serde_json::Error),
}

/// Writes the cases of these names into a directory, with the list of all of them.
///
/// # Errors
/// See [`ExportError`]. A case that cannot be expressed is no error: the list has it, with the reason.
pub fn export(
    language: Language,
    names: &[String],
    corpus: &Path,
    out: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<Index, ExportError> {
    let backends = Backends::new();
    fs::create_dir_all(out)?;
    let mut index = Index { lockstep_export: VERSION, language, cases: Vec::new(), skipped: Vec::new() };
    for name in names {
        progress(name);
        let item = item(name, &backends, corpus)?;
        let identifier: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let write = match language {
            Language::Wast => wast::write,
            Language::Clif => clif::write,
            Language::C => c::write,
        };
        match write(name, &identifier, &item) {
            Ok(rendered) => {
                let file = format!("{identifier}.{}", language.name());
                fs::write(out.join(&file), &rendered.text)?;
                let left_out = rendered.left_out.into_iter().map(|(reason, tuples)| LeftOut {
                    reason: reason.name(),
                    detail: reason.to_string(),
                    tuples,
                });
                let left_out = left_out.collect();
                index.cases.push(Exported { case: name.clone(), file, checks: rendered.checks, left_out });
            }
            Err(reason) => {
                let skipped = Skipped { case: name.clone(), reason: reason.name(), detail: reason.to_string() };
                index.skipped.push(skipped);
            }
        }
    }
    if language == Language::C {
        c::write_all(out, &index)?;
    }
    fs::write(out.join("index.json"), serde_json::to_string_pretty(&index)? + "\n")?;
    Ok(index)
}

fn item(name: &str, backends: &Backends, corpus: &Path) -> Result<Item, CaseError> {
    let operation = name.strip_prefix("ir/edge/").and_then(|edge| kit::instances().find(|(n, ..)| n == edge));
    if let Some((_, op, Some(instance))) = operation
        && op.is_pure()
        && !matches!(op.info().args, Operands::Fixed([]))
    {
        let tuples = tuples(&instance);
        return Ok(Item::Operation(instance, tuples));
    }
    let mut case = Case::find(name, corpus)?;
    backends.complete(&mut case)?;
    Ok(Item::Unit(case))
}

fn tuples(instance: &OpInstance) -> Vec<Tuple> {
    let lists: Vec<Vec<u64>> = instance.args.iter().map(|&ty| edges(ty)).collect();
    let compute = |args: Vec<u64>| {
        let results = evaluate(instance.op, instance.ty, Imm::None, &instance.args, &args).expect("a pure operation");
        let results =
            results.iter().zip(&instance.results).map(|(&bits, &ty)| canonical(instance.op, ty, bits)).collect();
        Tuple { args, results }
    };
    // Where there are too many: first all pairs of what matters most, such as the least value by -1.
    let few: Vec<Vec<u64>> = instance.args.iter().map(|&ty| few(ty)).collect();
    let all = lists.iter().map(Vec::len).product::<usize>() <= TUPLES;
    let first = if all { Vec::new() } else { product(&few, TUPLES / 2) };
    let mut seen = HashSet::new();
    let tuples = first.into_iter().chain(product(&lists, TUPLES)).filter(|tuple| seen.insert(tuple.clone()));
    tuples.take(TUPLES).map(compute).collect()
}

/// The canonical NaN for any, where the operation leaves its bits open.
fn canonical(op: Op, ty: Type, bits: u64) -> u64 {
    match ty {
        Type::F64 if open(op, ty) && f64::from_bits(bits).is_nan() => CANONICAL_NAN,
        Type::F32 if open(op, ty) && f32::from_bits(bits as u32).is_nan() => CANONICAL_NAN_32,
        _ => bits,
    }
}

/// Whether the bits of a NaN that comes out are open.
fn open(op: Op, ty: Type) -> bool {
    !kit::exact(op, ty)
}

/// As [`CANONICAL_NAN`], for 32-bit floats.
const CANONICAL_NAN_32: u64 = 0x7fc0_0000;

/// Whether an operation computes nothing that the harness does not itself supply: what only C can say.
fn needs_host(op: Op) -> bool {
    matches!(op, Op::CallHelper | Op::CallIndirect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuples_hold_what_matters_most() {
        let tuples_of = |name: &str| {
            let (.., instance) = kit::instances().find(|(n, ..)| n == name).expect("an operation");
            tuples(&instance.expect("an instance"))
        };
        for (name, least, all) in
            [("srem.i8", 1 << 7, 0xff), ("srem.i32", 1 << 31, 0xffff_ffff), ("srem.i64", 1 << 63, u64::MAX)]
        {
            let tuples = tuples_of(name);
            assert!(tuples.contains(&Tuple { args: vec![least, all], results: vec![0] }), "{name}");
            let distinct: HashSet<&[u64]> = tuples.iter().map(|tuple| &tuple.args[..]).collect();
            assert_eq!((tuples.len(), distinct.len()), (TUPLES, TUPLES), "{name}");
        }
        // As many as there are, where there are few.
        assert_eq!(tuples_of("clz.i64").len(), edges(Type::I64).len());
    }
}
