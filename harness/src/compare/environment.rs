//! On what a run was made, as far as it decides whether runs can be compared, and the fingerprint under which baselines are kept.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::run::CORPUS;
use crate::bench::machine::Machine;

/// What must be the same for figures to be comparable, and what should be said if it is not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// The machine.
    pub machine: Fingerprint,
    /// How the harness was built.
    pub profile: String,
    /// What the clock's governor was; none where there is none to be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governor: Option<String>,
    /// Versions of who took part, by name.
    #[serde(default)]
    pub versions: BTreeMap<String, String>,
    /// What was run, by what series are about: arguments and sizes, and the programs' fingerprint of [`CORPUS`].
    #[serde(default)]
    pub workloads: BTreeMap<String, String>,
}

/// What tells machines apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The processor's own name.
    pub cpu: String,
    /// Logical processors.
    pub cpus: usize,
    /// Operating system and version of its kernel.
    pub system: String,
    /// Memory, in whole GiB: what the kernel keeps for itself varies from boot to boot.
    pub memory_gib: u64,
    /// Whether this is a virtual machine.
    pub virtualised: Option<bool>,
}

impl Fingerprint {
    /// Of this machine, now.
    pub fn here() -> Self {
        Self::of(&Machine::here())
    }

    /// Of a machine as results describe it.
    pub fn of(machine: &Machine) -> Self {
        Self {
            cpu: machine.cpu.clone(),
            cpus: machine.cpus,
            system: machine.system.clone(),
            memory_gib: (machine.memory + (1 << 29)) >> 30,
            virtualised: machine.virtualised,
        }
    }

    /// A short name for it: equal fingerprints have equal names.
    pub fn id(&self) -> String {
        // FNV-1a: stable over versions of Rust, unlike its own hashes.
        let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        let hash = self.to_string().bytes().fold(0xcbf2_9ce4_8422_2325, fold);
        format!("{:08x}", (hash >> 32) as u32 ^ hash as u32)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cpus, system, memory_gib, virtualised } = self;
        let guest = if *virtualised == Some(true) { ", virtual" } else { "" };
        write!(f, "{cpu}, {cpus} cores, {memory_gib} GiB, {system}{guest}")
    }
}

/// A way in which two environments differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Whether figures cannot be compared at all; else it is only to be known.
    pub forbids: bool,
    /// What differs, from what to what.
    pub what: String,
}

impl Environment {
    /// Whether both compiled the same programs of the corpus, as far as that is known.
    pub fn same_programs(&self, other: &Self) -> bool {
        let programs = self.workloads.get(CORPUS).zip(other.workloads.get(CORPUS));
        programs.is_none_or(|(own, others)| own == others)
    }

    /// How another environment differs from this one: machine, build and sizes forbid a comparison; versions are what one may want to compare, and
    /// are said. Other programs of the corpus are said, too: what is about them is not compared, see [`Environment::same_programs`].
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let (a, b) = (&self.machine, &other.machine);
        let governor = |e: &Self| e.governor.clone().unwrap_or_default();
        let shown = |v: Option<bool>| v.map_or("unknown".to_owned(), |v| v.to_string());
        let strict = [
            ("processor", a.cpu.clone(), b.cpu.clone()),
            ("cores", a.cpus.to_string(), b.cpus.to_string()),
            ("system", a.system.clone(), b.system.clone()),
            ("memory in GiB", a.memory_gib.to_string(), b.memory_gib.to_string()),
            ("virtualised", shown(a.virtualised), shown(b.virtualised)),
            ("build", self.profile.clone(), other.profile.clone()),
            ("governor", governor(self), governor(other)),
        ];
        let differs = |forbids: bool, name: &str, a: &str, b: &str| {
            (a != b).then(|| Difference { forbids, what: format!("{name}: `{a}` against `{b}`") })
        };
        let mut all: Vec<Difference> = strict.iter().filter_map(|(name, a, b)| differs(true, name, a, b)).collect();
        let shared =
            |forbids: fn(&str) -> bool, a: &BTreeMap<String, String>, b: &BTreeMap<String, String>, what: &str| {
                let pairs = a.iter().filter_map(|(name, a)| Some((name, a, b.get(name)?)));
                let found = pairs.filter_map(|(name, a, b)| differs(forbids(name), &format!("{what} {name}"), a, b));
                found.collect::<Vec<_>>()
            };
        all.extend(shared(|name| name != CORPUS, &self.workloads, &other.workloads, "what was run of"));
        all.extend(shared(|_| false, &self.versions, &other.versions, "version of"));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment {
            machine: Fingerprint {
                cpu: "Imaginary 9000".to_owned(),
                cpus: 2,
                system: "linux 6.1".to_owned(),
                memory_gib: 8,
                virtualised: Some(false),
            },
            profile: "release".to_owned(),
            governor: None,
            versions: [("a/none".to_owned(), "1.0".to_owned())].into(),
            workloads: [("fib quick", "30"), (CORPUS, "12ab")]
                .map(|(on, what)| (on.to_owned(), what.to_owned()))
                .into(),
        }
    }

    #[test]
    fn what_forbids_a_comparison_is_told_from_what_is_only_said() {
        let one = environment();
        assert_eq!(one.differences(&one), []);
        let change = |change: fn(&mut Environment)| {
            let mut other = environment();
            change(&mut other);
            let found = one.differences(&other);
            assert_eq!(found.len(), 1, "{found:?}");
            found[0].forbids
        };
        assert!(change(|e| e.machine.cpu.push('x')));
        assert!(change(|e| e.machine.cpus = 4));
        assert!(change(|e| e.machine.system.push('x')));
        assert!(change(|e| e.machine.memory_gib = 16));
        assert!(change(|e| e.machine.virtualised = None));
        assert!(change(|e| e.profile = "debug".to_owned()));
        assert!(change(|e| e.governor = Some("powersave".to_owned())));
        assert!(change(|e| *e.workloads.get_mut("fib quick").expect("there") = "35".to_owned()));
        assert!(!change(|e| *e.workloads.get_mut(CORPUS).expect("there") = "34cd".to_owned()));
        assert!(!change(|e| *e.versions.get_mut("a/none").expect("there") = "2.0".to_owned()));
    }

    #[test]
    fn a_fingerprint_has_one_short_name() {
        let one = environment().machine;
        assert_eq!(one.id(), one.clone().id());
        assert_eq!(one.id().len(), 8);
        assert_ne!(one.id(), Fingerprint { cpus: 4, ..one }.id());
    }

    #[test]
    fn memory_is_told_to_the_gibibyte() {
        let machine = |memory| Fingerprint::of(&Machine { memory, ..Machine::default() });
        assert_eq!(machine(25_276_502_016), machine(25_276_400_000));
        assert_ne!(machine(8 << 30), machine(16 << 30));
    }
}
