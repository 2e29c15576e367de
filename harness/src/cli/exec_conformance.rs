//! `lockstep exec-conformance`: is this command a server of the exec protocol?

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::{Done, program, shell_word};
use crate::conformance::{Checked, Finding, Patience, RULES, check};
use crate::worker::left;

/// Check that a command speaks the exec protocol (docs/exec-protocol.md), with requests that are well-formed, malformed and odd.
///
/// Each rule has a server of its own. What the code does that it hands back is for `parity --backend exec:CMD` to say.
#[derive(Args)]
#[command(after_help = "\
Examples:
  lockstep exec-conformance python3 examples/exec-tiny/tiny.py
  lockstep exec-conformance --rule cancelled ./my-server --fast
  lockstep exec-conformance --list")]
pub(super) struct Options {
    /// The command and its arguments
    #[arg(value_name = "CMD", trailing_var_arg = true, allow_hyphen_values = true, required_unless_present = "list")]
    command: Vec<String>,
    /// Only this rule; may be repeated
    #[arg(long = "rule", value_name = "NAME")]
    rules: Vec<String>,
    /// List the rules and check none
    #[arg(long)]
    list: bool,
    /// Seconds a server may take over an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    timeout: f64,
    /// Seconds a server may take to end when its input does
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    end: f64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &Options) -> Done {
    if options.list {
        RULES.iter().for_each(|rule| println!("{:22} {}", rule.name, rule.demands));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) = options.rules.iter().find(|name| RULES.iter().all(|rule| rule.name != **name)) {
        return Err(format!("no rule `{unknown}`; `--list` shows them").into());
    }
    let seconds = |option: &str, value| Duration::try_from_secs_f64(value).map_err(|e| format!("--{option}: {e}"));
    let patience = Patience { answer: seconds("timeout", options.timeout)?, end: seconds("end", options.end)? };
    left::adopt_orphans()?;
    let command = options.command.join(" ");
    let rules = RULES.iter().filter(|rule| options.rules.is_empty() || options.rules.iter().any(|r| r == rule.name));
    let mut checked: Vec<Checked> = Vec::new();
    for rule in rules {
        let found = check(rule, &command, patience);
        if !options.json {
            show(&found, &command);
        }
        checked.push(found);
    }
    let count = |wanted: fn(&Finding) -> bool| checked.iter().filter(|c| wanted(&c.finding)).count();
    let broken = count(|f| matches!(f, Finding::Broken { .. }));
    if options.json {
        println!("{}", serde_json::to_string_pretty(&checked)?);
    } else {
        println!(
            "exec-conformance: {}: {} rules kept, {broken} broken, {} not applicable",
            if broken == 0 { "ok" } else { "FAILED" },
            count(|f| *f == Finding::Kept),
            count(|f| matches!(f, Finding::NotApplicable { .. })),
        );
    }
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(checked: &Checked, command: &str) {
    match &checked.finding {
        Finding::Kept => println!("{:22} ok", checked.rule),
        Finding::NotApplicable { why } => println!("{:22} not applicable: {why}", checked.rule),
        Finding::Broken { how } => {
            println!("{:22} BROKEN: {how}", checked.rule);
            println!("{:22} the rule: {}", "", checked.demands);
            let words: Vec<String> = command.split_whitespace().map(shell_word).collect();
            println!(
                "{:22} check it again: {} exec-conformance --rule {} {}",
                "",
                program(),
                checked.rule,
                words.join(" ")
            );
        }
    }
}
