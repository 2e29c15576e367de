//! Which backend should I use? One for short runs, one for long runs, and where the choice changes.

use super::{Answer, State};
use crate::report::choice::{Choice, Pick, Rival, Stretch};
use crate::report::format::{counted, list, ratio_interval, seconds, seconds_interval};
use crate::report::model::{Bench, Report};

const UNTOLD: &str = "cannot be told";

pub(super) fn answer(report: &Report) -> Answer {
    let answer = |short: String, state, parts, sentences| Answer {
        question: "Which backend should I use?",
        short,
        state,
        parts,
        sentences,
        more: ("uplift", "All figures"),
    };
    let not_known = |why: &str| answer("Not known".to_owned(), State::Unknown, Vec::new(), vec![why.to_owned()]);
    let Some(bench) = &report.bench else {
        return not_known("Benchmarks were not run: there is nothing to compare.");
    };
    let Some(choice) = &bench.choice else {
        return not_known("No backend has a timing that counts on every kernel.");
    };
    let (short, long) = (&choice.short, &choice.long);
    let parts = vec![
        ("Short runs", named(short)),
        ("Long runs", named(long)),
        (
            "Crossover",
            match &choice.crossover {
                Some(crossover) => seconds_interval(crossover),
                None if short.told() && long.told() && short.best == long.best => "none".to_owned(),
                None => UNTOLD.to_owned(),
            },
        ),
    ];
    let mut sentences = vec![crossover(choice)];
    sentences.extend(between(choice));
    sentences.extend([quickest(choice), fastest(choice, bench)]);
    sentences.extend(pays(choice));
    if bench.conditions.quick {
        sentences.push("This was a quick look at small sizes.".to_owned());
    }
    let (headline, state) = match (short.told(), long.told()) {
        (true, true) if short.best == long.best => (long.best.to_string(), State::Plain),
        (true, true) => ("It depends on the run".to_owned(), State::Plain),
        (false, false) => ("Cannot be told".to_owned(), State::Unknown),
        _ => ("Cannot be told for all runs".to_owned(), State::Unknown),
    };
    answer(headline, state, parts, sentences)
}

/// The best, or those that cannot be told from each other.
fn named(pick: &Pick) -> String {
    if pick.told() {
        return pick.best.to_string();
    }
    format!("{UNTOLD}: {}", list(&contenders(pick)).replace(" and ", " or "))
}

fn contenders(pick: &Pick) -> Vec<String> {
    let tied = pick.tied().map(|r| r.implementation.to_string());
    [pick.best.to_string()].into_iter().chain(tied).collect()
}

fn quickest(choice: &Choice) -> String {
    let pick = &choice.short;
    if !pick.told() {
        return format!("Which compiles quickest {UNTOLD} between {}: {}.", list(&contenders(pick)), margins(pick));
    }
    let time = choice.candidate(&pick.best).map(|c| format!(" ({} for a typical kernel)", seconds(c.compile.estimate)));
    let time = time.unwrap_or_default();
    match pick.rivals.first() {
        None => format!("{} is the only one measured{time}.", pick.best),
        Some(next) => format!(
            "{} compiles quickest{time}; {}, the next, takes {} the time.",
            pick.best,
            next.implementation,
            ratio_interval(&next.ratio)
        ),
    }
}

fn fastest(choice: &Choice, bench: &Bench) -> String {
    let pick = &choice.long;
    if !pick.told() {
        return format!("Whose code is fastest {UNTOLD} between {}: {}.", list(&contenders(pick)), margins(pick));
    }
    let uplift = choice.candidate(&pick.best).map(|c| {
        let kernels = counted(bench.kernels.len() as u64, "kernel");
        format!(": {} the interpreter's speed over {kernels}", ratio_interval(&c.uplift))
    });
    let uplift = uplift.unwrap_or_default();
    match pick.rivals.first() {
        None => format!("{}'s code is the only one measured{uplift}.", pick.best),
        Some(next) => format!(
            "{}'s code is fastest{uplift}; {}, the next, takes {} the time.",
            pick.best,
            next.implementation,
            ratio_interval(&next.ratio)
        ),
    }
}

/// How far apart those are that cannot be told from the best.
fn margins(pick: &Pick) -> String {
    let of = |r: &Rival| format!("{} takes {} the time", r.implementation, ratio_interval(&r.ratio));
    list(&pick.tied().map(of).collect::<Vec<_>>())
}

fn crossover(choice: &Choice) -> String {
    let (short, long) = (&choice.short, &choice.long);
    match &choice.crossover {
        Some(crossover) => format!(
            "Work that is done within {}, compilation included, is done sooner with {}; what takes longer, with {}.",
            seconds(crossover.estimate),
            short.best,
            long.best
        ),
        None if !(short.told() && long.told()) => format!("Hence where one overtakes the other {UNTOLD}."),
        None if short.best == long.best => {
            format!("No run is long or short enough to prefer another to {}.", long.best)
        }
        None => format!("When {} overtakes {} {UNTOLD} from these rounds.", long.best, short.best),
    }
}

/// Who is better than both in between.
fn between(choice: &Choice) -> Option<String> {
    let stretch = |s: &Stretch| {
        let (from, to) = (seconds(s.from.estimate), seconds(s.to.estimate));
        format!("from {from} to {to} {}", s.implementation)
    };
    let all: Vec<String> = choice.between.iter().map(stretch).collect();
    (!all.is_empty()).then(|| format!("In between, {} is better than both, by the estimates.", list(&all)))
}

/// From what on compiling pays at all.
fn pays(choice: &Choice) -> Option<String> {
    let earliest = choice.candidates.iter().filter_map(|c| Some((c, c.pays_from?)));
    let (who, from) = earliest.min_by(|a, b| a.1.estimate.total_cmp(&b.1.estimate))?;
    let time = seconds(from.estimate);
    Some(format!("Compiling pays from {time} of interpretation on, with {}.", who.implementation))
}
