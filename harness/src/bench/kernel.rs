//! What is run: a program of the corpus with sizes and gates.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::lua;
use crate::lua::case::LuaCase;
use crate::program::ProgramCase;
use crate::program::literal::Literal;

/// How much work a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// Many short calls: the arguments of the case's last run. Shows warming up; no speed is judged by it.
    Warm,
    /// A quick look: milliseconds of native code.
    Quick,
    /// The published size: the interpreter needs a second at least, the C twin 0.3 s where it is a yardstick.
    Full,
}

impl Size {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Size::Warm => "warm",
            Size::Quick => "quick",
            Size::Full => "full",
        }
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A benchmark of the corpus.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// The name of the case.
    pub case: String,
    /// The short name, for tables and charts: the case's own.
    pub name: String,
    /// Arguments by size, as they are spelled on a command line.
    pub args: BTreeMap<Size, Vec<String>>,
    /// The twins in `harness/peers`, without their endings.
    pub peer: Option<String>,
    /// The whole program of a Lua benchmark, which peers run themselves instead of a twin.
    pub script: Option<Script>,
    /// Why no backend runs it, if none does: then the interpreter and its yardstick are all who take part.
    pub interpreted: Option<String>,
    /// Gates it must keep.
    pub gates: KernelGates,
}

/// A Lua program that is a benchmark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Its file, from the directory of the corpus on.
    pub file: PathBuf,
    /// Whether LuaJIT's language, that of Lua 5.1, has all that it uses.
    pub luajit: bool,
}

/// Gates of a kernel, by backend id; `native` stands for every backend that makes native code. A backend is judged at its default level.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KernelGates {
    /// Least uplift over the interpreter.
    pub uplift: BTreeMap<String, f64>,
    /// Most time relative to the C twin.
    pub native_ratio: BTreeMap<String, f64>,
}

impl Kernel {
    /// The benchmark that a case is, if it is one.
    pub fn of(name: &str, case: &ProgramCase) -> Option<Self> {
        let bench = case.bench.as_ref()?;
        let spell = |literals: &[Literal]| literals.iter().map(Literal::to_string).collect();
        let sizes = [(Size::Quick, &bench.quick), (Size::Full, &bench.args)];
        // Small enough to be run often, and parity has been shown for these very arguments.
        let short = case.runs.iter().rfind(|run| run.entry.is_none() && run.error.is_none());
        // Nothing warms up where nothing is compiled.
        let warm = short.filter(|_| bench.interpreted.is_none()).map(|run| (Size::Warm, &run.args));
        Some(Self {
            case: name.to_owned(),
            name: case.name.clone(),
            args: warm.into_iter().chain(sizes).map(|(size, args)| (size, spell(args))).collect(),
            peer: bench.peer.clone(),
            script: None,
            interpreted: bench.interpreted.clone(),
            gates: KernelGates { uplift: bench.gates.uplift.clone(), native_ratio: bench.gates.native_ratio.clone() },
        })
    }

    /// The benchmark that a Lua case is, if it is one.
    pub fn of_lua(name: &str, case: &LuaCase) -> Option<Self> {
        let (bench, file) = (case.bench.as_ref()?, case.file.as_ref()?);
        Some(Self {
            case: name.to_owned(),
            name: format!("{}.lua", case.name),
            args: [(Size::Quick, bench.quick.clone()), (Size::Full, bench.args.clone())].into(),
            peer: None,
            script: Some(Script { file: Path::new(lua::case::DIRECTORY).join(file), luajit: bench.luajit }),
            interpreted: Some("a program of dynamic values, which are not compiled yet".to_owned()),
            gates: KernelGates::default(),
        })
    }
}
