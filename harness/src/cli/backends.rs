//! `lockstep backends`: what the registry holds.

use std::process::ExitCode;

use clap::Args;
use lockstep_backend_api::{Backend, Execution};
use serde::Serialize;

use super::Done;
use crate::backends::Backends;

/// List the backends of this build, their levels and what they can do.
#[derive(Args)]
pub(super) struct Options {
    /// Also this one: an `exec:CMD` or `fault:NAME:ID`; may be repeated
    #[arg(long = "backend", value_name = "ID")]
    backends: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    id: String,
    version: String,
    summary: String,
    execution: &'static str,
    targets: Vec<&'static str>,
    levels: Vec<&'static str>,
    default_level: &'static str,
    unsupported: Vec<&'static str>,
}

impl Row {
    fn of(backend: &dyn Backend) -> Self {
        let capabilities = backend.capabilities();
        Self {
            id: backend.id().to_owned(),
            version: backend.version(),
            summary: backend.summary(),
            execution: match capabilities.execution {
                Execution::Native => "native",
                Execution::Evaluated => "evaluated",
            },
            targets: capabilities.targets.iter().map(|t| t.name()).collect(),
            levels: capabilities.levels.iter().map(|l| l.name()).collect(),
            default_level: capabilities.default_level.name(),
            unsupported: capabilities.unsupported.iter().map(|op| op.info().name).collect(),
        }
    }
}

pub(super) fn run(options: &Options) -> Done {
    let mut backends = Backends::new();
    for id in &options.backends {
        backends.resolve(id)?;
    }
    let rows: Vec<Row> = backends.iter().map(Row::of).collect();
    if options.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("backend interface, version {}\n", lockstep_backend_api::API_VERSION);
    for row in &rows {
        let levels: Vec<String> = row
            .levels
            .iter()
            .map(|&level| if level == row.default_level { format!("{level} (default)") } else { level.to_owned() })
            .collect();
        println!("{} {}", row.id, row.version);
        println!("  {}", row.summary);
        println!("  levels: {}", levels.join(", "));
        match row.execution {
            "native" => println!("  native code for {}", row.targets.join(", ")),
            other => println!("  {other}, never counted as native code"),
        }
        if !row.unsupported.is_empty() {
            println!("  lacks: {}", row.unsupported.join(", "));
        }
    }
    Ok(ExitCode::SUCCESS)
}
