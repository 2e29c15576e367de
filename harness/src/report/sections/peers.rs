//! Against programs from outside.

use super::{NO_BENCH, by_kernel, kernel, natives, ratio_interval};
use crate::bench::Implementation;
use crate::bench::peer::LUA_BESIDE;
use crate::report::document::{Cell, Section, Table};
use crate::report::model::Bench;

pub(super) fn section(bench: Option<&Bench>) -> Section {
    let mut section = Section::new(
        "peers",
        "Against programs from outside",
        "Peers",
        &[
            "Time relative to twins of the kernels in other languages: below 1× is faster than the twin. Twins print their own time and must print the \
           same checksum. They share no code with Lockstep, but are written by the same people; and a twin says nothing of what its language is \
           good at elsewhere.",
        ],
    );
    let Some(bench) = bench else { return section.missing(NO_BENCH) };
    for peer in bench.participants.iter().filter(|p| p.implementation.peer().is_some()) {
        let id = &peer.implementation;
        if id.peer() == Some(LUA_BESIDE) && peer.absent.is_none() {
            continue;
        }
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
    section.tables.extend(interpreted(bench));
    if section.tables.is_empty() && section.missing.is_empty() {
        section.missing.push("No peer took part.".to_owned());
    }
    section
}

/// The interpreter on what no backend runs, a file of the corpus after the other, each with its mean; none if there is nothing of that.
fn interpreted(bench: &Bench) -> Option<Table> {
    let all = &bench.analysis.interpreted_ratio;
    let is_beside = |over: &Implementation| over.peer() == Some(LUA_BESIDE);
    let rows: Vec<Vec<Cell>> = all
        .iter()
        .filter(|figure| !is_beside(&figure.over))
        .map(|figure| {
            let beside = all.iter().find(|f| is_beside(&f.over) && f.kernel.is_some() && f.kernel == figure.kernel);
            vec![
                figure.kernel.as_deref().map_or_else(|| Cell::text("geometric mean"), kernel),
                Cell::measured(Some(figure.ratio), ratio_interval),
                Cell::measured(beside.map(|f| f.ratio), ratio_interval),
            ]
        })
        .collect();
    rows.first()?;
    let head = ["kernel", "over PUC Lua 5.4", "over LuaJIT without its JIT compiler"];
    Some(Table::new("The interpreter's time on what no backend runs", &head, rows))
}
