//! Which backend should I use? One for short runs, one for long runs, and where the choice changes.

use super::{Answer, Part, State};
use crate::report::choice::{Choice, Pick, Rival, Stretch};
use crate::report::format::{list, ratio_interval, seconds, seconds_interval};
use crate::report::model::Report;

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
    let part = |what, is, note| Part { what, is, note };
    let crossing = match &choice.crossover {
        Some(crossover) => seconds_interval(crossover),
        None if short.told() && long.told() && short.best == long.best => "none".to_owned(),
        None => UNTOLD.to_owned(),
    };
    let parts = vec![
        part("Short runs", named(short), quickest(choice)),
        part("Long runs", named(long), fastest(choice)),
        part("Crossover", crossing, "in time of the whole run, compilation included".to_owned()),
    ];
    let mut sentences = vec![crossover(choice)];
    sentences.extend(between(choice));
    sentences.extend(pays(choice));
    if bench.conditions.quick {
        sentences.push("This was a quick look at small sizes.".to_owned());
    }
    let wrong = wrong(report, choice);
    let any_wrong = !wrong.is_empty();
    if any_wrong {
        sentences.insert(
            0,
            format!("Beware: {} failed trials of parity; what is wrong is of no use, however fast.", list(&wrong)),
        );
    }
    let (headline, state) = match (short.told(), long.told()) {
        (true, true) if short.best == long.best => (long.best.to_string(), State::Plain),
        (true, true) => ("It depends on the run".to_owned(), State::Plain),
        (false, false) => ("Cannot be told".to_owned(), State::Unknown),
        _ => ("Cannot be told for all runs".to_owned(), State::Unknown),
    };
    answer(headline, if any_wrong { State::Bad } else { state }, parts, sentences)
}

/// Candidates that parity found to be wrong.
fn wrong(report: &Report, choice: &Choice) -> Vec<String> {
    let rows = || report.parity.iter().flat_map(|p| &p.rows).filter(|r| r.sums.failed > 0);
    let names = choice.candidates.iter().map(|c| c.implementation.to_string());
    names.filter(|name| rows().any(|r| r.implementation == *name)).collect()
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
        return format!("for time of compilation: {}", margins(pick));
    }
    let time = choice.candidate(&pick.best).map_or_else(String::new, |c| seconds(c.compile.estimate));
    match pick.rivals.first() {
        None => format!("compiles a typical kernel in {time}; no other was measured"),
        Some(next) => format!(
            "compiles a typical kernel in {time}, {} in {} that time",
            next.implementation,
            ratio_interval(&next.ratio)
        ),
    }
}

fn fastest(choice: &Choice) -> String {
    let pick = &choice.long;
    if !pick.told() {
        return format!("for speed of the code: {}", margins(pick));
    }
    let uplift = choice.candidate(&pick.best).map_or_else(String::new, |c| ratio_interval(&c.uplift));
    match pick.rivals.first() {
        None => format!("runs at {uplift} the interpreter's speed; no other was measured"),
        Some(next) => format!(
            "runs at {uplift} the interpreter's speed; {} takes {} the time",
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
    Some(format!("From {time} in the interpreter on, compiling with {} pays.", who.implementation))
}
