//! The sections of a report, each with its words, its chart and its tables: what [`super::markdown`] and [`super::html`] write down.

use super::charts::{self, Chart};
use super::format::{count, counted, percent, ratio_interval, seconds, seconds_interval};
use super::model::{Bench, CoverageTable, Environment, INTERPRETER, Parity, Report, Sums};
use super::sentences::State;
use crate::bench::Implementation;
use crate::stats::{Interval, Verdict};

/// A section.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its anchor.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What the figures mean, how they were found, what they cannot say.
    pub text: Vec<String>,
    /// What is missing, if something is.
    pub missing: Vec<String>,
    /// A picture.
    pub chart: Option<Chart>,
    /// Tables.
    pub tables: Vec<Table>,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Titles of columns.
    pub head: Vec<String>,
    /// Rows, each as wide as the head; the first cell names the row.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Its text.
    pub text: String,
    /// Whether it is a number, to be aligned as one.
    pub number: bool,
    /// How good it is.
    pub state: State,
}

impl Cell {
    fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), number: false, state: State::Plain }
    }

    fn number(text: impl Into<String>) -> Self {
        Self { number: true, ..Self::text(text) }
    }

    fn state(self, state: State) -> Self {
        Self { state, ..self }
    }

    fn measured(interval: Option<Interval>, write: impl Fn(&Interval) -> String) -> Self {
        Self::number(interval.as_ref().map_or_else(|| "–".to_owned(), write))
    }
}

impl Section {
    fn new(id: &'static str, title: &'static str, text: &[&str]) -> Self {
        let text = text.iter().map(|&t| t.to_owned()).collect();
        Self { id, title, text, missing: Vec::new(), chart: None, tables: Vec::new() }
    }

    fn missing(mut self, why: &str) -> Self {
        self.missing.push(why.to_owned());
        self
    }
}

/// All sections, in order.
pub fn sections(report: &Report) -> Vec<Section> {
    let bench = report.bench.as_ref();
    vec![
        uplift(bench),
        compile(bench),
        gates(bench),
        coverage(report.coverage.as_ref()),
        parity(report.parity.as_ref()),
        peers(bench),
        timings(bench),
        conditions(&report.environment, bench),
    ]
}

fn table(caption: &str, head: &[&str], rows: Vec<Vec<Cell>>) -> Table {
    Table { caption: caption.to_owned(), head: head.iter().map(|&h| h.to_owned()).collect(), rows }
}

const NO_BENCH: &str = "Benchmarks were not run.";

fn verdict(verdict: Verdict) -> Cell {
    let state = match verdict {
        Verdict::Pass => State::Good,
        Verdict::Fail => State::Bad,
        Verdict::Inconclusive => State::Unknown,
    };
    Cell::text(verdict.name()).state(state)
}

fn gates(bench: Option<&Bench>) -> Section {
    let section = Section::new(
        "gates",
        "Gates of speed",
        &[
            "A gate is a bound from the corpus. It passes if the whole 95 % interval keeps the bound, fails if the whole interval breaks it, and is \
           inconclusive if the interval lies on both sides: then more rounds, or a quieter machine, are needed. A missing measurement never passes.",
        ],
    );
    let Some(bench) = bench else { return section.missing(NO_BENCH) };
    if bench.gates.is_empty() {
        return section.missing("No gate was judged.");
    }
    let mut gates: Vec<_> = bench.gates.iter().collect();
    // What needs attention first; otherwise in the order of the data.
    gates.sort_by_key(|g| std::cmp::Reverse(g.verdict));
    let rows = gates
        .into_iter()
        .map(|gate| {
            let measured = match &gate.why {
                Some(why) => Cell::text(why.as_str()),
                None => Cell::measured(gate.measured, ratio_interval),
            };
            vec![
                Cell::text(gate.gate.replace('_', " ")),
                Cell::text(gate.kernel.as_deref().unwrap_or("all kernels")),
                Cell::text(format!("{} / {}", gate.of, gate.over)),
                Cell::number(gate.bound.to_string()),
                measured,
                verdict(gate.verdict),
            ]
        })
        .collect();
    let head = ["gate", "kernel", "time of / time of", "must be", "measured", "verdict"];
    Section { tables: vec![table("Gates, those that need attention first", &head, rows)], ..section }
}

/// A table of ratios: kernels down, implementations across, the geometric mean last.
fn by_kernel(
    bench: &Bench,
    caption: String,
    names: &[&Implementation],
    cell: impl Fn(&Implementation, Option<&str>) -> Option<Interval>,
) -> Table {
    let kernels = bench.kernels.iter().map(|k| Some(k.as_str())).chain([None]);
    let rows = kernels
        .map(|kernel| {
            let cells = names.iter().map(|name| Cell::measured(cell(name, kernel), ratio_interval));
            [Cell::text(kernel.unwrap_or("geometric mean"))].into_iter().chain(cells).collect()
        })
        .collect();
    let head = ["kernel".to_owned()].into_iter().chain(names.iter().map(|name| titled(bench, name))).collect();
    Table { caption, head, rows }
}

/// A name, with a mark if it is a backend at its default level.
fn titled(bench: &Bench, name: &Implementation) -> String {
    if bench.is_default(name) { format!("{name} ●") } else { name.to_string() }
}

fn natives(bench: &Bench) -> Vec<&Implementation> {
    bench.natives().map(|p| &p.implementation).collect()
}

fn uplift(bench: Option<&Bench>) -> Section {
    let mut section = Section::new(
        "uplift",
        "Uplift over the interpreter",
        &[
            "How many times faster native code runs than this project's interpreter, with 95 % intervals. A ratio pairs two processes of the same \
             round; processes, not iterations, are resampled. ● marks a backend's default level, which gates refer to.",
            "Uplift depends on the interpreter as much as on the backend, and is no measure of how good the code is: for that, see the peers. The \
             geometric mean speaks of these kernels only.",
        ],
    );
    let Some(bench) = bench else { return section.missing(NO_BENCH) };
    section.chart = charts::uplift(bench);
    let caption = "Uplift by kernel and implementation: ratio (95 % interval)".to_owned();
    section.tables.push(by_kernel(bench, caption, &natives(bench), |who, kernel| bench.uplift_of(who, kernel)));
    section
}

fn compile(bench: Option<&Bench>) -> Section {
    let mut section = Section::new(
        "compile",
        "Compile time against peak speed",
        &[
            "Each backend compiles every function of the corpus; the time is the backend's own, its set-up apart, for the median unit. Phases are wall \
           time summed over all units, the median over processes. The corpus has many small functions, so the median says little about large ones.",
        ],
    );
    let Some(bench) = bench else { return section.missing(NO_BENCH) };
    if bench.analysis.compile.is_empty() {
        return section.missing("Time of compilation was not measured.");
    }
    section.chart = charts::trade(bench);
    let rows = bench.analysis.compile.iter().map(|c| {
        vec![
            Cell::text(titled(bench, &c.implementation)),
            Cell::number(seconds_interval(&c.median)),
            Cell::number(count(c.units)),
            Cell::number(count(c.code_bytes)),
            Cell::number(c.code_bytes.checked_div(c.units).map_or_else(|| "–".to_owned(), count)),
        ]
    });
    let head = ["backend", "median unit", "units", "bytes of code", "bytes per unit"];
    section.tables.push(table("Compilation of the corpus", &head, rows.collect()));
    let mut phases: Vec<(&str, bool)> = Vec::new();
    for phase in bench.analysis.compile.iter().flat_map(|c| &c.phases) {
        if !phases.contains(&(&phase.name, phase.backend)) {
            phases.push((&phase.name, phase.backend));
        }
    }
    phases.sort_by_key(|(_, backend)| *backend);
    let rows = phases.iter().map(|&(name, backend)| {
        let cells = bench.analysis.compile.iter().map(|c| {
            let phase = c.phases.iter().find(|p| p.name == name && p.backend == backend);
            Cell::number(phase.map_or_else(|| "–".to_owned(), |p| seconds(p.seconds)))
        });
        let title = Cell::text(if backend { format!("backend: {name}") } else { name.to_owned() });
        [title].into_iter().chain(cells).collect()
    });
    let head = ["phase".to_owned()]
        .into_iter()
        .chain(bench.analysis.compile.iter().map(|c| c.implementation.to_string()))
        .collect();
    let caption = "Compile time of the corpus by phase".to_owned();
    section.tables.push(Table { caption, head, rows: rows.collect() });
    section
}

fn coverage(coverage: Option<&CoverageTable>) -> Section {
    let mut section = Section::new(
        "coverage",
        "Coverage",
        &[
            "Every executed bytecode instruction is counted in an instrumented build as native inline, native through a helper, or interpreted, at the \
           default thresholds; the three must sum, instruction by instruction, to what the interpreter alone executes. It says how much runs \
           natively, not how fast.",
        ],
    );
    let Some(coverage) = coverage else { return section.missing("Coverage was not run.") };
    if coverage.quick {
        section.text.push(
            "The small sizes were run: warm-up in the interpreter weighs more than at the published sizes.".to_owned(),
        );
    }
    section.chart = charts::coverage(coverage);
    let rows = coverage.programs.iter().map(|row| {
        let mut cells = vec![Cell::text(row.program.as_str()), Cell::text(row.implementation.as_str())];
        match (row.counts, row.shares()) {
            (Some(counts), Some([inline, helper, _])) => cells.extend([
                Cell::number(percent(inline + helper)),
                Cell::number(percent(inline)),
                Cell::number(count(counts.iter().sum())),
                Cell::number(count(counts[2])),
                Cell::number(count(row.exits)),
            ]),
            _ => cells.extend((0..5).map(|_| Cell::number("–"))),
        }
        cells.push(match &row.failure {
            None => Cell::text("pass").state(State::Good),
            Some(why) => Cell::text(format!("fail: {why}")).state(State::Bad),
        });
        cells
    });
    let head = ["program", "implementation", "native", "inline", "executed", "interpreted", "exits", "gate"];
    section.tables.push(table("Executed instructions", &head, rows.collect()));
    let rows = coverage.instructions.iter().map(|t| {
        let missing: Vec<String> = t.missing.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        let state = if t.compiled == t.of { State::Good } else { State::Bad };
        vec![
            Cell::text(t.implementation.as_str()),
            Cell::number(format!("{} of {}", t.compiled, t.of)).state(state),
            Cell::text(if missing.is_empty() { "none".to_owned() } else { missing.join("; ") }),
        ]
    });
    let head = ["implementation", "instructions compiled", "missing"];
    section.tables.push(table("Instructions of the bytecode that compile at all", &head, rows.collect()));
    section
}

fn parity(parity: Option<&Parity>) -> Section {
    let mut section = Section::new(
        "parity",
        "Parity",
        &[
            "A trial runs a case on an implementation in a configuration and compares result, error and output with what is stated or what the \
             reference computes. A process that dies or hangs is a failed trial. Refusals are declared by the backend, and counted apart.",
            "Parity shows that these cases agree. It cannot show that others do: random programs and planted faults are separate checks.",
        ],
    );
    let Some(parity) = parity else { return section.missing("Parity was not run.") };
    let mut configurations: Vec<Option<&str>> = Vec::new();
    let mut who: Vec<&str> = Vec::new();
    for row in &parity.rows {
        if !configurations.contains(&row.configuration.as_deref()) {
            configurations.push(row.configuration.as_deref());
        }
        if !who.contains(&row.implementation.as_str()) {
            who.push(&row.implementation);
        }
    }
    // The interpreter is what the others are compared with.
    who.sort_by_key(|name| *name != INTERPRETER);
    let rows = who.iter().map(|&name| {
        let mut total = Sums::default();
        let mut cells = vec![Cell::text(name)];
        for configuration in &configurations {
            let mine =
                |r: &&super::model::ParityRow| r.implementation == name && r.configuration.as_deref() == *configuration;
            let sums = parity.rows.iter().find(mine).map(|r| r.sums);
            if let Some(sums) = sums {
                total.passed += sums.passed;
                total.failed += sums.failed;
                total.refused += sums.refused;
            }
            cells.push(sums.map_or_else(|| Cell::number("–"), |s| passed(&s)));
        }
        cells.push(passed(&total));
        cells.push(Cell::number(count(total.refused.into())));
        cells
    });
    let titles = configurations.iter().map(|c| c.unwrap_or("single").to_owned());
    let head = ["implementation".to_owned()].into_iter().chain(titles).chain(["all", "refused"].map(String::from));
    let caption =
        format!("Trials that pass, by implementation and configuration; {}", counted(parity.cases as u64, "case"));
    let table_of_trials = Table { caption, head: head.collect(), rows: rows.collect() };
    section.tables.push(table_of_trials);
    if !parity.failures.is_empty() {
        let rows = parity.failures.iter();
        let rows = rows.map(|f| vec![Cell::text(f.trial.as_str()).state(State::Bad), Cell::text(f.what.as_str())]);
        section.tables.push(table("Trials that failed", &["trial", "what"], rows.collect()));
    }
    section
}

fn passed(sums: &Sums) -> Cell {
    let all = sums.passed + sums.failed;
    if sums.failed == 0 {
        Cell::number(count(all.into()))
    } else {
        Cell::number(format!("{} of {}", count(sums.passed.into()), count(all.into()))).state(State::Bad)
    }
}

fn peers(bench: Option<&Bench>) -> Section {
    let mut section = Section::new(
        "peers",
        "Against programs from outside",
        &[
            "Time relative to twins of the kernels in other languages: below 1× is faster than the twin. Twins print their own time and must print the \
           same checksum. They share no code with Lockstep, but are written by the same people; and a twin says nothing of what its language is \
           good at elsewhere.",
        ],
    );
    let Some(bench) = bench else { return section.missing(NO_BENCH) };
    for peer in bench.participants.iter().filter(|p| p.implementation.peer().is_some()) {
        let id = &peer.implementation;
        if let Some(why) = &peer.absent {
            section.missing.push(format!("{id} did not take part: {why}."));
            continue;
        }
        let cell = |of: &Implementation, kernel: Option<&str>| bench.peer_ratio(of, id, kernel);
        let mut names: Vec<&Implementation> =
            [&Implementation::Interpreter].into_iter().chain(natives(bench)).collect();
        names.retain(|name| bench.kernels.iter().any(|kernel| cell(name, Some(kernel)).is_some()));
        if names.is_empty() {
            section.missing.push(format!("Nothing was measured in the same round as {id}."));
            continue;
        }
        section.tables.push(by_kernel(bench, format!("Time over that of {id}: {}", peer.about), &names, cell));
    }
    if section.tables.is_empty() && section.missing.is_empty() {
        section.missing.push("No peer took part.".to_owned());
    }
    section
}

fn timings(bench: Option<&Bench>) -> Section {
    let mut section = Section::new(
        "timings",
        "Times, compilation and code by kernel",
        &[
            "Seconds of a call in a warm process: the median of its calls, then a typical value over processes. Compilation is that of the kernel's own \
           functions, from bytecode to loaded code.",
        ],
    );
    let Some(bench) = bench else { return section.missing(NO_BENCH) };
    let rows = bench.analysis.timings.iter().map(|t| {
        let native = t.implementation.column().is_some();
        let only_native = |text: String| Cell::number(if native { text } else { "–".to_owned() });
        vec![
            Cell::text(format!("{}, {}", t.kernel, t.size)),
            Cell::text(titled(bench, &t.implementation)),
            Cell::number(seconds_interval(&t.seconds)),
            Cell::number(count(t.seconds.samples as u64)),
            Cell::measured(t.compile, |compile| seconds(compile.estimate)),
            only_native(count(t.code_bytes)),
        ]
    });
    let head = ["kernel, size", "implementation", "seconds", "processes", "compilation", "bytes of code"];
    section.tables.push(table("Times by kernel and implementation", &head, rows.collect()));
    if !bench.void.is_empty() {
        let rows = bench.void.iter().map(|v| {
            let kernel = v.kernel.as_deref().unwrap_or("compilation of the corpus");
            vec![
                Cell::text(kernel),
                Cell::text(v.implementation.to_string()),
                Cell::text(v.why.as_str()).state(State::Unknown),
            ]
        });
        let head = ["kernel", "implementation", "why"];
        section.tables.push(table("Samples that do not count", &head, rows.collect()));
    }
    section
}

fn conditions(environment: &Environment, bench: Option<&Bench>) -> Section {
    let mut section = Section::new(
        "conditions",
        "Conditions",
        &[
            "Figures hold for this machine in this state. Ratios travel better than seconds, and neither travels to another architecture. On a shared \
           or virtual machine the intervals cover what disturbed some rounds, not what disturbed all of them alike.",
        ],
    );
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
        row("rounds", format!("{} (seed {})", bench.conditions.rounds, bench.conditions.seed));
        row("sizes", if bench.conditions.quick { "quick" } else { "full" }.to_owned());
        row("benchmarks took", seconds(bench.conditions.seconds));
    }
    row("Lockstep", environment.lockstep.clone());
    for (name, version) in &environment.compilers {
        row(name, version.clone());
    }
    let rows = rows.into_iter().map(|(name, value)| vec![Cell::text(name), Cell::text(value)]).collect();
    section.tables.push(table("Machine and run", &["what", "value"], rows));
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
    section.tables.push(table("Backends of this build", &head, rows.collect()));
    if let Some(bench) = bench {
        let rows =
            bench.participants.iter().filter(|p| p.implementation.column().is_none() || p.absent.is_some()).map(|p| {
                let absent = p.absent.as_ref();
                vec![
                    Cell::text(p.implementation.to_string()),
                    Cell::text(p.version.as_str()),
                    Cell::text(p.about.as_str()),
                    absent
                        .map_or_else(|| Cell::text("took part"), |why| Cell::text(why.as_str()).state(State::Unknown)),
                ]
            });
        let head = ["participant", "version", "about", "took part"];
        section.tables.push(table("Other participants", &head, rows.collect()));
    }
    section
}
