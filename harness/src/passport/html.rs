//! A passport for people: one HTML file that needs nothing else. It says what `passport.json` says and holds no figure of its own.

use std::fmt::Write as _;

use super::model::{Bench, Coverage, Parity, Passport, Tested};
use crate::report::format::rounds;
use crate::results::Summary;
use crate::stats::Verdict;

const STYLE: &str = include_str!("style.css");

/// The whole file.
pub fn write(passport: &Passport) -> String {
    let title = match &passport.tested {
        Tested::Corpus { .. } => format!("Lockstep {}", passport.build.version),
        Tested::Subject { name, .. } => name.clone(),
    };
    let mut page = Page::default();
    page.head(&title, passport);
    page.ran(passport);
    if let Some(parity) = &passport.parity {
        page.parity(parity);
    }
    if let Some(coverage) = &passport.coverage {
        page.coverage(coverage);
    }
    if let Some(bench) = &passport.bench {
        page.bench(bench);
    }
    page.not_run(passport);
    page.verify(passport);
    page.0 += "</main>\n</body>\n</html>\n";
    page.0
}

/// The page so far.
#[derive(Default)]
struct Page(String);

/// A cell of a table: its text, and whether it is a number.
type Cell = (String, bool);

fn text(text: impl Into<String>) -> Cell {
    (escape(&text.into()), false)
}

fn number(value: impl ToString) -> Cell {
    (value.to_string(), true)
}

fn marked(good: bool, text: &str) -> Cell {
    let class = if good { "good" } else { "bad" };
    (format!("<span class=\"{class}\">{}</span>", escape(text)), false)
}

impl Page {
    fn head(&mut self, title: &str, passport: &Passport) {
        let title = escape(title);
        // Writing to a string does not fail.
        let _ = write!(
            self.0,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, \
             initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>Passport of {title}</title>\n<style>\n{STYLE}</style>\n\
             </head>\n<body>\n<main>\n<h1>Passport of {title}</h1>\n<p class=\"soft\">What was run, on what, with which results. Issued {} (UTC).</p>\n",
            date(passport.issued)
        );
        for (good, sentence) in summary(passport) {
            let class = if good { "good" } else { "bad" };
            let _ = writeln!(self.0, "<p class=\"{class}\">{}</p>", escape(&sentence));
        }
    }

    fn section(&mut self, title: &str) {
        let _ = writeln!(self.0, "<h2>{}</h2>", escape(title));
    }

    fn list(&mut self, rows: &[(&str, String)]) {
        self.0 += "<dl>\n";
        for (name, value) in rows {
            let _ = writeln!(self.0, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(value));
        }
        self.0 += "</dl>\n";
    }

    fn table(&mut self, heads: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) {
        let rows: Vec<Vec<Cell>> = rows.into_iter().collect();
        let numeric = |column: usize| rows.first().is_some_and(|row| row.get(column).is_some_and(|cell| cell.1));
        let class = |numeric: bool| if numeric { " class=\"number\"" } else { "" };
        self.0 += "<div class=\"scroll\"><table>\n<thead><tr>";
        for (column, head) in heads.iter().enumerate() {
            let _ = write!(self.0, "<th scope=\"col\"{}>{}</th>", class(numeric(column)), escape(head));
        }
        self.0 += "</tr></thead>\n<tbody>\n";
        for row in &rows {
            self.0 += "<tr>";
            for (cell, numeric) in row {
                let _ = write!(self.0, "<td{}>{cell}</td>", class(*numeric));
            }
            self.0 += "</tr>\n";
        }
        self.0 += "</tbody></table></div>\n";
    }

    fn ran(&mut self, passport: &Passport) {
        self.section("What ran");
        let (build, machine) = (&passport.build, &passport.machine);
        let commit = build.commit.clone().unwrap_or_else(|| "unknown".to_owned());
        let changed = if build.changed == Some(true) { ", with changes that are not committed" } else { "" };
        let mut rows = match &passport.tested {
            Tested::Corpus { digest, files } => vec![("Corpus", format!("{files} files, SHA-256 {digest}"))],
            Tested::Subject { name, version, digest, files, file } => vec![
                ("Subject", format!("{name}: {version}")),
                ("Described by", format!("{file}; {files} files with its programs, SHA-256 {digest}")),
            ],
        };
        rows.extend([
            (
                "Lockstep",
                format!("{}, {} build, features: {}", build.version, build.profile, build.features.join(", ")),
            ),
            ("Source tree", format!("{commit}{changed}")),
            ("Executable", format!("SHA-256 {}", build.executable)),
            ("Compiler", build.rustc.clone()),
            (
                "Machine",
                format!(
                    "{}, {} logical processors, {} ({})",
                    machine.cpu, machine.cpus, machine.system, passport.fingerprint
                ),
            ),
        ]);
        self.list(&rows);
        if matches!(passport.tested, Tested::Corpus { .. }) {
            let row = |b: &crate::report::model::BackendRow| {
                vec![text(&b.id), text(&b.version), text(b.levels.join(", ")), text(&b.about)]
            };
            self.table(&["Backend", "Version", "Levels", "What it is"], passport.backends.iter().map(row));
        }
    }

    fn parity(&mut self, parity: &Parity) {
        self.section("What agrees");
        let row = |(name, family): (&String, &super::model::Family)| {
            let Summary { passed, failed, died, refused, .. } = family.summary;
            let digest: String = family.digest.chars().take(16).collect();
            vec![
                text(name),
                number(passed),
                number(failed),
                number(died),
                number(refused),
                (format!("<code>{digest}</code>"), false),
            ]
        };
        let heads = ["Trials", "Passed", "Failed", "of which no answer", "Refused as declared", "Digest"];
        self.table(&heads, parity.families.iter().map(row));
        if !parity.failures.is_empty() {
            let row = |(name, what): (&String, &String)| vec![marked(false, name), text(what)];
            self.table(&["Failed", "What"], parity.failures.iter().map(row));
        }
    }

    fn coverage(&mut self, coverage: &Coverage) {
        self.section(if coverage.quick { "What runs natively (small sizes)" } else { "What runs natively" });
        let row = |(name, counts): (&String, &super::model::Counts)| {
            let gate = match &counts.failure {
                None => marked(true, "pass"),
                Some(why) => marked(false, why),
            };
            vec![text(name), number(counts.inline), number(counts.helper), number(counts.interpreted), gate]
        };
        self.table(
            &["Program and backend", "Inline", "Through helpers", "Interpreted", "Gate"],
            coverage.rows.iter().map(row),
        );
    }

    fn bench(&mut self, bench: &Bench) {
        let conditions = &bench.conditions;
        self.section("How fast");
        let quick = if conditions.quick { "small sizes" } else { "full sizes" };
        let _ = writeln!(
            self.0,
            "<p class=\"soft\">{} at {quick}; ratios of times with 95 % intervals, whose unit is the process.</p>",
            rounds(conditions)
        );
        let row = |f: &crate::bench::analysis::Figure| {
            let i = &f.ratio;
            vec![
                text(f.kernel.as_deref().unwrap_or("geometric mean")),
                text(f.of.to_string()),
                text(f.over.to_string()),
                number(format!("{:.3}", i.estimate)),
                number(format!("{:.3} – {:.3}", i.low, i.high)),
            ]
        };
        self.table(&["Program", "Time of", "over", "Ratio", "Interval"], bench.figures.iter().map(row));
        if !bench.gates.is_empty() {
            let row = |g: &crate::bench::gates::GateResult| {
                let measured = g.measured.as_ref().map_or_else(
                    || g.why.clone().unwrap_or_default(),
                    |i| format!("{:.3} [{:.3}, {:.3}]", i.estimate, i.low, i.high),
                );
                vec![
                    text(&g.gate),
                    text(g.kernel.as_deref().unwrap_or("all kernels")),
                    text(format!("{} over {}", g.of, g.over)),
                    text(measured),
                    text(g.bound.to_string()),
                    if g.verdict == Verdict::Inconclusive {
                        text("inconclusive")
                    } else {
                        marked(g.verdict == Verdict::Pass, g.verdict.name())
                    },
                ]
            };
            self.table(&["Gate", "Program", "Ratio", "Measured", "Bound", "Verdict"], bench.gates.iter().map(row));
        }
        if !bench.void.is_empty() {
            let row = |(name, why): (&String, &String)| vec![marked(false, name), text(why)];
            self.table(&["Does not count", "Why"], bench.void.iter().map(row));
        }
    }

    fn not_run(&mut self, passport: &Passport) {
        self.section("What was not run, or not proven");
        if passport.not_run.is_empty() {
            self.0 += "<p>Nothing was left out.</p>\n";
            return;
        }
        self.table(&["What", "Why"], passport.not_run.iter().map(|n| vec![text(&n.what), text(&n.why)]));
    }

    fn verify(&mut self, passport: &Passport) {
        self.section("How to verify it");
        let _ = writeln!(
            self.0,
            "<p>The data is in <code>passport.json</code>, digest <code>{}</code>. <code>lockstep passport verify passport.json</code> \
             checks the digest, runs everything again and says what matches and what differs.</p>\n\
             <p class=\"soft\">The digest is integrity, not a signature: it shows that the file is as it was written, not who wrote it.</p>",
            escape(&passport.digest)
        );
    }
}

/// The passport in sentences, each with whether it is good news.
pub fn summary(passport: &Passport) -> Vec<(bool, String)> {
    let mut sentences = Vec::new();
    match &passport.parity {
        None => sentences.push((false, "Parity was not run.".to_owned())),
        Some(parity) => {
            let Summary { passed, failed, died, refused, waived, flaky } = parity.summary;
            sentences.push((failed == 0, format!("Parity: {passed} trials passed, {failed} failed ({died} without an answer), {refused} refused as declared.")));
            if waived + flaky > 0 {
                sentences.push((
                    true,
                    format!("Known defects, with an owner and a date: {waived} trials fail and {flaky} are flaky."),
                ));
            }
        }
    }
    if let Some(coverage) = &passport.coverage {
        let failed = coverage.rows.values().filter(|c| c.failure.is_some()).count();
        sentences.push((
            failed == 0,
            format!("Coverage: {} of {} programs keep their gates.", coverage.rows.len() - failed, coverage.rows.len()),
        ));
    }
    if let Some(bench) = &passport.bench {
        let with = |verdict: Verdict| bench.gates.iter().filter(|g| g.verdict == verdict).count();
        let (pass, fail, unclear) = (with(Verdict::Pass), with(Verdict::Fail), with(Verdict::Inconclusive));
        let void = bench.void.len();
        sentences.push((
            fail == 0 && void == 0,
            format!("Benchmarks: {} ratios; gates: {pass} passed, {fail} failed, {unclear} inconclusive; {void} series void.", bench.figures.len()),
        ));
    }
    let unproven = passport.not_run.iter().filter(|n| n.what.starts_with("native execution")).count();
    if unproven > 0 {
        sentences.push((false, format!("Native execution is not proven in {unproven} configurations.")));
    }
    sentences
}

/// A time in seconds since 1970 as `2026-11-21 07:30`.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant, `chrono`-Compatible Low-Level Date Algorithms: days from 0000-03-01, in eras of 400 years.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}", rest / 3600, rest % 3600 / 60)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01 00:00");
        assert_eq!(date(951_826_500), "2000-02-29 12:15");
        assert_eq!(date(1_795_240_800), "2026-11-21 06:00");
    }
}
