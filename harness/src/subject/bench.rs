//! Times of a subject: every configuration is an implementation, every sample a process. What is measured, in which order and what follows from it
//! is the business of [`crate::bench`]; here jobs of its plan become processes of the subject.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::command::{Configuration, Extras, Subject};
use super::evidence::{Evidence, Native};
use super::observe::{self, Observation};
use super::process::Ended;
use super::trial::Trials;
use crate::bench::kernel::KernelGates;
use crate::bench::plan::{Job, Plan, Work};
use crate::bench::results::{Participant, Sample};
use crate::bench::runner::{Measured, Runner};
use crate::bench::{Implementation, Kernel, calibration};
use crate::passport::digest::sha256;

/// What results say of the subject, besides its times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// Its name.
    pub subject: String,
    /// Its own account of its version.
    pub version: String,
    /// What is known about native execution, by implementation and program.
    pub evidence: BTreeMap<String, BTreeMap<String, Evidence>>,
}

impl Notes {
    /// By implementation, on how many programs native execution was proven, disproven and unproven; without the reference.
    pub fn sums(&self) -> BTreeMap<&str, BTreeMap<Native, usize>> {
        let mut sums: BTreeMap<&str, BTreeMap<Native, usize>> = BTreeMap::new();
        for (implementation, programs) in &self.evidence {
            for evidence in programs.values().filter(|e| e.native != Native::Reference) {
                *sums.entry(implementation).or_default().entry(evidence.native).or_default() += 1;
            }
        }
        sums
    }
}

/// Runs jobs of a plan on a subject.
pub struct SubjectRunner {
    trials: Trials,
    notes: Notes,
    barred: BTreeMap<(String, Implementation), Option<String>>,
}

impl Subject {
    /// The implementation that a configuration is.
    pub fn implementation(&self, configuration: &Configuration) -> Implementation {
        let name = format!("{}/{}", self.manifest.subject, configuration.name);
        Implementation::Subject { name, reference: configuration.reference }
    }

    /// Its configurations as those who take part.
    pub fn participants(&self, version: &str) -> Vec<Participant> {
        let participant = |configuration: &Configuration| Participant {
            implementation: self.implementation(configuration),
            version: version.to_owned(),
            about: self.manifest.configurations[&configuration.base].about.clone(),
            default: false,
            absent: None,
        };
        self.configurations.iter().map(participant).collect()
    }

    /// Its programs that are benchmarks.
    pub fn kernels(&self) -> Vec<Kernel> {
        let benchmarks = self.programs.iter().filter(|p| !p.bench.is_empty());
        let kernel = |program: &super::Program| Kernel {
            case: format!("{}/{}", self.manifest.subject, program.name),
            name: program.name.clone(),
            args: program.bench.clone(),
            peer: None,
            script: None,
            interpreted: None,
            gates: KernelGates::default(),
        };
        benchmarks.map(kernel).collect()
    }
}

impl SubjectRunner {
    /// For a subject of that version.
    pub fn new(subject: Subject, version: String) -> Self {
        let notes = Notes { subject: subject.manifest.subject.clone(), version, evidence: BTreeMap::new() };
        Self { trials: Trials::new(subject), notes, barred: BTreeMap::new() }
    }

    /// What was learnt besides times.
    pub fn into_notes(self) -> Notes {
        self.notes
    }

    fn configuration(&self, who: &Implementation) -> Result<&Configuration, String> {
        let subject = &self.trials.subject;
        let found = subject.configurations.iter().find(|c| subject.implementation(c) == *who.runs());
        found.ok_or_else(|| format!("{who} is no configuration of {}", subject.manifest.subject))
    }

    fn program(&self, kernel: &Kernel) -> Result<usize, String> {
        let found = self.trials.subject.programs.iter().position(|p| p.name == kernel.name);
        found.ok_or_else(|| format!("no program `{}`", kernel.name))
    }

    fn parity(&mut self, kernel: &Kernel, who: &Implementation) -> Result<(), String> {
        let program = self.program(kernel)?;
        let configuration = self.configuration(who)?.clone();
        let outcome = self.trials.run(program, &configuration);
        match outcome.failure {
            None => {
                let programs = self.notes.evidence.entry(who.to_string()).or_default();
                programs.insert(kernel.name.clone(), outcome.evidence);
                Ok(())
            }
            Some(wrong) => {
                let name = self.trials.name(&self.trials.subject.programs[program], &configuration);
                Err(format!("parity of {name}: {}", wrong.what))
            }
        }
    }
}

impl Runner for SubjectRunner {
    fn run(&mut self, plan: &Plan, job: &Job) -> Result<Measured, String> {
        let Work::Run(index, size) = job.work else { return Err("a subject is only run".to_owned()) };
        let kernel = &plan.kernels[index];
        let subject = &self.trials.subject;
        let (program, configuration) = (self.program(kernel)?, self.configuration(&job.implementation)?);
        let args = kernel.args.get(&size).cloned().unwrap_or_default();
        let invocation = subject.invocation(configuration, &subject.programs[program], &args, &Extras::default());
        let run = invocation.run(&subject.manifest.limits);
        let seen = Observation::of(&subject.manifest, &run);
        if let Ended::Died(how) = &seen.ended {
            return Err(how.to_string());
        }
        // All that parity compares, at the size that is timed.
        let checksum = sha256(format!("{seen:?}").as_bytes())[..16].to_owned();
        let seconds = observe::seconds(&subject.manifest, &run)?;
        Ok(Measured::Run(Sample { calls: vec![seconds], checksum, ..Sample::default() }))
    }

    fn barred(&mut self, kernel: &Kernel, implementation: &Implementation) -> Option<String> {
        let who = implementation.runs();
        let key = (kernel.name.clone(), who.clone());
        if !self.barred.contains_key(&key) {
            let failure = self.parity(kernel, who).err();
            self.barred.insert(key.clone(), failure);
        }
        self.barred[&key].clone()
    }

    fn calibrate(&mut self) -> f64 {
        calibration::seconds()
    }
}
