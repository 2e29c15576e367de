//! `corpus/ir/*.yaml`: functions in the IR's text form, with runs. A case is called `ir/FILE/NAME`.
//!
//! ```yaml
//! about: What the cases of this file have in common.
//! cases:
//!   - name: zero_trip            # letters, digits, _ and -
//!     about: What it shows.
//!     unit: |                    # text IR; or `file: NAME.ir` beside this file
//!       lockstep_ir 1 machine
//!       …
//!     function: entry            # which function is called; the one called `entry` if not stated
//!     memory: [1, 0xff, 1.5]     # words before each run: integers, or floats for the bits of an f64
//!     words: 16                  # length of memory, if it is longer than what `memory` states; the rest is 0
//!     floats: [2]                # words compared as f64, all NaNs being one
//!     runs:                      # one run with argument 0, if not stated
//!       - argument: 3
//!         memory: [7]            # replaces the first words of the case's memory
//!         returns: 5             # the result, where it is known by hand
//!         expect: [~, 12, nan]   # the first words afterwards, where known by hand; ~ leaves it to the reference
//! ```
//!
//! What is not stated the IR evaluator supplies; what is stated goes before its opinion.

use std::fmt;
use std::path::Path;

use lockstep_ir::{FuncRef, Signature, Unit};
use lockstep_text::Diagnostic;
use schemars::JsonSchema;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::{CorpusError, Step, files, mistake_in, parse, read, relocate};
use crate::case::{Case, Compare, Expected, Explain, Rules, Run};

/// A file.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "A corpus file of IR functions")]
pub struct File {
    /// What its cases have in common.
    pub about: String,
    /// The cases.
    pub cases: Vec<CaseText>,
}

/// A case, as written.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseText {
    /// Its name within the file.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// The unit's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Or the file that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The function called.
    #[serde(default = "entry", skip_serializing_if = "is_entry")]
    pub function: String,
    /// Words before each run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memory: Vec<Word>,
    /// Length of memory, if longer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub words: usize,
    /// Words compared as floats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub floats: Vec<usize>,
    /// The runs.
    #[serde(default = "one_run")]
    pub runs: Vec<RunText>,
}

/// A run, as written.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunText {
    /// The second argument.
    #[serde(default)]
    pub argument: Word,
    /// Replaces the first words of memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memory: Vec<Word>,
    /// The result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<i32>,
    /// The first words afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Option<Word>>,
}

fn entry() -> String {
    "entry".to_owned()
}

fn is_entry(name: &String) -> bool {
    name == "entry"
}

fn is_zero(words: &usize) -> bool {
    *words == 0
}

fn one_run() -> Vec<RunText> {
    vec![RunText::default()]
}

/// The bits of a word: written as an integer, signed or unsigned, or as a float.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Word(pub u64);

impl Serialize for Word {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Small numbers read best as such; anything else as the bits it is.
        match self.0 as i64 {
            small @ -9999..=9999 => serializer.serialize_i64(small),
            _ => serializer.serialize_u64(self.0),
        }
    }
}

impl JsonSchema for Word {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Word".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The bits of a word: an integer of 64 bits, signed or unsigned, or a float (with a point, .inf, .nan) for its bits.",
            "type": "number"
        })
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordVisitor;
        impl Visitor<'_> for WordVisitor {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer of 64 bits (signed or unsigned), or a float with a point or as .inf or .nan")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Word, E> {
                Ok(Word(value as u64))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Word, E> {
                Ok(Word(value))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Word, E> {
                Ok(Word(value.to_bits()))
            }
        }
        deserializer.deserialize_any(WordVisitor)
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn load(path: &Path) -> Result<(String, File), CorpusError> {
    let text = read(path)?;
    let shown = path.display().to_string();
    let file: File = parse(&shown, &text)?;
    let mut seen = std::collections::HashSet::new();
    for (n, case) in file.cases.iter().enumerate() {
        let name = [Step::Key("cases"), Step::Item(n), Step::Key("name")];
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if case.name.is_empty() || !case.name.chars().all(plain) {
            let message = "names of cases consist of letters, digits, `_` and `-`";
            return Err(mistake_in(&shown, &text, &name, message).into());
        }
        if !seen.insert(&case.name) {
            return Err(mistake_in(&shown, &text, &name, format!("two cases are called `{}`", case.name)).into());
        }
    }
    Ok((text, file))
}

/// Names of all cases.
///
/// # Errors
/// A file with a mistake.
pub fn names(corpus: &Path) -> Result<Vec<String>, CorpusError> {
    let mut names = Vec::new();
    for path in files(&corpus.join("ir"))? {
        let (_, file) = load(&path)?;
        names.extend(file.cases.iter().map(|case| format!("ir/{}/{}", stem(&path), case.name)));
    }
    Ok(names)
}

/// The case of that name, if there is one.
///
/// # Errors
/// Its file has a mistake.
pub fn find(name: &str, corpus: &Path) -> Result<Option<Case>, CorpusError> {
    let Some((group, own)) = name.strip_prefix("ir/").and_then(|n| n.split_once('/')) else { return Ok(None) };
    let path = corpus.join("ir").join(format!("{group}.yaml"));
    if !path.exists() {
        return Ok(None);
    }
    let (text, file) = load(&path)?;
    let Some((n, case)) = file.cases.into_iter().enumerate().find(|(_, case)| case.name == own) else {
        return Ok(None);
    };
    build(name, &path, &text, n, case).map(Some)
}

/// The mistakes of cases, each in its place; of those whose names are chosen.
///
/// # Errors
/// A file that cannot be read or parsed.
pub fn mistakes(corpus: &Path, chosen: &dyn Fn(&str) -> bool) -> Result<Vec<CorpusError>, CorpusError> {
    let mut mistakes = Vec::new();
    for path in files(&corpus.join("ir"))? {
        let (text, file) = load(&path)?;
        for (n, case) in file.cases.into_iter().enumerate() {
            let name = format!("ir/{}/{}", stem(&path), case.name);
            if chosen(&name) {
                mistakes.extend(build(&name, &path, &text, n, case).err());
            }
        }
    }
    Ok(mistakes)
}

/// The `n`-th case of a file.
fn build(name: &str, path: &Path, yaml: &str, n: usize, case: CaseText) -> Result<Case, CorpusError> {
    let shown = path.display().to_string();
    let within = |steps: &[Step]| [&[Step::Key("cases"), Step::Item(n)], steps].concat();
    let mistake = |message: String| -> Box<Diagnostic> { mistake_in(&shown, yaml, &within(&[]), message) };
    let unit = match (&case.unit, &case.file) {
        (Some(inline), None) => lockstep_ir::text::parse(&shown, inline)
            .map_err(|e| relocate(e, &shown, yaml, &within(&[Step::Key("unit")]), inline))?,
        (None, Some(file)) => {
            let path = path.with_file_name(file);
            lockstep_ir::text::parse(&path.display().to_string(), &read(&path)?)?
        }
        _ => return Err(mistake(format!("`{}` needs either `unit` or `file`", case.name)).into()),
    };
    lockstep_ir::verify::verify(&unit).map_err(|e| mistake(e.to_string()))?;
    let func = entry_of(&unit, &case.function).map_err(mistake)?;
    let longest = case.runs.iter().map(|run| run.memory.len()).max().unwrap_or(0);
    let len = case.words.max(case.memory.len()).max(longest);
    let mut rules = Rules::default();
    for &word in &case.floats {
        rules.set(word, Compare::F64);
    }
    let mut runs = Vec::new();
    for (n, text) in case.runs.iter().enumerate() {
        if text.expect.len() > len {
            let message = format!("run {n} expects {} words, but memory has {len}", text.expect.len());
            let surplus = within(&[Step::Key("runs"), Step::Item(n), Step::Key("expect"), Step::Item(len)]);
            return Err(mistake_in(&shown, yaml, &surplus, message).into());
        }
        let mut memory: Vec<u64> = case.memory.iter().map(|w| w.0).collect();
        memory.resize(len, 0);
        for (word, stated) in memory.iter_mut().zip(&text.memory) {
            *word = stated.0;
        }
        let stated = text.expect.iter().enumerate().filter_map(|(n, word)| word.map(|word| (n, word.0)));
        runs.push(Run {
            label: format!("run {n}, argument {}", text.argument.0 as i64),
            func,
            memory,
            argument: text.argument.0,
            expected: Expected::Stated { returned: text.returns, memory: stated.collect() },
            rules: rules.clone(),
            explain: Explain::default(),
        });
    }
    Ok(Case { name: name.to_owned(), about: case.about, unit, runs })
}

fn entry_of(unit: &Unit, name: &str) -> Result<FuncRef, String> {
    let Some(at) = unit.functions.iter().position(|f| f.name == name) else {
        return Err(format!("the unit has no function called `{name}`"));
    };
    if unit.functions[at].signature != Signature::entry() {
        let signature = &unit.functions[at].signature;
        return Err(format!("`{name}` has the signature {signature}; what is called must have {}", Signature::entry()));
    }
    Ok(FuncRef(at as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_loads_and_states_what_the_reference_says() {
        let corpus = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus"));
        let backends = crate::backends::Backends::new();
        for name in names(corpus).unwrap_or_else(|e| panic!("{e}")) {
            let mut case = find(&name, corpus).unwrap_or_else(|e| panic!("{e}")).expect("listed");
            backends.complete(&mut case).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}
