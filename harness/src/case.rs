//! What an IR case is: a unit, and runs of its functions with what memory must hold afterwards. Where cases come from
//! is [`Case::find`]; how they are judged is [`crate::check`].

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use lockstep_backend_api::{Evaluator, Fault};
use lockstep_ir::{FuncRef, Unit};
use serde::{Deserialize, Serialize};

use crate::check::Verdict;
use crate::{corpus, kit};

/// A machine-stage unit with runs of its functions.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its full name, such as `ir/edge/iadd.i64`.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// What is compiled: once for all runs.
    pub unit: Unit,
    /// The runs.
    pub runs: Vec<Run>,
}

/// One call of a function of the entry signature, `(memory, argument, helper table) -> i32`.
#[derive(Clone, Debug)]
pub struct Run {
    /// What distinguishes it within the case.
    pub label: String,
    /// The function called.
    pub func: FuncRef,
    /// Memory before the call.
    pub memory: Vec<u64>,
    /// The second argument.
    pub argument: u64,
    /// What must come out; [`Case::complete`] asks the reference where it is not stated.
    pub expected: Expected,
    /// How words of memory are compared, where not bit for bit.
    pub rules: Rules,
    /// What a word of memory means, for messages.
    pub explain: Explain,
}

/// What must come out of a run.
#[derive(Clone, Debug)]
pub enum Expected {
    /// All of it is known.
    All(Outcome),
    /// The reference knows, but what is stated here goes before its opinion.
    Stated {
        /// The result.
        returned: Option<i32>,
        /// Words of memory by index.
        memory: Vec<(usize, u64)>,
    },
}

/// What came out of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The result.
    pub returned: i32,
    /// Memory afterwards.
    pub memory: Vec<u64>,
}

/// How a word of memory is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Bit for bit.
    Bits,
    /// As a 64-bit float: all NaNs are one.
    F64,
    /// The low half as a 32-bit float, all NaNs being one; the high half bit for bit.
    F32,
}

impl Compare {
    /// Whether two words are the same.
    pub fn same(self, a: u64, b: u64) -> bool {
        use lockstep_ir::Type;
        use lockstep_ir::eval::same;
        match self {
            Compare::Bits => a == b,
            Compare::F64 => same(Type::F64, a, b),
            Compare::F32 => a >> 32 == b >> 32 && same(Type::F32, a & 0xffff_ffff, b & 0xffff_ffff),
        }
    }
}

/// Which words are not compared bit for bit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<Compare>);

impl Rules {
    /// How a word is compared.
    pub fn get(&self, word: usize) -> Compare {
        self.0.get(word).copied().unwrap_or(Compare::Bits)
    }

    /// Sets how a word is compared.
    pub fn set(&mut self, word: usize, compare: Compare) {
        if compare != self.get(word) {
            self.0.resize(self.0.len().max(word + 1), Compare::Bits);
            self.0[word] = compare;
        }
    }
}

/// Tells what a word of memory means.
#[derive(Clone, Default)]
pub struct Explain(Option<Arc<dyn Fn(usize) -> String + Send + Sync>>);

impl Explain {
    /// By a function of the word's index.
    pub fn by(explain: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(explain)))
    }

    /// The meaning of a word; empty if unknown.
    pub fn word(&self, index: usize) -> String {
        self.0.as_ref().map_or_else(String::new, |explain| explain(index))
    }
}

impl fmt::Debug for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Explain")
    }
}

/// What running a case on one column gave.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CaseReport {
    /// Right or wrong.
    pub verdict: Verdict,
    /// What it cost.
    pub stats: CaseStats,
    /// The unit's text, if the case failed and it is short.
    pub unit: Option<String>,
}

/// What a case cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CaseStats {
    /// Compilations.
    pub compiles: u32,
    /// Seconds spent in them.
    pub compile_seconds: f64,
    /// Bytes of code, all compilations together.
    pub code_bytes: u64,
    /// Runs.
    pub runs: u32,
    /// Words of memory compared.
    pub words: u64,
}

impl CaseStats {
    /// Adds what another case cost.
    pub fn add(&mut self, other: &CaseStats) {
        self.compiles += other.compiles;
        self.compile_seconds += other.compile_seconds;
        self.code_bytes += other.code_bytes;
        self.runs += other.runs;
        self.words += other.words;
    }
}

/// Steps after which the reference gives a run up.
pub const STEP_LIMIT: u64 = 50_000_000;

/// Why there is no such case, or none that can run.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// Nothing has that name.
    #[error("no case `{0}`")]
    Unknown(String),
    /// The corpus has a mistake.
    #[error("{0}")]
    Corpus(#[from] corpus::CorpusError),
    /// The reference cannot run it.
    #[error("run `{label}`: {fault}")]
    Reference {
        /// The run.
        label: String,
        /// What happened.
        fault: Fault,
    },
}

impl Case {
    /// The names of all IR cases, in order: the kit's, then the corpus's.
    ///
    /// # Errors
    /// A corpus file that cannot be read.
    pub fn names(corpus_root: &Path) -> Result<Vec<String>, CaseError> {
        let mut names = kit::names();
        names.extend(corpus::ir::names(corpus_root)?);
        Ok(names)
    }

    /// The case with that name.
    ///
    /// # Errors
    /// There is none, or its file has a mistake.
    pub fn find(name: &str, corpus_root: &Path) -> Result<Case, CaseError> {
        if let Some(case) = kit::build(name) {
            return Ok(case);
        }
        corpus::ir::find(name, corpus_root)?.ok_or_else(|| CaseError::Unknown(name.to_owned()))
    }

    /// Asks the reference for what is not stated.
    ///
    /// # Errors
    /// A run that the reference cannot finish: the case is wrong.
    pub fn complete(&mut self, reference: &dyn Evaluator) -> Result<(), CaseError> {
        for run in &mut self.runs {
            let Expected::Stated { returned, memory } = &run.expected else { continue };
            let mut outcome = crate::check::evaluate(&self.unit, run, reference, STEP_LIMIT)
                .map_err(|fault| CaseError::Reference { label: run.label.clone(), fault })?;
            outcome.returned = returned.unwrap_or(outcome.returned);
            for &(word, value) in memory {
                outcome.memory[word] = value;
            }
            run.expected = Expected::All(outcome);
        }
        Ok(())
    }
}
