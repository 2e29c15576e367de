//! Is it right? What parity says, how much of it was native code, and whether the gates would have seen a fault.

use super::{Answer, State};
use crate::report::format::{count, counted, list, percent};
use crate::report::model::{INTERPRETER, Parity, Report};

pub(super) fn answer(report: &Report) -> Answer {
    let answer = |short: &str, state, sentences| Answer {
        question: "Is it right?",
        short: short.to_owned(),
        state,
        parts: Vec::new(),
        sentences,
        more: ("parity", "Every case"),
    };
    let not_known = |why: &str| answer("Not known", State::Unknown, vec![why.to_owned()]);
    let Some(parity) = &report.parity else {
        return not_known("Parity was not run: nothing here says that any backend computes the right thing.");
    };
    if parity.sums.passed + parity.sums.failed == 0 {
        return not_known("Parity ran no trial: nothing was compared.");
    }
    let mut sentences = vec![trials(parity)];
    if parity.sums.refused > 0 {
        let refused = counted(parity.sums.refused.into(), "more trial");
        let spell =
            |(reason, trials): (&String, &u32)| format!("{} ({})", reason.replace('_', " "), count((*trials).into()));
        let reasons = list(&parity.refusals.iter().map(spell).collect::<Vec<_>>());
        sentences.push(format!(
            "{refused} agree, too, but are interpreted in part, as the compiler refuses functions of theirs: {reasons}."
        ));
    }
    if parity.sums.waived + parity.sums.flaky > 0 {
        let (waived, flaky) = (parity.sums.waived, parity.sums.flaky);
        sentences.push(format!("Known defects, with an owner and a date: {waived} trials fail and {flaky} are flaky."));
    }
    if let Some(builds) = report.environment.mixture() {
        let by: Vec<String> = builds.into_iter().map(|(what, executable)| format!("{what} by {executable}")).collect();
        sentences.push(format!("Beware: these results were made by different builds, {}.", list(&by)));
    }
    sentences.extend(native(report));
    let (seen, blind) = faults(report);
    sentences.extend(seen);
    match (parity.sums.failed, blind) {
        (0, false) => answer("Yes", State::Good, sentences),
        // Gates that miss what they are meant to see, or see what is not there, prove less than they say.
        (0, true) => answer("As far as the gates see", State::Unknown, sentences),
        _ => answer("No", State::Bad, sentences),
    }
}

fn trials(parity: &Parity) -> String {
    let sums = &parity.sums;
    let mut who: Vec<&str> = Vec::new();
    for row in &parity.rows {
        if row.implementation != INTERPRETER && !who.contains(&row.implementation.as_str()) {
            who.push(&row.implementation);
        }
    }
    let scope = format!(
        "{} of {} on {}",
        counted((sums.passed + sums.failed).into(), "trial"),
        counted(parity.cases as u64, "case"),
        counted(who.len() as u64, "backend/level pair"),
    );
    if sums.failed == 0 {
        return format!("{scope}: all agree with what is expected, bit for bit.");
    }
    let mut failing: Vec<String> = Vec::new();
    for row in parity.rows.iter().filter(|r| r.sums.failed > 0) {
        if !failing.contains(&row.implementation) {
            failing.push(row.implementation.clone());
        }
    }
    let died = if sums.died == 0 { String::new() } else { format!(", {} without an answer", count(sums.died.into())) };
    format!("{scope}: {} failed{died}, on {}.", count(sums.failed.into()), list(&failing))
}

/// How much of what was compared was native code at all.
fn native(report: &Report) -> Option<String> {
    let coverage = report.coverage.as_ref()?;
    let shares = coverage.programs.iter().filter_map(|p| Some((p.native()?, p)));
    let (least, program) = shares.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(format!(
        "At least {} of each benchmark's instructions ran as native code; the least was {} on {}.",
        percent(least),
        program.program,
        program.implementation
    ))
}

/// What planted faults say about the gates, and whether the gates were found wanting.
fn faults(report: &Report) -> (Option<String>, bool) {
    let Some(faults) = &report.faults else {
        return (
            Some("No faults were planted in this run: whether the gates would see one is not shown here.".to_owned()),
            false,
        );
    };
    let judged: Vec<_> = faults.planted.iter().filter(|f| !f.blind).collect();
    let missed: Vec<String> = judged.iter().filter(|f| !f.caught()).map(|f| f.name.clone()).collect();
    let mut said = if missed.is_empty() {
        format!("The gates found all {} planted faults.", count(judged.len() as u64))
    } else {
        let of = count(judged.len() as u64);
        format!(
            "The gates found {} of {of} planted faults; they missed {}.",
            judged.len() - missed.len(),
            list(&missed)
        )
    };
    let blind: Vec<_> = faults.planted.iter().filter(|f| f.blind).collect();
    if !blind.is_empty() {
        let seen = blind.iter().filter(|f| f.caught()).count();
        said += &format!(
            " How much lies beyond what they were made for: they found {seen} of {} whose author had not seen the gates.",
            counted(blind.len() as u64, "fault")
        );
    }
    if !faults.not_planted.is_empty() {
        let more = counted(faults.not_planted.len() as u64, "more fault");
        said += &format!(" {more} of the registry could not be planted in this build.");
    }
    if !faults.false_alarms.is_empty() {
        said += &format!(" Without a fault {} sounded all the same.", list(&faults.false_alarms));
    }
    (Some(said), !missed.is_empty() || !faults.false_alarms.is_empty())
}
