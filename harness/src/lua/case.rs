//! `corpus/lua/*.yaml`: Lua programs with what they print, how they end, and what of the language they show. A case is called `lua/FILE/NAME`.
//!
//! ```yaml
//! about: What the cases of this file have in common.
//! cases:
//!   - name: floor_division
//!     about: What it shows.
//!     shows: ["3.4.1", "__idiv", math.type]   # sections of the manual, metamethods, library functions (docs/lua-cases.md)
//!     program: |                              # or `file: NAME.lua` beside this file
//!       print(7 // 2)
//!     args: []
//!     input: ""                               # standard input
//!     output: "3\n"
//!     error: "case.lua:1: …"                  # the message on standard error; the program must then end with status 1
//!     status: 0                               # how it ends, if neither well nor with an error
//!     differs: "why"                          # PUC Lua does something else, and docs/lua.md says so under this case's name
//!     unstressed: "why"                       # it is not run under stress of the collector
//!     bench: {args: [], quick: [], luajit: true}   # makes a case with a file a benchmark of `lockstep bench`
//! ```

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::manual;
use crate::corpus::{CorpusError, Step, files, mistake_in, parse, read};

/// The directory of the corpus.
pub const DIRECTORY: &str = "lua";

/// A file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "A corpus file of Lua programs")]
pub struct File {
    /// What its cases have in common; for readers of the file.
    #[serde(rename = "about")]
    _about: String,
    /// The cases.
    cases: Vec<LuaCase>,
}

/// A case.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LuaCase {
    /// Its name: letters, digits, `_`, `-` and `.`.
    pub name: String,
    /// What it shows, in a sentence.
    pub about: String,
    /// What of the language it shows: sections of the manual, metamethods, library functions.
    #[serde(default)]
    pub shows: Vec<String>,
    /// The source.
    #[serde(default)]
    pub program: Option<String>,
    /// The file of the source, beside this one.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// Arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Standard input.
    #[serde(default)]
    pub input: String,
    /// Standard output.
    #[serde(default)]
    pub output: String,
    /// The message on standard error with which it ends.
    #[serde(default)]
    pub error: Option<String>,
    /// The exit status: 0, or 1 with an error, if not stated.
    #[serde(default)]
    pub status: Option<i32>,
    /// Why PUC Lua does something else.
    #[serde(default)]
    pub differs: Option<String>,
    /// Why it is not run under stress of the collector.
    #[serde(default)]
    pub unstressed: Option<String>,
    /// Makes a case with a file a benchmark.
    #[serde(default)]
    pub bench: Option<LuaBench>,
}

/// What makes a case a benchmark: its sizes, and who else can run it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LuaBench {
    /// Arguments at the published size.
    pub args: Vec<String>,
    /// Arguments for a quick look.
    pub quick: Vec<String>,
    /// Whether LuaJIT's language, that of Lua 5.1, has all that it uses.
    #[serde(default)]
    pub luajit: bool,
}

impl LuaCase {
    /// The exit status that it must have.
    pub fn status(&self) -> i32 {
        self.status.unwrap_or(i32::from(self.error.is_some()))
    }
}

/// All cases with their full names and their sources, in the order of files and names in them.
///
/// # Errors
/// A file that cannot be read or parsed, or a mistake in a case.
pub fn cases(corpus: &Path) -> Result<Vec<(String, LuaCase, String)>, CorpusError> {
    let mut all = Vec::new();
    for path in files(&corpus.join(DIRECTORY))? {
        let text = read(&path)?;
        let shown = path.display().to_string();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let File { cases, .. } = parse(&shown, &text)?;
        let mut seen = std::collections::HashSet::new();
        for (n, case) in cases.into_iter().enumerate() {
            let within = |steps: &[Step]| [&[Step::Key("cases"), Step::Item(n)], steps].concat();
            let mistake = |message: String| mistake_in(&shown, &text, &within(&[]), message);
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            if case.name.is_empty() || !case.name.chars().all(plain) {
                return Err(mistake("names of cases consist of letters, digits, `_`, `-` and `.`".to_owned()).into());
            }
            if !seen.insert(case.name.clone()) {
                return Err(mistake(format!("two cases are called `{}`", case.name)).into());
            }
            if let Some(k) = case.shows.iter().position(|subject| !manual::knows(subject)) {
                let message =
                    format!("`{}` is no section of the manual, metamethod or library function", case.shows[k]);
                return Err(mistake_in(&shown, &text, &within(&[Step::Key("shows"), Step::Item(k)]), message).into());
            }
            let source = match (&case.program, &case.file) {
                (Some(inline), None) => inline.clone(),
                (None, Some(file)) => read(&path.with_file_name(file))?,
                _ => return Err(mistake(format!("`{}` needs either `program` or `file`", case.name)).into()),
            };
            all.push((format!("{DIRECTORY}/{stem}/{}", case.name), case, source));
        }
    }
    Ok(all)
}
