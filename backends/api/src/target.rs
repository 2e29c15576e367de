//! What code is made for, and how hard.

use serde::{Deserialize, Serialize};

/// An instruction set architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arch {
    /// x86-64, at least level v2 (SSE4.2, POPCNT).
    X86_64,
    /// AArch64.
    Aarch64,
    /// RISC-V, RV64GC.
    Riscv64,
}

impl Arch {
    /// The architecture this program runs on, if it is one of them.
    pub const fn host() -> Option<Arch> {
        if cfg!(target_arch = "x86_64") {
            Some(Arch::X86_64)
        } else if cfg!(target_arch = "aarch64") {
            Some(Arch::Aarch64)
        } else if cfg!(target_arch = "riscv64") {
            Some(Arch::Riscv64)
        } else {
            None
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::Aarch64 => "aarch64",
            Arch::Riscv64 => "riscv64",
        }
    }
}

/// An instruction set extension that a backend may use where the target has it, and must do without where it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// `lzcnt`.
    Lzcnt,
    /// `tzcnt`, `andn`, `blsr` …
    Bmi1,
    /// `shlx`, `rorx`, `mulx` …
    Bmi2,
    /// Three-operand SSE encodings.
    Avx,
}

impl Feature {
    /// All of them.
    pub const ALL: [Feature; 4] = [Feature::Lzcnt, Feature::Bmi1, Feature::Bmi2, Feature::Avx];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Feature::Lzcnt => "lzcnt",
            Feature::Bmi1 => "bmi1",
            Feature::Bmi2 => "bmi2",
            Feature::Avx => "avx",
        }
    }
}

/// A set of [`Feature`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Feature>", into = "Vec<Feature>")]
pub struct Features(u32);

impl Features {
    /// Whether the feature is there.
    pub const fn has(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u32) != 0
    }

    /// With the feature.
    #[must_use]
    pub const fn with(self, feature: Feature) -> Self {
        Self(self.0 | 1 << feature as u32)
    }

    /// All features of the set, in order.
    pub fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.into_iter().filter(move |&f| self.has(f))
    }
}

impl From<Vec<Feature>> for Features {
    fn from(list: Vec<Feature>) -> Self {
        list.into_iter().fold(Self::default(), Self::with)
    }
}

impl From<Features> for Vec<Feature> {
    fn from(set: Features) -> Self {
        set.iter().collect()
    }
}

/// What code is made for. Linux's System V conventions throughout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The architecture.
    pub arch: Arch,
    /// Its extensions.
    pub features: Features,
}

impl Target {
    /// The machine this program runs on, with the extensions found; `None` where no backend could make code for it.
    #[cfg(target_arch = "x86_64")]
    pub fn host() -> Option<Target> {
        use std::arch::is_x86_feature_detected as has;
        if !(has!("sse4.2") && has!("popcnt")) {
            return None;
        }
        let found = [has!("lzcnt"), has!("bmi1"), has!("bmi2"), has!("avx")];
        let features =
            Feature::ALL.into_iter().zip(found).filter(|f| f.1).fold(Features::default(), |s, f| s.with(f.0));
        Some(Target { arch: Arch::X86_64, features })
    }

    /// The machine this program runs on; `None` where no backend could make code for it.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn host() -> Option<Target> {
        Arch::host().map(Target::baseline)
    }

    /// The architecture without any extension.
    pub fn baseline(arch: Arch) -> Target {
        Target { arch, features: Features::default() }
    }
}

/// How much a backend spends on a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As little as it can: for code that runs briefly.
    None,
    /// What it is made for.
    Speed,
    /// Everything it has, whatever it costs.
    Best,
}

impl Level {
    /// All levels, cheapest first.
    pub const ALL: [Level; 3] = [Level::None, Level::Speed, Level::Best];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Speed => "speed",
            Level::Best => "best",
        }
    }

    /// The level of that name.
    pub fn from_name(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|l| l.name() == name)
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
