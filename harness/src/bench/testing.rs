//! A run of benchmarks that never happened, for tests: plausible times with a little noise.

use fastrand::Rng;

use super::implementation::Implementation;
use super::kernel::Size;
use super::machine::Machine;
use super::results::{
    BenchResults, CompileSample, CompileSeries, Conditions, Participant, Phase, Sample, Series, VERSION, Workload,
};

/// The kernels.
pub const KERNELS: [&str; 3] = ["fib", "sieve", "xorshift"];

/// Who took part, seconds of a call, microseconds per compiled unit.
const PARTICIPANTS: [(&str, f64, f64); 6] = [
    ("interpreter", 1.0, 0.0),
    ("fast/none", 0.11, 300.0),
    ("fast/speed", 0.07, 500.0),
    ("slow/none", 0.12, 100.0),
    ("gcc", 0.06, 0.0),
    ("lua5.4", 1.8, 0.0),
];

/// The run.
pub fn results() -> BenchResults {
    let mut rng = Rng::with_seed(5);
    let mut noise = move || 1.0 + 0.02 * (rng.f64() - 0.5);
    let who = |name: &str| name.parse::<Implementation>().expect("a name");
    let rounds = 6;
    let phase = |name: &str, backend, seconds| Phase { name: name.to_owned(), backend, seconds };
    let workloads = KERNELS.map(|kernel| Workload {
        case: format!("bench/all/{kernel}"),
        kernel: kernel.to_owned(),
        size: Size::Full,
        args: vec!["1".to_owned()],
        interpreted: None,
        checksum: Some("7".to_owned()),
        series: PARTICIPANTS
            .map(|(name, seconds, compile)| Series {
                implementation: who(name),
                samples: (0..rounds)
                    .map(|round| Sample {
                        round,
                        calls: vec![seconds * 1.1, seconds * noise(), seconds * noise()],
                        warm: 1,
                        compile: vec![phase("build", false, 5e-6), phase("emit", true, compile * 1e-6)],
                        code_bytes: 300,
                        units: 1,
                        exits: 0,
                        checksum: "7".to_owned(),
                        ..Sample::default()
                    })
                    .collect(),
                void: None,
            })
            .into(),
    });
    let compilers = PARTICIPANTS.iter().filter(|(name, ..)| name.contains('/'));
    let compile = compilers.map(|&(name, _, micros)| CompileSeries {
        implementation: who(name),
        samples: (0..rounds)
            .map(|round| CompileSample {
                round,
                units: 40,
                median: micros * 1e-6,
                phases: vec![phase("select", true, micros * 2e-5), phase("emit", true, micros * 2e-5)],
                code_bytes: 40_000,
                ..CompileSample::default()
            })
            .collect(),
        void: None,
    });
    BenchResults {
        lockstep_bench: VERSION,
        machine: Machine { cpu: "Imaginary 9000".to_owned(), cpus: 2, ..Machine::default() },
        conditions: Conditions { rounds, seed: 1, seconds: 60.0, ..Conditions::default() },
        participants: PARTICIPANTS
            .map(|(name, ..)| Participant {
                implementation: who(name),
                version: "1.0".to_owned(),
                about: format!("what {name} is"),
                default: ["fast/speed", "slow/none"].contains(&name),
                absent: None,
            })
            .into(),
        workloads: workloads.into(),
        compile: compile.collect(),
        ..BenchResults::default()
    }
}
