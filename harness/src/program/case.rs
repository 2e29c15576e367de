//! What a program case is: a bytecode program, calls of it, and what each must give. docs/corpus.md has the schema.

use std::path::PathBuf;
use std::sync::Arc;

use lockstep_bytecode::{FuncId, Kind, Verified};
use lockstep_runtime::{Limits, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::literal::{self, Literal};
use crate::corpus::Step;

/// A case as written in YAML.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgramCase {
    /// Its name, unique in its file.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// The program's assembly, or
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// the file it is in, relative to the YAML file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The function called; `main` if not said.
    #[serde(default = "main", skip_serializing_if = "is_main")]
    pub entry: String,
    /// The calls.
    pub runs: Vec<ProgramRun>,
    /// What the program may use.
    #[serde(default, skip_serializing_if = "CaseLimits::is_default")]
    pub limits: CaseLimits,
    /// Whether what it does depends on when something is collected: then the collector is not put under stress.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sees_collector: bool,
    /// The cells of the instruction grid that it fills.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<String>,
    /// The same program in Lua 5.4: it must write what the first run states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin: Option<String>,
    /// What makes it a benchmark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bench: Option<Bench>,
}

fn main() -> String {
    "main".to_owned()
}

fn is_main(entry: &str) -> bool {
    entry == "main"
}

/// One call and what it must give: a result or an error, and output.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgramRun {
    /// The arguments, one per parameter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Literal>,
    /// The function called, if it is not the case's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// The result; absent for a function without one, and for an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Literal>,
    /// The error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ExpectedError>,
    /// What it writes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// What a generic function returns, or the program raises: a line with the values, and one for each object reachable from them, numbered as they are met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap: Option<String>,
    /// The cells of the instruction grid that it fills.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<String>,
}

/// An error and its position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedError {
    /// The stable name of its kind.
    pub kind: String,
    /// Its message; the kind's own if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The function that raised it.
    pub function: String,
    /// The instruction.
    pub pc: u32,
    /// The source line.
    pub line: u32,
    /// Who had called whom, innermost first, the place of the error itself among them; of at most 128 activations. Not compared if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceback: Option<Vec<Place>>,
}

/// An activation in a traceback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The function.
    pub function: String,
    /// The instruction: the one that raised the error, or the call that had not returned.
    pub pc: u32,
    /// The source line.
    pub line: u32,
}

/// Limits of a case; what is not said has the VM's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseLimits {
    /// Activations on the stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// Back edges and calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<u64>,
    /// Bytes of heap and output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

impl CaseLimits {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// As the VM takes them.
    pub fn resolve(self) -> Limits {
        let default = Limits::default();
        Limits {
            depth: self.depth.unwrap_or(default.depth),
            memory: self.memory.unwrap_or(default.memory),
            budget: self.budget,
        }
    }
}

/// Sizes and gates of a benchmark.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bench {
    /// Arguments at the published size: the interpreter needs a second at least.
    pub args: Vec<Literal>,
    /// Arguments for a quick look.
    pub quick: Vec<Literal>,
    /// Name of the twins in `harness/peers`, without their endings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// Why no backend runs it: its twin in Lua and the interpreter alone are measured. What holds for native code, such as uplift and coverage, is not asked of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreted: Option<String>,
    /// What must hold.
    #[serde(default)]
    pub gates: Gates,
}

/// Gates of a benchmark, as data. Backends are keys, by their id; `native` stands for every backend that makes native code.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gates {
    /// Least uplift over the interpreter, by backend, at its default level: the lower bound of the interval must reach it.
    #[serde(default)]
    pub uplift: std::collections::BTreeMap<String, f64>,
    /// Most time relative to the C twin, by backend: the upper bound must not exceed it.
    #[serde(default)]
    pub native_ratio: std::collections::BTreeMap<String, f64>,
    /// Least share of executed instructions that ran natively, and inline, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<CoverageGate>,
}

/// Least native shares in percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CoverageGate {
    /// Inline and through helpers.
    pub native: f64,
    /// Inline alone.
    pub inline: f64,
}

/// A case ready to run.
pub struct Program {
    /// The module.
    pub module: Arc<Verified>,
    /// The function called.
    pub entry: FuncId,
    /// The case it comes from.
    pub case: ProgramCase,
}

/// One call ready to run.
pub struct Call {
    /// The function called.
    pub entry: FuncId,
    /// Arguments.
    pub args: Vec<Value>,
    /// What must come of it.
    pub expected: Expectation,
}

/// What must come of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// This result.
    Result(Option<Value>),
    /// This error.
    Error(ExpectedError),
}

impl Program {
    /// A case with its assembled program.
    ///
    /// # Errors
    /// The program has no function of the entry's name.
    pub fn new(module: Verified, case: ProgramCase) -> Result<Self, String> {
        let entry = module.find(&case.entry).ok_or_else(|| format!("the program has no function `{}`", case.entry))?;
        Ok(Self { module: Arc::new(module), entry, case })
    }

    /// The calls of the case, with values of the right kinds.
    ///
    /// # Errors
    /// A literal that is no value of its kind, or a count that is wrong.
    pub fn calls(&self) -> Result<Vec<Call>, RunMistake> {
        self.case.runs.iter().enumerate().map(|(n, run)| self.call(n, run)).collect()
    }

    fn call(&self, n: usize, run: &ProgramRun) -> Result<Call, RunMistake> {
        let mistake = |steps: &[Step], what: String| RunMistake {
            at: [&[Step::Key("runs"), Step::Item(n)], steps].concat(),
            what,
        };
        let whole = |what: String| mistake(&[], what);
        let name = run.entry.as_ref().unwrap_or(&self.case.entry);
        let entry = self.module.find(name);
        let entry =
            entry.ok_or_else(|| mistake(&[Step::Key("entry")], format!("the program has no function `{name}`")))?;
        if self.module.function(entry).is_generic && run.error.is_none() && run.heap.is_none() {
            return Err(whole(format!("a run does not say what the generic function `{name}` returns (`heap`)")));
        }
        let args = self.args_of(entry, &run.args).map_err(|(k, what)| {
            let item = k.map(Step::Item);
            mistake(&[&[Step::Key("args")], item.as_slice()].concat(), what)
        })?;
        let result = self.module.function(entry).result;
        let expected = match (&run.error, &run.result, result) {
            (Some(error), None, _) => Expectation::Error(error.clone()),
            (None, Some(stated), Some(kind)) => {
                let value = literal::value(stated, kind);
                let value =
                    value.map_err(|e| mistake(&[Step::Key("result")], format!("the result of `{name}`: {e}")))?;
                Expectation::Result(Some(value))
            }
            (None, None, None) => Expectation::Result(None),
            (Some(_), Some(_), _) => {
                return Err(mistake(&[Step::Key("result")], "a run has either a result or an error".to_owned()));
            }
            (None, Some(_), None) => return Err(mistake(&[Step::Key("result")], format!("`{name}` has no result"))),
            (None, None, Some(kind)) => return Err(whole(format!("a run does not say its result (of kind {kind})"))),
        };
        Ok(Call { entry, args, expected })
    }

    /// Arguments of the entry's kinds.
    ///
    /// # Errors
    /// A literal that is no value of its kind, or a count that is wrong.
    pub fn args(&self, literals: &[Literal]) -> Result<Vec<Value>, String> {
        self.args_of(self.entry, literals).map_err(|(_, what)| what)
    }

    /// With what is wrong comes which argument it is, if it is one.
    fn args_of(&self, entry: FuncId, literals: &[Literal]) -> Result<Vec<Value>, (Option<usize>, String)> {
        let function = self.module.function(entry);
        let kinds: Vec<Kind> = function.params().collect();
        if kinds.len() != literals.len() {
            let surplus = (literals.len() > kinds.len()).then_some(kinds.len());
            return Err((surplus, miscounted(&function.name, &kinds, literals.len())));
        }
        literals
            .iter()
            .zip(kinds)
            .enumerate()
            .map(|(n, (literal, kind))| {
                literal::value(literal, kind).map_err(|e| (Some(n), misfit(&function.name, n, &e)))
            })
            .collect()
    }
}

/// What is wrong with a run of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunMistake {
    /// Where: steps from the case.
    pub at: Vec<Step>,
    /// What.
    pub what: String,
}

impl From<RunMistake> for String {
    fn from(mistake: RunMistake) -> Self {
        mistake.what
    }
}

/// That a function takes another number of arguments.
pub fn miscounted(name: &str, kinds: &[Kind], given: usize) -> String {
    let takes = match kinds {
        [] => "no arguments".to_owned(),
        [kind] => format!("1 argument ({kind})"),
        kinds => {
            let listed: Vec<String> = kinds.iter().map(ToString::to_string).collect();
            format!("{} arguments ({})", kinds.len(), listed.join(", "))
        }
    };
    format!("`{name}` takes {takes}, but {given} {} given", if given == 1 { "is" } else { "are" })
}

/// That an argument, counted from 0, is no value of its parameter.
pub fn misfit(name: &str, n: usize, why: &str) -> String {
    format!("argument {} of `{name}`: {why}", n + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(runs: &str) -> RunMistake {
        let module = lockstep_bytecode::assemble("test", "func main(a: i64, b: [f64]) -> i64 {\n ret a\n}\n");
        let case = serde_yaml::from_str(&format!("{{name: a, about: b, runs: {runs}}}")).expect("a case");
        let program = Program::new(module.expect("assembles"), case).expect("it has `main`");
        program.calls().map(|_| ()).expect_err("it is wrong")
    }

    #[test]
    fn what_is_wrong_with_a_run_is_said_in_words_and_where_it_stands() {
        use Step::{Item, Key};
        let run = |steps: &[Step]| [&[Key("runs"), Item(1)], steps].concat();
        let good = "{args: [1, [0.5]], result: 1}";
        let check = |bad: &str, at: &[Step], what: &str| {
            let expected = RunMistake { at: run(at), what: what.to_owned() };
            assert_eq!(wrong(&format!("[{good}, {bad}]")), expected);
        };
        let i64s = "an integer from -9223372036854775808 to 9223372036854775807";
        let first = [Key("args"), Item(0)];
        check(
            "{args: [one, []], result: 1}",
            &first,
            &format!("argument 1 of `main`: \"one\" is no i64; expected {i64s}"),
        );
        check("{args: [0.5, []], result: 1}", &first, &format!("argument 1 of `main`: 0.5 is no i64; expected {i64s}"));
        check(
            "{args: [1, [true]], result: 1}",
            &[Key("args"), Item(1)],
            "argument 2 of `main`: true is no f64; expected a float such as 1.5 or .inf, or an integer that is one exactly",
        );
        check(
            "{args: [1, 2], result: 1}",
            &[Key("args"), Item(1)],
            "argument 2 of `main`: 2 is no [f64]; expected a list of f64 values, such as []",
        );
        check(
            "{args: [1, [], 3], result: 1}",
            &[Key("args"), Item(2)],
            "`main` takes 2 arguments (i64, [f64]), but 3 are given",
        );
        check("{args: [1], result: 1}", &[Key("args")], "`main` takes 2 arguments (i64, [f64]), but 1 is given");
        check(
            "{args: [1, []], result: x}",
            &[Key("result")],
            &format!("the result of `main`: \"x\" is no i64; expected {i64s}"),
        );
        check("{args: [1, []], entry: other}", &[Key("entry")], "the program has no function `other`");
    }
}
