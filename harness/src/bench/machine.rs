//! On what it was measured: what a reader of figures must know about the machine. What cannot be found out is left empty.

use std::fs;

use serde::{Deserialize, Serialize};

/// A machine and its state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Machine {
    /// The processor's own name.
    pub cpu: String,
    /// Logical processors.
    pub cpus: usize,
    /// Operating system and version of its kernel.
    pub system: String,
    /// Memory in bytes.
    pub memory: u64,
    /// How the clock is governed.
    pub governor: Option<String>,
    /// Whether this is a virtual machine.
    pub virtualised: Option<bool>,
    /// Processes that were waiting or running in the last minute, on average, when the run began.
    pub load: Option<f64>,
}

impl Machine {
    /// This one, now.
    pub fn here() -> Self {
        let cpuinfo = read("/proc/cpuinfo");
        let field = |name: &str| {
            let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = read("/proc/meminfo")
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        let governor = read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").trim().to_owned();
        Self {
            cpu: processor(&field),
            cpus: std::thread::available_parallelism().map_or(1, Into::into),
            system: format!("{} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease").trim()).trim().to_owned(),
            memory: memory.unwrap_or(0) * 1024,
            governor: (!governor.is_empty()).then_some(governor),
            virtualised: field("flags").map(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
            load: load(),
        }
    }
}

/// The processor's own name and, since a cloud's name says little, its numbers.
fn processor(field: &dyn Fn(&str) -> Option<String>) -> String {
    let name = field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    match (field("cpu family"), field("model\t"), field("stepping")) {
        (Some(family), Some(model), Some(stepping)) => format!("{name} ({family}/{model}/{stepping})"),
        _ => name,
    }
}

/// Processes that were waiting or running in the last minute, on average.
pub fn load() -> Option<f64> {
    read("/proc/loadavg").split(' ').next()?.parse().ok()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
