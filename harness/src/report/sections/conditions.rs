//! On what, with what, and how it was measured.

use crate::report::answers::State;
use crate::report::document::{Cell, Section, Table};
use crate::report::format::{count, counted, rounds, seconds};
use crate::report::model::{Bench, Environment};

pub(super) fn section(environment: &Environment, bench: Option<&Bench>) -> Section {
    let mut section = Section::new(
        "conditions",
        "Conditions",
        "Conditions",
        &[
            "Figures hold for this machine in this state. Ratios travel better than seconds, and neither travels to another architecture. On a shared \
           or virtual machine the intervals cover what disturbed some rounds, not what disturbed all of them alike.",
        ],
    );
    let rows = machine(environment, bench).into_iter();
    let rows = rows.map(|(name, value)| vec![Cell::text(name), Cell::text(value)]).collect();
    section.tables.push(Table::new("Machine and run", &["what", "value"], rows));
    let rows = environment.backends.iter().map(|b| {
        let levels: Vec<String> =
            b.levels.iter().map(|l| if *l == b.default_level { format!("{l} ●") } else { l.clone() }).collect();
        vec![
            Cell::text(b.id.as_str()),
            Cell::text(b.version.as_str()),
            Cell::text(levels.join(", ")),
            Cell::text(if b.native { "native code" } else { "evaluated" }),
            Cell::text(b.about.as_str()),
        ]
    });
    let head = ["backend", "version", "levels", "execution", "about"];
    section.tables.push(Table::new("Backends of this build", &head, rows.collect()));
    if let Some(bench) = bench.filter(|b| !b.findings.is_empty()) {
        let rows = bench.findings.iter().map(|f| {
            let state = if f.fails { State::Bad } else { State::Unknown };
            let who = f.implementation.as_ref().map_or_else(String::new, ToString::to_string);
            let kind = Cell::text(f.kind.name().replace('_', " ")).state(state);
            vec![
                kind,
                Cell::text(f.kernel.as_deref().unwrap_or_default()),
                Cell::text(who),
                Cell::text(f.what.as_str()),
            ]
        });
        let head = ["finding", "kernel", "implementation", "what"];
        section.tables.push(Table::new("What the run says about itself", &head, rows.collect()));
    }
    if let Some(bench) = bench {
        let others = bench.participants.iter().filter(|p| p.implementation.column().is_none() || p.absent.is_some());
        let rows = others.map(|p| {
            let absent = p.absent.as_ref();
            vec![
                Cell::text(p.implementation.to_string()),
                Cell::text(p.version.as_str()),
                Cell::text(p.about.as_str()),
                absent.map_or_else(|| Cell::text("took part"), |why| Cell::text(why.as_str()).state(State::Unknown)),
            ]
        });
        let head = ["participant", "version", "about", "took part"];
        section.tables.push(Table::new("Other participants", &head, rows.collect()));
    }
    section
}

/// The run's own rate of false alarms; none unless someone took part twice.
pub(super) fn false_alarms(bench: &Bench) -> Option<String> {
    let alarms = &bench.analysis.false_alarms;
    (alarms.comparisons > 0).then(|| {
        let again = format!("{} of {} differ", alarms.alarms, counted(alarms.comparisons as u64, "comparison"));
        // Few rounds leave halves that are too small to be compared.
        if alarms.halves == 0 {
            return again;
        }
        let (differ, all) = (count(alarms.half_alarms as u64), count(alarms.halves as u64));
        format!("{again}; of random halves {differ} of {all}")
    })
}

fn machine(environment: &Environment, bench: Option<&Bench>) -> Vec<(String, String)> {
    let machine = &environment.machine;
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
    row("processor", machine.cpu.clone());
    row("logical processors", machine.cpus.to_string());
    row("system", machine.system.clone());
    if machine.memory > 0 {
        row("memory", format!("{:.1} GiB", machine.memory as f64 / f64::from(1 << 30)));
    }
    if let Some(bench) = bench {
        let unknown = || "unknown".to_owned();
        let yes = |virtualised| if virtualised { "yes" } else { "no" }.to_owned();
        row("clock governor", machine.governor.clone().unwrap_or_else(unknown));
        row("virtual machine", machine.virtualised.map_or_else(unknown, yes));
        let load = |load: Option<f64>| load.map_or_else(unknown, |l| format!("{l:.2}"));
        row("load, before and after", format!("{}, {}", load(machine.load), load(bench.conditions.load_at_end)));
        row("rounds", format!("{} (seed {})", rounds(&bench.conditions), bench.conditions.seed));
        row("sizes", if bench.conditions.quick { "quick" } else { "full" }.to_owned());
        row("benchmarks took", seconds(bench.conditions.seconds));
        if let Some(alarms) = false_alarms(bench) {
            row("false alarms (A/A)", alarms);
        }
        let disturbances = &bench.analysis.disturbances;
        if disturbances.samples > 0 {
            let (disturbed, all) = (disturbances.disturbed as u64, disturbances.samples as u64);
            row("disturbed samples", format!("{} of {}", count(disturbed), count(all)));
        }
    }
    row("Lockstep", environment.lockstep.clone());
    let known = |text: &String| if text.is_empty() { "unknown".to_owned() } else { text.clone() };
    row("report written", known(&environment.date));
    row("commit", known(&environment.commit));
    for (what, build) in &environment.builds {
        row(&format!("executable of `{what}`"), known(&build.executable));
    }
    for (name, version) in &environment.compilers {
        row(name, version.clone());
    }
    rows
}
