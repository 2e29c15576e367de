//! What of Lua random programs reach: nodes of the syntax as the parser sees them, library functions and metamethods as PUC Lua calls them.

use std::collections::BTreeMap;

use lockstep_lua::census;
use lockstep_oracle::evaluate;
use serde::{Deserialize, Serialize};

use super::judge::NAME;
use crate::lua::manual::{LIBRARY, METAMETHODS};

/// One program in so many is run once more to see what it calls.
pub const PERIOD: u64 = 10;

/// What is left out of the list, and why.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("os.exit", "ends the process"),
    ("os.execute", "starts processes"),
    ("warn", "writes to standard error"),
    ("io.stderr", "is a stream outside"),
    ("debug.sethook", "the judge has a hook of its own, which ends what takes too long"),
    ("debug.gethook", "the judge has a hook of its own, which ends what takes too long"),
];

/// Counts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// Nodes of the syntax.
    nodes: BTreeMap<String, u64>,
    /// Calls of library functions and metamethods, in one program of [`PERIOD`].
    calls: BTreeMap<String, u64>,
}

impl Reached {
    /// Counts what a program reaches; with `calls`, also what it calls. Answers whether it is a chunk.
    ///
    /// # Errors
    /// PUC Lua cannot be started.
    pub fn add(&mut self, source: &str, calls: bool) -> Result<bool, String> {
        let Ok(census) = census::census(source.as_bytes(), NAME.as_bytes()) else { return Ok(false) };
        for (name, count) in census {
            *self.nodes.entry(name.to_owned()).or_default() += count;
        }
        if calls {
            for (name, count) in evaluate(source.as_bytes(), NAME, 100, true)?.called {
                *self.calls.entry(name).or_default() += count;
            }
            // What is read or asked for, and not called by a program.
            for name in LIBRARY.iter().chain(&METAMETHODS).filter(|name| is_written(name)) {
                *self.calls.entry((*name).to_owned()).or_default() += source.matches(name).count() as u64;
            }
        }
        Ok(true)
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: &Reached) {
        for (mine, others) in [(&mut self.nodes, &other.nodes), (&mut self.calls, &other.calls)] {
            for (name, count) in others {
                *mine.entry(name.clone()).or_default() += count;
            }
        }
    }

    /// Everything that there is to reach, with the number of times it was.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let nodes = census::NODES.iter().map(|name| (*name, self.nodes.get(*name).copied().unwrap_or(0)));
        let library = LIBRARY.iter().chain(&METAMETHODS).filter(|name| LEFT_OUT.iter().all(|(out, _)| out != *name));
        nodes.chain(library.map(|name| (*name, self.calls.get(*name).copied().unwrap_or(0))))
    }
}

/// Whether something is counted where it is written: values, and metamethods that functions of the library ask for.
fn is_written(name: &str) -> bool {
    const WRITTEN: [&str; 20] = [
        // PUC Lua names such a call after the variable that was called.
        "__call",
        "_G",
        "_VERSION",
        "__pairs",
        "__gc",
        "__mode",
        "__name",
        "__tostring",
        "__metatable",
        "io.stdout",
        "math.huge",
        "math.maxinteger",
        "math.mininteger",
        "math.pi",
        "package.config",
        "package.loaded",
        "package.path",
        "package.preload",
        "package.searchers",
        "utf8.charpattern",
    ];
    WRITTEN.contains(&name)
}
