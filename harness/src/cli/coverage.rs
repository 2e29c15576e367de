//! `lockstep coverage`: how much of each benchmark runs natively, and which instructions compile at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use lockstep_backend_api::Execution;
use rayon::prelude::*;

use super::{Corpus, Done, Selection};
use crate::backends::{Backends, Column};
use crate::bench::build;
use crate::corpus;
use crate::program::ProgramCase;
use crate::program::coverage::{CoverageResults, CoverageRow, VERSION};
use crate::program::lowering::{InstructionTable, Lowering};
use crate::results::{ParityResults, Verified};
use crate::worker::{Answer, Limits, Pool, Task};

/// Measure how much of each benchmark runs natively, and check the gates.
///
/// Every executed bytecode instruction is counted as inline, through a helper or interpreted, in an instrumented build at the benchmark's own
/// size and the default thresholds; the counts must sum to those of the interpreter, and each interpreted execution has a cause. The gates are in the corpus. With results of `lockstep parity`,
/// every instruction that compiles must have been executed natively in a trial that passed.
#[derive(Args)]
pub(super) struct Options {
    /// Only benchmarks whose name contains one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    corpus: Corpus,
    /// The small sizes
    #[arg(long)]
    quick: bool,
    /// Results of `lockstep parity` in the same build: every compiled instruction must be verified there
    #[arg(long, value_name = "FILE")]
    parity: Option<PathBuf>,
    /// Write results as JSON
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Done {
    let mut backends = Backends::new();
    let levels =
        if options.selection.levels.is_empty() { vec!["default".to_owned()] } else { options.selection.levels.clone() };
    let mut columns = backends.columns(&options.selection.backends, &levels)?;
    columns.retain(|c| backends.resolve(&c.backend).is_ok_and(|b| b.capabilities().execution == Execution::Native));
    if columns.is_empty() {
        return Err("no chosen backend makes native code".into());
    }
    let cases = corpus::program::cases(&options.corpus.corpus)?;
    let chosen = |name: &str| options.filters.is_empty() || options.filters.iter().any(|f| name.contains(f.as_str()));
    let benches = cases.into_iter().filter(|(name, case)| case.bench.is_some() && chosen(name));
    let why_interpreted = |case: &ProgramCase| case.bench.as_ref().and_then(|bench| bench.interpreted.clone());
    let (interpreted, benches): (Vec<_>, Vec<_>) = benches.partition(|(_, case)| why_interpreted(case).is_some());
    if benches.is_empty() {
        return Err(match interpreted.first() {
            None => "no benchmark has such a name; `lockstep bench --plan --quick` shows all".to_owned(),
            Some((name, case)) => {
                format!("nothing to measure: `{name}` is interpreted: {}", why_interpreted(case).unwrap_or_default())
            }
        }
        .into());
    }
    let pool = Pool::new(Limits { silence: std::time::Duration::from_secs(600), ..Limits::default() });
    let work: Vec<_> = benches.iter().flat_map(|bench| columns.iter().map(move |column| (bench, column))).collect();
    let programs: Vec<CoverageRow> = work
        .par_iter()
        .map(|((name, case), column)| {
            let task = Task::Coverage {
                case: name.clone(),
                column: (*column).clone(),
                quick: options.quick,
                corpus: options.corpus.corpus.clone(),
            };
            let mut row = CoverageRow { case: name.clone(), column: (*column).clone(), coverage: None, failure: None };
            match pool.run(&task) {
                Ok(Answer::Coverage(coverage)) => {
                    let gate = case.bench.as_ref().and_then(|b| b.gates.coverage);
                    row.failure = gate.and_then(|gate| coverage.check(gate).err());
                    row.coverage = Some(coverage);
                }
                Ok(Answer::Refused { why }) => row.failure = Some(why),
                Ok(_) => row.failure = Some("the worker answered another task".to_owned()),
                Err(death) => row.failure = Some(death.to_string()),
            }
            row
        })
        .collect();
    let mut instructions = instruction_tables(&pool, &columns);
    if let Some(file) = &options.parity {
        let verified = verified(file)?;
        instructions.iter_mut().for_each(|(column, table)| table.verify(column, &verified));
    }
    show(&programs, &instructions);
    for (name, case) in &interpreted {
        println!("{name:<24} is interpreted: {}", why_interpreted(case).unwrap_or_default());
    }
    let failed = programs.iter().filter(|r| r.failure.is_some()).count()
        + instructions.values().filter(|i| i.compiled < i.of || !i.unverified().is_empty()).count();
    if let Some(file) = &options.results {
        let results = CoverageResults {
            lockstep_coverage: VERSION,
            build: build::this(),
            quick: options.quick,
            instructions,
            programs,
        };
        std::fs::write(file, serde_json::to_string_pretty(&results)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    println!("coverage: {}", if failed == 0 { "ok".to_owned() } else { format!("FAILED: {failed}") });
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What parity has verified.
fn verified(file: &Path) -> Result<Verified, String> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).map_err(|e| format!("{shown}: {e}"))?;
    let parity: ParityResults = serde_json::from_str(&text).map_err(|e| {
        format!("{shown}:{}:{}: not what `lockstep parity --results` writes: {e}", e.line(), e.column())
    })?;
    Ok(parity.verified)
}

/// Compiles the cells of every instruction of the table on each column.
fn instruction_tables(pool: &Pool, columns: &[Column]) -> BTreeMap<String, InstructionTable> {
    let table = |column: &Column| match pool.run(&Task::Instructions { column: column.clone() }) {
        Ok(Answer::Instructions(table)) => table,
        Ok(Answer::Refused { why }) => InstructionTable::nothing(why),
        Ok(_) => InstructionTable::nothing("the worker answered another task".to_owned()),
        Err(death) => InstructionTable::nothing(death.to_string()),
    };
    columns.par_iter().map(|c| (c.to_string(), table(c))).collect()
}

fn show(programs: &[CoverageRow], instructions: &BTreeMap<String, InstructionTable>) {
    println!(
        "{:<24} {:<20} {:>9} {:>9} {:>16} {:>14}",
        "benchmark", "backend", "native %", "inline %", "executed", "interpreted"
    );
    for row in programs {
        let column = row.column.to_string();
        match &row.coverage {
            Some(c) => {
                let (native, inline) = (c.native_percent(), c.inline_percent());
                println!(
                    "{:<24} {column:<20} {native:>9.3} {inline:>9.3} {:>16} {:>14}",
                    row.case, c.total, c.interpreted
                );
                let causes: Vec<String> = c.causes().iter().map(|(cause, count)| format!("{count} {cause}")).collect();
                if !causes.is_empty() {
                    println!("    interpreted: {}", causes.join("; "));
                }
            }
            None => println!("{:<24} {column:<20} not measured", row.case),
        }
        if let Some(failure) = &row.failure {
            println!("    FAILED: {failure}");
        }
    }
    for (column, table) in instructions {
        let helpers = table.lowering.values().filter(|how| **how == Lowering::Helper).count();
        let unverified = table.unverified();
        let verified = match &table.verified {
            Some(_) => format!("; {} of them executed natively in passed trials", table.compiled - unverified.len()),
            None => String::new(),
        };
        println!(
            "{column}: compiles {} of {} instructions, {helpers} through helpers{verified}",
            table.compiled, table.of
        );
        if !unverified.is_empty() {
            println!("    FAILED: never verified: {}", unverified.join(", "));
        }
        for (name, why) in &table.missing {
            println!("    {name}: {why}");
        }
    }
}
