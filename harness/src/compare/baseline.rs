//! `reports/baseline.json`: what was measured on which machines, to be compared with. One file holds the baselines of several machines, by fingerprint.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::environment::Fingerprint;
use super::run::Run;

/// Version of the format. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// Complete runs that a baseline should have: their spread is what the gate knows of differences between runs.
pub const RUNS: usize = 3;

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// [`VERSION`].
    pub lockstep_baseline: u32,
    /// One for each machine.
    pub entries: Vec<Entry>,
}

/// The baseline of a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The fingerprint's short name.
    pub id: String,
    /// The machine.
    pub machine: Fingerprint,
    /// Complete runs, in the order of time.
    pub runs: Vec<Run>,
}

impl Baselines {
    /// Reads the file; a file that is not there has no entries.
    ///
    /// # Errors
    /// It cannot be read, or is no such file.
    pub fn load(path: &Path) -> Result<Self, String> {
        if !path.exists() {
            return Ok(Self { lockstep_baseline: VERSION, entries: Vec::new() });
        }
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {shown}: {e}"))?;
        let baselines: Self =
            serde_json::from_str(&text).map_err(|e| format!("{shown}:{}:{}: error: {e}", e.line(), e.column()))?;
        if baselines.lockstep_baseline != VERSION {
            let found = baselines.lockstep_baseline;
            return Err(format!("{shown}: a baseline of version {found}; this build reads version {VERSION}"));
        }
        Ok(baselines)
    }

    /// The baseline of a machine.
    pub fn of(&self, machine: &Fingerprint) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.machine == *machine)
    }

    /// Puts runs in the place of what was known of their machine.
    ///
    /// # Errors
    /// There are none, or they come from several machines or builds.
    pub fn replace(&mut self, runs: Vec<Run>) -> Result<(), String> {
        let environments: Vec<_> = runs.iter().filter_map(|run| run.environment.as_ref()).collect();
        let [first, others @ ..] = environments.as_slice() else { return Err("there are no runs to keep".to_owned()) };
        if let Some(difference) = others.iter().flat_map(|other| first.differences(other)).next() {
            return Err(format!("these runs do not belong together: {}", difference.what));
        }
        let machine = first.machine.clone();
        self.entries.retain(|entry| entry.machine != machine);
        self.entries.push(Entry { id: machine.id(), machine, runs });
        self.entries.sort_by(|a, b| a.machine.cmp(&b.machine));
        Ok(())
    }

    /// The text of the file: a run is a line, so that a change of one machine's baseline touches no other line.
    pub fn text(&self) -> serde_json::Result<String> {
        let mut text = format!("{{\"lockstep_baseline\": {VERSION}, \"entries\": [");
        for (nth, entry) in self.entries.iter().enumerate() {
            let comma = if nth > 0 { "," } else { "" };
            let machine = serde_json::to_string(&entry.machine)?;
            text += &format!("{comma}\n{{\"id\": \"{}\", \"machine\": {machine}, \"runs\": [\n", entry.id);
            let runs: Result<Vec<String>, _> = entry.runs.iter().map(serde_json::to_string).collect();
            text += &(runs?.join(",\n") + "\n]}");
        }
        Ok(text + "\n]}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::testing;

    fn run(cpu: &str) -> Run {
        let mut results = testing::results();
        results.machine.cpu = cpu.to_owned();
        let mut run = Run::of(&results);
        run.round();
        run
    }

    #[test]
    fn several_machines_live_in_one_file_and_replace_only_themselves() {
        let mut baselines = Baselines { lockstep_baseline: VERSION, entries: Vec::new() };
        baselines.replace(vec![run("one"), run("one")]).expect("they belong together");
        baselines.replace(vec![run("two")]).expect("it is alone");
        let read: Baselines = serde_json::from_str(&baselines.text().expect("text")).expect("its own text");
        assert_eq!(read, baselines);
        let machine = |cpu: &str| run(cpu).environment.expect("known").machine;
        assert_eq!(baselines.of(&machine("one")).map(|e| e.runs.len()), Some(2));
        baselines.replace(vec![run("one")]).expect("it is alone");
        let counts: Vec<usize> = baselines.entries.iter().map(|e| e.runs.len()).collect();
        assert_eq!(counts, [1, 1]);
        assert_eq!(baselines.of(&machine("three")), None);
        let mixed = baselines.replace(vec![run("one"), run("two")]).expect_err("two machines");
        assert!(mixed.contains("processor: `one` against `two`"), "{mixed}");
        assert!(baselines.replace(Vec::new()).is_err());
    }

    #[test]
    fn a_file_that_is_no_baseline_has_its_mistake_told_in_its_place() {
        let path = std::env::temp_dir().join(format!("lockstep-baseline-{}.json", std::process::id()));
        let error = |text: &str| {
            std::fs::write(&path, text).expect("a file for the test");
            Baselines::load(&path).expect_err("a mistake")
        };
        assert!(error("{\n  \"entries\": [}").contains(":2:15: error: "));
        assert!(error("{\"lockstep_baseline\": 9, \"entries\": []}").contains("version 9"));
        std::fs::remove_file(&path).expect("it was there");
        assert_eq!(Baselines::load(&path).expect("no file, no entries").entries, []);
    }
}
