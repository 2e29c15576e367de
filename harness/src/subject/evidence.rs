//! What shows that a configuration ran native code: the subject's own counters, and nothing else. A list of what was compiled shows that code was
//! made, not that it ran.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::command::{Configuration, Extras, Program, Subject};
use super::manifest::{Manifest, Source};
use super::process::{Finished, Scratch};

/// The file that a subject writes where `{counters}` points: a JSON object. Fields that it does not know are left out; others may be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Instructions of the program, or whatever the subject counts them in, that native code executed.
    pub native: u64,
    /// The same, executed otherwise.
    pub interpreted: u64,
    /// Times that native code was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exits: Option<u64>,
    /// Units of native code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compiled: Option<u64>,
}

/// What is known about native execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Native {
    /// It is the reference: nothing is asked.
    Reference,
    /// Counters say that native code ran.
    Proven,
    /// Counters say that none ran.
    None,
    /// There are no counters.
    Unproven,
}

impl fmt::Display for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Native::Reference => "reference",
            Native::Proven => "proven",
            Native::None => "disproven",
            Native::Unproven => "unproven",
        })
    }
}

/// What a configuration showed on a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What follows.
    pub native: Native,
    /// The counters, where the subject has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counters: Option<Counters>,
    /// What was compiled, by the subject's own account, where it gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compiled: Option<Vec<String>>,
}

impl Evidence {
    /// That of the reference.
    pub const REFERENCE: Self = Self { native: Native::Reference, counters: None, compiled: None };

    /// What counters and a list of compiled functions show.
    pub fn of(counters: Option<Counters>, compiled: Option<Vec<String>>) -> Self {
        let native = match counters {
            None => Native::Unproven,
            Some(Counters { native: 0, .. }) => Native::None,
            Some(_) => Native::Proven,
        };
        Self { native, counters, compiled }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.native, &self.counters) {
            (Native::Reference, _) => return f.write_str("the reference"),
            (Native::Proven, Some(counters)) => {
                write!(f, "{:.1} % of instructions ran natively", counters.native_percent())?;
            }
            (Native::None, _) => f.write_str("nothing ran natively")?,
            _ => f.write_str("native execution unproven")?,
        }
        match &self.compiled {
            Some(compiled) => write!(f, ", {} compiled", compiled.len()),
            None => Ok(()),
        }
    }
}

impl Counters {
    /// Share that ran natively, in percent; 0 of nothing.
    pub fn native_percent(&self) -> f64 {
        let total = self.native + self.interpreted;
        if total == 0 { 0.0 } else { 100.0 * self.native as f64 / total as f64 }
    }

    fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("the run wrote no counters: {e}"))?;
        serde_json::from_str(&text).map_err(|e| format!("its counters cannot be read: {e}"))
    }
}

impl Subject {
    /// Runs once more with counters and the list of compiled functions switched on, as far as the subject has them. `None` if it has neither.
    ///
    /// # Errors
    /// The file names counters or a log, and the run left none.
    pub fn inspect(
        &self,
        configuration: &Configuration,
        program: &Program,
    ) -> Result<Option<(Finished, Evidence)>, String> {
        let manifest = &self.manifest;
        if configuration.reference || (manifest.counters.is_none() && manifest.compiled.is_none()) {
            return Ok(None);
        }
        let scratch = Scratch::new().map_err(|e| format!("no directory for logs: {e}"))?;
        let counters = manifest.counters.as_ref().map(|_| scratch.file("counters.json"));
        let log = manifest.compiled.as_ref().map(|_| scratch.file("compiled.log"));
        let extras = Extras { counters: counters.clone(), compiled: log.clone(), ..Extras::default() };
        let run = self.invocation(configuration, program, &program.args, &extras).run(&manifest.limits);
        let counted = counters.map(|file| Counters::read(&file)).transpose();
        let listed = log.map(|file| compiled(manifest, &run, &file)).transpose();
        // A run that ended badly is a difference for parity to see, and owes nothing.
        let evidence = match (counted, listed) {
            (Ok(counters), Ok(compiled)) => Evidence::of(counters, compiled),
            _ if !matches!(run.ended, super::process::Ended::Exited(_)) => Evidence::of(None, None),
            (Err(why), _) | (_, Err(why)) => return Err(why),
        };
        Ok(Some((run, evidence)))
    }

    /// The functions that a configuration compiles for a program, each once, in order. A run that dies may tell fewer.
    ///
    /// # Errors
    /// The run left no list.
    pub fn listed(&self, configuration: &Configuration, program: &Program) -> Result<Vec<String>, String> {
        let scratch = Scratch::new().map_err(|e| format!("no directory for logs: {e}"))?;
        let log = scratch.file("compiled.log");
        let extras = Extras { compiled: Some(log.clone()), ..Extras::default() };
        let run = self.invocation(configuration, program, &program.args, &extras).run(&self.manifest.limits);
        compiled(&self.manifest, &run, &log)
    }

    /// Whether a run with the log and the counters on prints the program's output alone.
    pub fn compares_inspected(&self) -> bool {
        self.manifest.compiled.as_ref().is_none_or(|c| c.source != Source::Stdout)
    }
}

/// The functions that a run says it compiled, each once, in order.
fn compiled(manifest: &Manifest, run: &Finished, log: &Path) -> Result<Vec<String>, String> {
    let Some(part) = &manifest.compiled else { return Ok(Vec::new()) };
    let bytes = match part.source {
        Source::Stdout => run.stdout.clone(),
        Source::Stderr => run.stderr.clone(),
        Source::Log => std::fs::read(log).map_err(|e| format!("the run wrote no log of what it compiled: {e}"))?,
    };
    let mut names: Vec<String> = Vec::new();
    for name in String::from_utf8_lossy(&bytes).lines().filter_map(|line| part.pattern.find(line)) {
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_counters_prove_anything() {
        let counted = |native| Some(Counters { native, interpreted: 10, ..Counters::default() });
        assert_eq!(Evidence::of(counted(30), None).native, Native::Proven);
        assert_eq!(Evidence::of(counted(0), Some(vec!["f".into()])).native, Native::None);
        let listed = Evidence::of(None, Some(vec!["f".into()]));
        assert_eq!(listed.native, Native::Unproven);
        assert_eq!(listed.to_string(), "native execution unproven, 1 compiled");
        assert_eq!(Evidence::of(counted(30), None).to_string(), "75.0 % of instructions ran natively");
    }
}
