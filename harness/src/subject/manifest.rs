//! `subject.yaml`: how a whole VM is run from outside. Only the schema and its checks stand here; docs/subjects.md describes it for people.
//!
//! Command lines are lists of words, never given to a shell. In words and in values of variables these stand for something else:
//! `{program}`, `{args}` (a word of its own), `{options}` (a word of its own), `{directory}`, `{lockstep}`, `{allow}`, `{fuel}`, `{counters}`, `{log}`.

use std::collections::BTreeMap;
use std::path::Path;

use lockstep_text::Diagnostic;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::corpus::{self, CorpusError, mistake_at};

/// The file as it is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The subject's name: letters, digits, `_`, `-`, `.`.
    pub subject: String,
    /// What it is, for people.
    pub about: String,
    /// The command that prints its version; the first line counts.
    pub version: Vec<String>,
    /// Variables of all its processes.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// What a process may use.
    #[serde(default)]
    pub limits: Limits,
    /// What is run.
    pub programs: Vec<ProgramEntry>,
    /// The configuration that says what is right.
    pub reference: String,
    /// How it can be run, by name.
    pub configurations: BTreeMap<String, ConfigurationEntry>,
    /// Variations of every configuration but the reference, by name.
    #[serde(default)]
    pub stress: BTreeMap<String, Switch>,
    /// What is compared beside standard output and exit status, and what is not.
    #[serde(default)]
    pub compare: Compare,
    /// A line of standard output that holds the seconds of the program proper, as group 1. Not compared.
    #[serde(default)]
    pub time: Option<Pattern>,
    /// How to learn which functions were compiled.
    #[serde(default)]
    pub compiled: Option<Compiled>,
    /// How to say which functions may be compiled.
    #[serde(default)]
    pub allow: Option<Allow>,
    /// How to say how many changes the optimiser may make.
    #[serde(default)]
    pub fuel: Option<Switch>,
    /// How to have executed instructions counted.
    #[serde(default)]
    pub counters: Option<CountersEntry>,
}

/// What a process of the subject may use.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Seconds it may run.
    pub seconds: f64,
    /// Address space in MiB; 0 sets no limit.
    pub memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { seconds: 60.0, memory: 4096 }
    }
}

/// Programs: one file, or all that a pattern finds.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgramEntry {
    /// A file or a pattern such as `programs/*.lua`, from the directory of `subject.yaml`.
    pub file: String,
    /// The name in trials; without it the file's, less its ending.
    #[serde(default)]
    pub name: Option<String>,
    /// Arguments of parity runs.
    #[serde(default)]
    pub args: Vec<Word>,
    /// Arguments of benchmarks; without them it is none.
    #[serde(default)]
    pub bench: Option<Sizes>,
    /// What the reference itself must do.
    #[serde(default)]
    pub expect: Option<Expect>,
}

/// Arguments of a benchmark.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// For a quick look.
    pub quick: Vec<Word>,
    /// For figures to be published.
    pub full: Vec<Word>,
}

/// What the reference must do, where it is known without it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Standard output, less the lines that are not compared.
    pub stdout: String,
    /// Exit status.
    #[serde(default)]
    pub status: i32,
}

/// A way to run the subject.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigurationEntry {
    /// What it is, for people.
    pub about: String,
    /// The command.
    pub command: Vec<String>,
    /// Variables of its own.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// Words put where `{options}` stands, and variables.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Switch {
    /// Words of the command.
    pub options: Vec<String>,
    /// Variables.
    pub env: BTreeMap<String, String>,
}

/// What is compared.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Compare {
    /// Lines of standard output that match one of these are left out.
    pub ignore: Vec<Pattern>,
    /// Lines of standard error that match are compared, by group 1 if the pattern has one.
    pub stderr: Option<Pattern>,
}

/// Where a subject says what it compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
    /// The file that `{log}` stands for.
    Log,
}

/// How to learn which functions were compiled.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compiled {
    /// Words that switch it on.
    #[serde(default)]
    pub options: Vec<String>,
    /// Variables that switch it on.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Where it says so.
    pub source: Source,
    /// A line that names a function, as group 1.
    pub pattern: Pattern,
}

/// How to say which functions may be compiled.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    /// Words, with `{allow}` for the list. An empty list must mean that nothing is compiled.
    #[serde(default)]
    pub options: Vec<String>,
    /// Variables, likewise.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// What stands between two names.
    #[serde(default = "comma")]
    pub separator: String,
}

fn comma() -> String {
    ",".to_owned()
}

/// How to have executed instructions counted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountersEntry {
    /// Words, with `{counters}` for the file to write.
    #[serde(default)]
    pub options: Vec<String>,
    /// Variables, likewise.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The share of instructions, in percent, that must run natively in every trial but the reference's.
    #[serde(default)]
    pub least_native: Option<f64>,
}

/// An argument: text or a number, spelled as in the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "Spelled")]
pub struct Word(pub String);

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Spelled {
    Int(i64),
    Unsigned(u64),
    Float(f64),
    Bool(bool),
    Text(String),
}

impl From<Spelled> for Word {
    fn from(spelled: Spelled) -> Self {
        Self(match spelled {
            Spelled::Int(value) => value.to_string(),
            Spelled::Unsigned(value) => value.to_string(),
            Spelled::Float(value) => value.to_string(),
            Spelled::Bool(value) => value.to_string(),
            Spelled::Text(text) => text,
        })
    }
}

/// A regular expression, as the `regex-lite` crate reads it.
#[derive(Clone, Debug, JsonSchema)]
pub struct Pattern(#[schemars(with = "String")] regex_lite::Regex);

const NO_PATTERN: &str = "is no regular expression";

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        regex_lite::Regex::new(&text)
            .map(Self)
            .map_err(|e| serde::de::Error::custom(format!("`{text}` {NO_PATTERN}: {e}")))
    }
}

impl Pattern {
    /// Whether a line matches.
    pub fn matches(&self, line: &str) -> bool {
        self.0.is_match(line)
    }

    /// Group 1 of the first match in a line, or the whole match where the pattern has no group.
    pub fn find<'l>(&self, line: &'l str) -> Option<&'l str> {
        let captures = self.0.captures(line)?;
        captures.get(1).or_else(|| captures.get(0)).map(|m| m.as_str())
    }

    /// Whether it has a group.
    fn captures(&self) -> bool {
        self.0.captures_len() > 1
    }
}

impl Manifest {
    /// Parses and checks a file.
    ///
    /// # Errors
    /// The first mistake, with file, line and column.
    pub fn parse(file: &Path, text: &str) -> Result<Self, CorpusError> {
        let shown = file.display().to_string();
        let manifest: Self = corpus::parse(&shown, text).map_err(|error| match error {
            CorpusError::Mistake(diagnostic) if diagnostic.message.contains("unknown field") => {
                let hint = Some("the fields of subject.yaml are described in docs/subjects.md".to_owned());
                CorpusError::Mistake(Box::new(Diagnostic { hint, ..*diagnostic }))
            }
            // The YAML parser does not say where a value stands that it handed over and that was refused.
            CorpusError::Mistake(diagnostic) if diagnostic.message.contains(NO_PATTERN) => {
                let pattern = diagnostic.message.split('`').nth(1).unwrap_or_default();
                mistake_at(&shown, text, pattern, diagnostic.message.clone()).into()
            }
            other => other,
        })?;
        match manifest.mistake() {
            None => Ok(manifest),
            Some((needle, message)) => Err(mistake_at(&shown, text, &needle, message).into()),
        }
    }

    /// What the parser does not see: a piece of the file, and what is wrong there.
    fn mistake(&self) -> Option<(String, String)> {
        if !is_name(&self.subject) {
            return Some(("subject:".into(), format!("`{}` is no name; {NAMES}", self.subject)));
        }
        if !self.configurations.contains_key(&self.reference) {
            let known: Vec<&str> = self.configurations.keys().map(String::as_str).collect();
            let message = format!("no configuration `{}`; there are {}", self.reference, known.join(", "));
            return Some(("reference:".into(), message));
        }
        if self.version.is_empty() {
            return Some(("version:".into(), "a command has at least one word".into()));
        }
        if !(self.limits.seconds > 0.0 && self.limits.seconds.is_finite()) {
            return Some(("seconds:".into(), "the time a process may take is more than nothing".into()));
        }
        if let Some(name) = self.configurations.keys().chain(self.stress.keys()).find(|name| !is_name(name)) {
            return Some((format!("{name}:"), format!("`{name}` is no name; {NAMES}")));
        }
        for (name, entry) in &self.configurations {
            if entry.command.is_empty() {
                return Some((format!("{name}:"), "a command has at least one word".into()));
            }
            if !entry.command.iter().any(|word| word.contains("{program}")) {
                return Some((format!("{name}:"), "the command does not say where `{program}` goes".into()));
            }
            let takes_options = entry.command.iter().any(|word| word == "{options}");
            if *name != self.reference && !takes_options && self.any_options() {
                let message = "the command does not say where `{options}` go, and other parts of the file have some";
                return Some((format!("{name}:"), message.into()));
            }
        }
        self.bad_placeholder().or_else(|| self.bad_pattern())
    }

    fn any_options(&self) -> bool {
        let others = self.parts().into_iter().map(|part| part.options);
        others.chain(self.stress.values().map(|s| s.options.as_slice())).any(|options| !options.is_empty())
    }

    /// The optional parts of the file that add words and variables.
    fn parts(&self) -> Vec<Part<'_>> {
        let mut all = Vec::new();
        if let Some(c) = &self.compiled {
            let needs = (c.source == Source::Log).then_some("{log}");
            all.push(Part { field: "compiled", options: &c.options, env: &c.env, needs });
        }
        if let Some(a) = &self.allow {
            all.push(Part { field: "allow", options: &a.options, env: &a.env, needs: Some("{allow}") });
        }
        if let Some(f) = &self.fuel {
            all.push(Part { field: "fuel", options: &f.options, env: &f.env, needs: Some("{fuel}") });
        }
        if let Some(c) = &self.counters {
            all.push(Part { field: "counters", options: &c.options, env: &c.env, needs: Some("{counters}") });
        }
        all
    }

    fn bad_placeholder(&self) -> Option<(String, String)> {
        const EVERYWHERE: [&str; 3] = ["{program}", "{directory}", "{lockstep}"];
        let check = |text: &str, known: &[&str]| {
            let unknown = placeholders(text).find(|p| !known.contains(p) && !EVERYWHERE.contains(p))?;
            let all = [known, &EVERYWHERE].concat().join(", ");
            Some((unknown.to_owned(), format!("`{unknown}` stands for nothing here; there are {all}")))
        };
        for entry in self.configurations.values() {
            let words = entry.command.iter().find_map(|word| check(word, &["{options}", "{args}"]));
            if let Some(mistake) = words.or_else(|| entry.env.values().find_map(|v| check(v, &[]))) {
                return Some(mistake);
            }
        }
        for stress in self.stress.values() {
            if let Some(mistake) = stress.options.iter().chain(stress.env.values()).find_map(|w| check(w, &[])) {
                return Some(mistake);
            }
        }
        for Part { field, options, env, needs } in self.parts() {
            let known: Vec<&str> = needs.into_iter().collect();
            let mut words = options.iter().chain(env.values());
            if let Some(mistake) = words.clone().find_map(|w| check(w, &known)) {
                return Some(mistake);
            }
            if let Some(needs) = needs
                && !words.any(|w| w.contains(needs))
            {
                return Some((format!("{field}:"), format!("neither options nor variables hold `{needs}`")));
            }
        }
        let rest = self.version.iter().chain(self.env.values());
        rest.filter_map(|word| check(word, &[])).next()
    }

    fn bad_pattern(&self) -> Option<(String, String)> {
        if self.time.as_ref().is_some_and(|p| !p.captures()) {
            return Some(("time:".into(), "group 1 of the pattern must hold the seconds".into()));
        }
        if self.compiled.as_ref().is_some_and(|c| !c.pattern.captures()) {
            return Some(("pattern:".into(), "group 1 of the pattern must hold the function's name".into()));
        }
        None
    }
}

/// A part of the file that adds words and variables, and the placeholder that must be among them.
struct Part<'m> {
    field: &'static str,
    options: &'m [String],
    env: &'m BTreeMap<String, String>,
    needs: Option<&'static str>,
}

const NAMES: &str = "names are made of letters, digits, `_`, `-` and `.`";

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// What looks like a placeholder: lower-case letters in braces.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('{').filter_map(|(at, _)| {
        let rest = &text[at..];
        let end = rest.find('}')?;
        let name = &rest[1..end];
        (!name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase())).then(|| &rest[..=end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
subject: toy
about: A toy.
version: [toy, --version]
programs:
  - {file: a.toy, args: [1, -2.5, x]}
reference: slow
configurations:
  slow: {about: Interprets., command: [toy, '{program}', '{args}']}
  fast: {about: Compiles., command: [toy, -j, '{options}', '{program}', '{args}']}
stress:
  hot: {options: [--hot=1]}
time: '^seconds (\\S+)$'
fuel: {env: {TOY_FUEL: '{fuel}'}}
";

    fn error(change: (&str, &str)) -> String {
        assert!(GOOD.contains(change.0), "{}", change.0);
        let text = GOOD.replacen(change.0, change.1, 1);
        Manifest::parse(Path::new("subject.yaml"), &text).expect_err("a mistake").to_string()
    }

    #[test]
    fn a_file_is_read() {
        let manifest = Manifest::parse(Path::new("subject.yaml"), GOOD).expect("no mistake");
        assert_eq!(manifest.limits, Limits::default());
        assert_eq!(manifest.programs[0].args, ["1", "-2.5", "x"].map(|w| Word(w.to_owned())));
        assert_eq!(manifest.time.expect("a pattern").find("seconds 0.25"), Some("0.25"));
    }

    #[test]
    fn mistakes_are_told_in_their_place() {
        for (change, place, message) in [
            (("about: A toy.", "abuot: A toy."), "subject.yaml:2:1", "unknown field `abuot`"),
            (
                ("reference: slow", "reference: slwo"),
                "subject.yaml:6:1",
                "no configuration `slwo`; there are fast, slow",
            ),
            (("'{program}', '{args}']}\n  fast", "x]}\n  fast"), "subject.yaml:8:3", "where `{program}` goes"),
            (("-j, '{options}'", "-j"), "subject.yaml:9:3", "where `{options}` go"),
            (("--hot=1", "'--hot={fuel}'"), "subject.yaml:11:26", "`{fuel}` stands for nothing here"),
            (("(\\S+)", "(\\S+"), "subject.yaml:12:8", "no regular expression"),
            (("(\\S+)", "\\S+"), "subject.yaml:12:1", "group 1"),
            (("TOY_FUEL: '{fuel}'", "TOY_FUEL: '9'"), "subject.yaml:13:1", "hold `{fuel}`"),
            (("subject: toy", "subject: to/y"), "subject.yaml:1:1", "is no name"),
        ] {
            let text = error(change);
            assert!(text.contains(place) && text.contains(message), "{change:?}:\n{text}");
        }
    }
}
