//! What `lockstep bench` prints: figures, gates and findings, within 100 columns. Nothing is computed here but counts.

use std::process::ExitCode;

use crate::bench::analysis::{Analysis, Figure};
use crate::bench::gates::GateResult;
use crate::bench::results::{BenchResults, FindingKind};
use crate::bench::{BenchReport, Implementation};
use crate::stats::Verdict;

/// Prints a run, and says how it ended.
pub(super) fn report(report: &BenchReport, strict: bool) -> ExitCode {
    let BenchReport { results, analysis, gates } = report;
    figures(&results.reference(), analysis);
    evidence(results);
    verdicts(gates);
    noise(results, analysis);
    let mut failed =
        gates.iter().filter(|g| g.verdict == Verdict::Fail || strict && g.verdict == Verdict::Inconclusive).count();
    for workload in results.workloads.iter().chain(&results.warmup) {
        for series in &workload.series {
            if let Some(why) = &series.void {
                failed += 1;
                println!("void: {} {} {}: {why}", workload.kernel, workload.size, series.implementation);
            }
        }
    }
    for series in &results.compile {
        if let Some(why) = &series.void {
            failed += 1;
            println!("void: compiling the corpus with {}: {why}", series.implementation);
        }
    }
    failed += findings(results);
    let unclear = gates.iter().filter(|g| g.verdict == Verdict::Inconclusive).count();
    println!(
        "bench: {}: {} gates passed, {failed} failures, {unclear} inconclusive; {:.1} s",
        if failed == 0 { "ok" } else { "FAILED" },
        gates.iter().filter(|g| g.verdict == Verdict::Pass).count(),
        results.conditions.seconds
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn figures(reference: &Implementation, analysis: &Analysis) {
    let rows = |title: &str, figures: &[Figure], subject: fn(&Figure) -> &Implementation| {
        if figures.is_empty() {
            return;
        }
        println!("{title}");
        for figure in figures {
            let kernel = figure.kernel.as_deref().unwrap_or("geometric mean");
            let ratio = &figure.ratio;
            let left_out =
                if figure.excluded > 0 { format!("  {} disturbed left out", figure.excluded) } else { String::new() };
            println!(
                "  {kernel:<16} {:<20} {:>8.3}  [{:.3}, {:.3}]{left_out}",
                subject(figure).to_string(),
                ratio.estimate,
                ratio.low,
                ratio.high
            );
        }
    };
    rows(&format!("uplift over {reference}"), &analysis.uplift, |f| &f.over);
    rows("time relative to the C twin", &analysis.native_ratio, |f| &f.of);
    rows("the interpreter's time relative to PUC Lua", &analysis.interpreter_ratio, |f| &f.of);
    rows("the same, on what no backend runs", &analysis.interpreted_ratio, |f| &f.of);
    if !analysis.warmup.is_empty() {
        println!("short calls until the peak: kind, calls, time with compilation");
    }
    for figure in &analysis.warmup {
        let class = figure.class.map_or("inconsistent", |class| class.name());
        let calls = figure.calls_to_peak.map_or_else(|| "–".to_owned(), |n| format!("{n}"));
        let time = figure.time_to_peak.map_or_else(|| "–".to_owned(), |t| format!("{:.2} ms", t.estimate * 1e3));
        println!("  {:<16} {:<20} {class:<16} {calls:>5} {time:>12}", figure.kernel, figure.implementation.to_string());
    }
    if !analysis.compile.is_empty() {
        println!("compile time of a unit of the corpus, median, without set-up");
    }
    for figure in &analysis.compile {
        let (who, time) = (figure.implementation.to_string(), &figure.median);
        println!("  {who:<20} {:>9.1} µs  [{:.1}, {:.1}]", time.estimate * 1e6, time.low * 1e6, time.high * 1e6);
    }
}

/// What shows that a subject's configurations ran native code.
fn evidence(results: &BenchResults) {
    let Some(notes) = &results.subject else { return };
    println!("{}: {}", notes.subject, notes.version);
    for (implementation, sums) in notes.sums() {
        let words: Vec<String> =
            sums.iter().map(|(native, count)| format!("native execution {native} on {count} programs")).collect();
        println!("  {implementation:<37} {}", words.join(", "));
    }
}

fn verdicts(gates: &[GateResult]) {
    if !gates.is_empty() {
        println!("gates");
    }
    for gate in gates {
        let measured = gate.measured.as_ref().map_or_else(
            || gate.why.clone().unwrap_or_else(|| "not measured".to_owned()),
            |m| format!("{:.3} [{:.3}, {:.3}]", m.estimate, m.low, m.high),
        );
        let kernel = gate.kernel.as_deref().unwrap_or("all kernels");
        println!(
            "  {:<12} {:<20} {kernel:<12} {} over {}: {measured}, must be {}",
            gate.verdict.to_string(),
            gate.gate,
            gate.of,
            gate.over,
            gate.bound
        );
    }
}

/// How far to believe it all.
fn noise(results: &BenchResults, analysis: &Analysis) {
    let (alarms, marks) = (&analysis.false_alarms, &analysis.disturbances);
    println!("noise of this machine in this run");
    if let Some(who) = &results.conditions.again {
        println!(
            "  {who} against itself: {} false alarms on {} kernels; 5 % are to be expected",
            alarms.alarms, alarms.comparisons
        );
        if let Some(all) = alarms.again.iter().find(|f| f.kernel.is_none()) {
            println!("  over all kernels {:.3} [{:.3}, {:.3}]", all.ratio.estimate, all.ratio.low, all.ratio.high);
        }
    }
    if alarms.halves > 0 {
        let rate = 100.0 * alarms.half_alarms as f64 / alarms.halves as f64;
        println!("  random halves of samples: {rate:.1} % false alarms in {} comparisons", alarms.halves);
    }
    if marks.samples > 0 {
        println!(
            "  calibration loop: {} of {} samples disturbed; from {:.2} to {:.2} times its median",
            marks.disturbed, marks.samples, marks.fastest, marks.slowest
        );
    }
}

/// Prints the findings; how many the run fails by.
fn findings(results: &BenchResults) -> usize {
    let disturbed = results.findings.iter().filter(|f| f.kind == FindingKind::Disturbed).count();
    if disturbed > 0 {
        println!("finding: {disturbed} series have too many disturbed samples to leave them out");
    }
    for finding in results.findings.iter().filter(|f| f.kind != FindingKind::Disturbed) {
        let who = finding.implementation.as_ref().map_or_else(String::new, |who| format!(" {who}"));
        let kernel = finding.kernel.as_ref().map_or_else(String::new, |kernel| format!(" {kernel}"));
        println!("finding: {}{kernel}{who}: {}", finding.kind.name(), finding.what);
    }
    results.findings.iter().filter(|f| f.fails).count()
}
