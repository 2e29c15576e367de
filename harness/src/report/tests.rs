//! Reports of made-up results: what they say must follow from the data, whatever the names are.

use std::path::PathBuf;

use serde_json::json;

use super::answers::{State, answers};
use super::fixture::{File, bench, bench_of, comparison, coverage, faults, large, parity, report, two, who as backend};
use super::model::{Environment, Report};
use super::{SourceError, Sources, gather, junit, markdown, page, summary, terminal};
use crate::bench::Implementation;
use crate::bench::results::Build;
use crate::compare::check::{Check, VERSION};
use crate::compare::gate::Alarm;
use crate::compare::history::Record;
use crate::compare::{Comparison, Outcome, Rule};
use crate::stats::Verdict;

fn who(name: &str) -> Implementation {
    name.parse().expect("a name")
}

fn whole(name: &str, red: (f64, f64), blue: (f64, f64)) -> Report {
    report(name, Some(parity("passed")), Some(coverage(None)), Some(bench(red, blue, "pass")))
}

#[test]
fn what_is_good_is_called_good() {
    let report = whole("good", (1.0, 2e-5), (2.0, 4e-4));
    let [right, which, worse] = answers(&report);
    assert_eq!((right.short.as_str(), right.state), ("Yes", State::Good));
    assert_eq!((which.short.as_str(), which.state), ("red/speed", State::Plain));
    assert_eq!((worse.short.as_str(), worse.state), ("Cannot be told", State::Unknown));
    assert!(worse.sentences[0].contains("not compared with an earlier one"), "{worse:?}");
    assert!(which.line().contains("the interpreter's speed"), "{which:?}");
}

/// The parts of the second answer.
fn parts(report: &Report) -> [String; 3] {
    let which = answers(report)[1].clone();
    ["Short runs", "Long runs", "Crossover"].map(|part| {
        let found = which.parts.iter().find(|p| p.what == part);
        found.unwrap_or_else(|| panic!("{part}: {which:?}")).is.clone()
    })
}

#[test]
fn sentences_swap_when_the_data_swap() {
    // One compiles quickly, the other makes fast code.
    let (quick, fast) = ((4.0, 2e-5), (1.0, 4e-3));
    let say = |name, red, blue| whole(name, red, blue);
    let (one, other) = (say("swap-a", quick, fast), say("swap-b", fast, quick));
    let ([short, long, crossover], [short_b, long_b, crossover_b]) = (parts(&one), parts(&other));
    assert_eq!((short.as_str(), long.as_str()), ("red/speed", "blue/speed"));
    assert_eq!((short_b.as_str(), long_b.as_str()), ("blue/speed", "red/speed"));
    assert!(crossover.contains("ms (") && crossover_b.contains("ms ("), "{crossover}, {crossover_b}");
    let text = |report: &Report| answers(report)[1].line();
    let exchange = |text: &str| text.replace("red", "\u{1}").replace("blue", "red").replace('\u{1}', "blue");
    // Each has noise of its own, so that the numbers differ a little; the words do not.
    let words = |text: &str| text.replace(|c: char| c.is_ascii_digit() || c == '.', "");
    assert_eq!(words(&exchange(&text(&one))), words(&text(&other)));
    // One that is best in both respects has no rival at any length.
    let [short, long, crossover] = parts(&say("swap-c", (1.0, 2e-5), (4.0, 4e-3)));
    assert_eq!([short.as_str(), long.as_str(), crossover.as_str()], ["red/speed", "red/speed", "none"]);
}

#[test]
fn the_crossover_is_where_both_take_the_same_time() {
    // On one kernel, so that the figures are known: 10 s in the interpreter, 4 s and 1 s natively.
    let all = two((4.0, 0.02), (1.0, 0.5));
    let report = report("crossing", None, None, Some(bench_of(&["wheel"], &all, "pass")));
    let choice = report.bench.expect("it was given").choice.expect("there is one");
    let (red, blue) = (&choice.candidates[0], &choice.candidates[1]);
    let crossover = choice.crossover.expect("there is one");
    assert!(crossover.low < crossover.estimate && crossover.estimate < crossover.high, "{crossover:?}");
    // By hand: 0.02 + w/u = 0.5 + w/v.
    let work = (0.5 - 0.02) / (1.0 / red.uplift.estimate - 1.0 / blue.uplift.estimate);
    for candidate in [red, blue] {
        let total = candidate.compile.estimate + work / candidate.uplift.estimate;
        assert!((total / crossover.estimate - 1.0).abs() < 0.02, "{total} is not {crossover:?}");
    }
}

#[test]
fn who_is_best_in_between_is_named() {
    let all = [backend("red/speed", 3.0, 1e-3), backend("blue/speed", 2.0, 4e-3), backend("green/speed", 1.0, 0.5)];
    let report = report("between", None, None, Some(bench_of(&["wheel"], &all, "pass")));
    let [short, long, _] = parts(&report);
    assert_eq!((short.as_str(), long.as_str()), ("red/speed", "green/speed"));
    let which = &answers(&report)[1];
    assert!(which.sentences[1].starts_with("In between, from 10.0 ms to "), "{which:?}");
    assert!(which.sentences[1].contains("blue/speed is better than both"), "{which:?}");
}

#[test]
fn what_is_tied_cannot_be_told() {
    // As fast as each other on one kernel each way: noise of its own decides nothing.
    let mut value = bench_of(&["wheel"], &two((1.0, 2e-5), (1.0, 2e-5)), "pass");
    for (n, series) in value["workloads"][0]["series"].as_array_mut().expect("series").iter_mut().enumerate() {
        let samples = series["samples"].as_array_mut().expect("samples");
        let noise = [0.99, 1.01, 1.02, 0.98, 1.0, 1.015];
        for (round, sample) in samples.iter_mut().enumerate() {
            let noise = noise[(round + 2 * n) % noise.len()];
            sample["calls"] = json!([noise]);
            sample["compile"][0]["seconds"] = json!(2e-5 * noise);
        }
    }
    let report = report("tied", Some(parity("passed")), None, Some(value));
    let which = &answers(&report)[1];
    assert_eq!((which.short.as_str(), which.state), ("Cannot be told", State::Unknown));
    for part in &which.parts {
        assert!(part.is.contains("cannot be told"), "{part:?}");
    }
    assert_eq!(which.sentences[0], "Hence where one overtakes the other cannot be told.");
    assert!(parts(&report)[1].contains("red/speed") && parts(&report)[1].contains("blue/speed"));
}

#[test]
fn few_rounds_decide_nothing() {
    let mut value = bench((1.0, 2e-5), (4.0, 4e-3), "pass");
    for workload in value["workloads"].as_array_mut().expect("workloads") {
        for series in workload["series"].as_array_mut().expect("series") {
            series["samples"].as_array_mut().expect("samples").truncate(2);
        }
    }
    let which = &answers(&report("few", None, None, Some(value)))[1];
    assert_eq!((which.short.as_str(), which.state), ("Cannot be told", State::Unknown));
}

#[test]
fn what_is_missing_is_shown_as_missing() {
    let nothing = report("nothing", None, None, None);
    for answer in answers(&nothing) {
        assert_eq!(answer.state, State::Unknown, "{answer:?}");
    }
    for text in [page::write(&nothing), markdown::write(&nothing)] {
        for missing in ["Parity was not run.", "Coverage was not run.", "Benchmarks were not run."] {
            assert!(text.contains(missing), "{missing}");
        }
        assert!(!text.contains("<svg "));
    }
    let absent = whole("absent", (1.0, 2e-5), (2.0, 4e-4));
    assert!(page::write(&absent).contains("lua5.4 did not take part: it is not installed"));
}

#[test]
fn what_fails_is_seen() {
    let values = (Some(parity("failed")), Some(coverage(Some("inline 1 % is below 90 %"))));
    let report = report("fails", values.0, values.1, Some(bench((1.0, 2e-5), (2.0, 4e-4), "fail")));
    let [right, _, worse] = answers(&report);
    assert_eq!((right.short.as_str(), right.state), ("No", State::Bad));
    let which = &answers(&report)[1];
    assert!(which.state == State::Bad && which.sentences[0].starts_with("Beware: red/speed failed"), "{which:?}");
    assert!(right.sentences[0].contains("1 failed, on red/speed"), "{right:?}");
    assert_eq!((worse.short.as_str(), worse.state), ("Yes", State::Bad));
    let said = worse.sentences.join(" ");
    for part in ["wheel on blue/speed", "red/speed against gcc on wheel (native ratio)"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let page = page::write(&report);
    assert!(page.contains("class=\"bad\"><span aria-hidden=\"true\">✗ </span>fail</td>"));
    assert!(page.contains("result 1 is not 2") && page.contains("inline 1 % is below 90 %"));
    assert!(markdown::write(&report).contains("| **fail** |"));
}

#[test]
fn a_gate_without_a_verdict_is_not_kept() {
    let values = (Some(parity("passed")), Some(coverage(None)));
    let report = report("open", values.0, values.1, Some(bench((1.0, 2e-5), (2.0, 4e-4), "inconclusive")));
    let worse = &answers(&report)[2];
    assert_eq!(worse.state, State::Unknown);
    assert!(
        worse.sentences.iter().any(|s| s.starts_with("Whether 1 bound of speed holds cannot be told from ")),
        "{worse:?}"
    );
}

#[test]
fn the_page_needs_nothing_else() {
    let page = page::write(&whole("page", (1.0, 2e-5), (2.0, 4e-4)));
    let own = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for outside in ["http://", "https://", " src=", "@import", "url(", "fetch("] {
        assert!(!own.contains(outside), "{outside}");
    }
    // Four charts, each for wide and for narrow pages.
    assert_eq!(page.matches("<svg ").count(), 8);
    assert_eq!(page.matches("role=\"img\"").count(), 8);
    assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
    // All colours of pictures follow the style sheet.
    assert!(page.contains("var(--series-1)") && page.contains("var(--series-2)"));
    assert!(!page.contains("\"#01"), "a placeholder is left");
    // Names come from outside and are text, never markup.
    assert!(page.contains("Abacus &lt;5&gt;") && !page.contains("Abacus <5>"));
}

#[test]
fn figures_are_ratios_of_the_samples() {
    let report = whole("figures", (1.0, 2e-5), (2.0, 4e-4));
    let bench = report.bench.as_ref().expect("it was given");
    let near = |interval: Option<crate::stats::Interval>, value: f64| {
        let interval = interval.expect("it was measured");
        assert!((interval.estimate / value - 1.0).abs() < 0.01, "{interval:?} is not {value}");
    };
    near(bench.uplift_of(&who("blue/speed"), Some("lever")), 5.0);
    near(bench.uplift_of(&who("red/speed"), None), 10.0);
    near(bench.peer_ratio(&who("red/speed"), &who("gcc"), None), 1.0 / 0.9);
    let sums = report.parity.as_ref().expect("it was given").sums;
    assert_eq!((sums.passed, sums.failed), (4, 0));
    // The data can be read again.
    let text = serde_json::to_string(&report).expect("data");
    let again: Report = serde_json::from_str(&text).expect("the same data");
    assert_eq!(again.parity, report.parity);
    assert_eq!(again.coverage, report.coverage);
}

#[test]
fn samples_that_do_not_count_make_no_figure() {
    let mut value = bench((1.0, 2e-5), (2.0, 4e-4), "pass");
    value["workloads"][0]["series"][2]["void"] = json!("checksum 8 is not 7");
    let report = report("void", None, None, Some(value));
    let bench = report.bench.as_ref().expect("it was given");
    assert_eq!(bench.uplift_of(&who("red/speed"), Some("wheel")), None);
    assert_eq!(bench.uplift_of(&who("red/speed"), None), None, "a mean over fewer kernels is not comparable");
    assert!(page::write(&report).contains("checksum 8 is not 7"));
}

#[test]
fn files_that_are_something_else_are_named() {
    let error = |file: &str, text: Option<&str>| {
        let file = text.map(|text| File::new(file, text));
        let path = file.as_ref().map_or_else(|| PathBuf::from("no/such/file.json"), |f| f.0.clone());
        let sources = Sources { coverage: Some(path), ..Sources::default() };
        gather(&sources, Environment::default()).expect_err("it cannot be read")
    };
    let gone = error("gone", None);
    assert!(matches!(gone, SourceError::Read { .. }));
    assert!(gone.to_string().contains("no/such/file.json") && gone.to_string().contains("lockstep coverage"), "{gone}");
    assert!(matches!(error("text", Some("hello")), SourceError::Malformed { .. }));
    assert!(error("other", Some(r#"{"lockstep_parity": 1}"#)).to_string().contains("has no `lockstep_coverage`"));
    let version = error("version", Some(r#"{"lockstep_coverage": 99}"#));
    assert!(matches!(version, SourceError::Version { .. }) && version.to_string().contains("99"), "{version}");
    assert!(error("part", Some(r#"{"lockstep_coverage": 1}"#)).to_string().contains("missing field"));
}

#[test]
fn a_large_report_can_be_drilled_into() {
    let report = large("large");
    let page = page::write(&report);
    for anchor in ["backend-red-speed", "kernel-flywheel", "cases", "coverage-green-speed"] {
        assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor}");
    }
    // Every link within the page leads somewhere.
    for target in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(page.contains(&format!("id=\"{target}\"")), "#{target}");
    }
}

/// The titles and what stands below them.
fn chapters(text: &str) -> Vec<(&str, &str)> {
    text.split("\n## ").skip(1).filter_map(|chapter| chapter.split_once('\n')).collect()
}

#[test]
fn every_section_of_the_file_has_figures_or_says_where_they_are() {
    let text = markdown::write(&large("figures-in-markdown"));
    for (title, chapter) in chapters(&text) {
        let table = chapter.contains("\n| ");
        assert!(table || chapter.contains("**Missing:**") || title == "In `report.html` alone", "{title}: {chapter}");
    }
    let (_, elsewhere) = *chapters(&text).last().expect("chapters");
    assert!(elsewhere.contains("- **Kernel by kernel**. ") && elsewhere.contains("- **Backend by backend**. "));
    assert!(text.contains("In `report.html` alone: Warming up by kernel and implementation."), "{text}");
}

#[test]
fn what_a_start_costs_is_told_of_each_backend_at_its_default_level() {
    let mut value = bench_of(&["wheel", "lever", "screw"], &two((1.0, 2e-5), (2.0, 4e-4)), "pass");
    for (n, workload) in value["workloads"].as_array_mut().expect("workloads").iter_mut().enumerate() {
        let first = [1.5, 0.25, 1.25][n];
        for sample in workload["series"][2]["samples"].as_array_mut().expect("samples") {
            sample["calls"] = json!([first]);
            sample["peak_memory"] = json!((n as u64 + 1) << 20);
        }
    }
    let text = markdown::write(&report("start", None, None, Some(value)));
    let row = text.lines().find(|line| line.starts_with("| red/speed ● | 1.25 s (250 ms–1.50 s) |"));
    assert!(row.is_some_and(|row| row.contains("2.00 MiB (1.00 MiB–3.00 MiB)")), "{text}");
}

#[test]
fn the_terminal_is_a_hundred_columns_wide() {
    for report in [large("terminal"), report("terminal-none", None, None, None)] {
        let plain = anstream::adapter::strip_str(&terminal::write(&report)).to_string();
        for line in plain.lines() {
            assert!(line.chars().count() <= terminal::WIDTH, "{line}");
        }
        assert!(plain.starts_with("Is it right? "), "{plain}");
    }
}

#[test]
fn ci_reads_every_verdict() {
    let values = (Some(parity("failed")), Some(coverage(Some("inline 1 % is below 90 %"))));
    let report = report("ci", values.0, values.1, Some(bench((1.0, 2e-5), (2.0, 4e-4), "inconclusive")));
    let xml = junit::write(&report).expect("XML");
    assert!(xml.contains(r#"<failure message="result 1 is not 2">"#), "{xml}");
    assert!(xml.contains("run it again: lockstep parity --exact case/red/speed/eager"), "{xml}");
    // Under the conditions of the run, where the results say them.
    let mut value = parity("failed");
    value["again"] = json!("lockstep parity --corpus mine --memory 64 --exact");
    let elsewhere = super::fixture::report("ci-elsewhere", Some(value), None, None);
    let again = "run it again: lockstep parity --corpus mine --memory 64 --exact case/red/speed/eager";
    assert!(junit::write(&elsewhere).expect("XML").contains(again));
    assert!(xml.contains(r#"<failure message="inline 1 % is below 90 %"/>"#), "{xml}");
    // What cannot be told is no success, and neither is what was not run.
    assert!(xml.contains(r#"<skipped message="1.50× (1.40–1.60) must be ≤ 1.3"/>"#), "{xml}");
    assert!(xml.contains(r#"<skipped message="no faults were planted"/>"#), "{xml}");
    let text = summary::write(&report);
    for part in [
        "| Is it right? | ❌ **No** |",
        "<summary>2 checks failed</summary>",
        "- parity case/red/speed/eager: result 1 is not 2",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn what_got_worse_is_named_with_its_figure() {
    let good = Report { comparison: Some(comparison()), ..whole("worse-good", (1.0, 2e-5), (2.0, 4e-4)) };
    let answer = |report: &Report| answers(report)[2].clone();
    assert_eq!((answer(&good).short.as_str(), answer(&good).state), ("No", State::Good));
    let mut bad = good.clone();
    let changes = &mut bad.comparison.as_mut().expect("it was given").changes;
    changes[0].verdict = Outcome::Worse;
    assert_eq!((answer(&bad).short.as_str(), answer(&bad).state), ("Yes", State::Bad));
    let said = answer(&bad).line();
    assert!(said.contains("1 of 2 are worse than the baseline: time of wheel quick with red/speed 0.90×"), "{said}");
    // A bound is no earlier build: that one is open leaves the answer, and is said.
    let mut near = good.clone();
    near.bench.as_mut().expect("it was run").gates[0].verdict = Verdict::Inconclusive;
    assert_eq!((answer(&near).short.as_str(), answer(&near).state), ("No", State::Good));
    assert!(answer(&near).line().contains("Whether 1 bound of speed holds cannot be told"), "{}", answer(&near).line());
    // What cannot be told is not called good.
    let mut open = good;
    open.comparison.as_mut().expect("it was given").changes[1].verdict = Outcome::Unclear;
    assert!(answer(&open).line().contains("Of 1 of 2 it cannot be told"), "{}", answer(&open).line());
}

#[test]
fn gates_that_miss_a_fault_spoil_the_first_answer() {
    let good = Report { faults: Some(faults()), ..whole("faults", (1.0, 2e-5), (2.0, 4e-4)) };
    let answer = |report: &Report| answers(report)[0].clone();
    assert_eq!(answer(&good).state, State::Good);
    let said = answer(&good).line();
    assert!(
        said.contains("all 2 planted faults")
            && said.contains("they found 0 of 1 fault whose author had not seen the gates"),
        "{said}"
    );
    let mut partly = good.clone();
    partly.faults.as_mut().expect("it was given").not_planted.push("missing-root".to_owned());
    assert!(
        answer(&partly).line().contains("1 more fault of the registry could not be planted"),
        "{}",
        answer(&partly).line()
    );
    let mut missed = good.clone();
    missed.faults.as_mut().expect("it was given").planted[0].seen_by.clear();
    assert_eq!(answer(&missed).state, State::Unknown);
    assert!(answer(&missed).line().contains("they missed wrong-shift"), "{}", answer(&missed).line());
    let mut alarmed = good;
    alarmed.faults.as_mut().expect("it was given").false_alarms.push("kit".to_owned());
    assert_eq!(answer(&alarmed).state, State::Unknown);
}

#[test]
fn results_of_several_builds_are_not_taken_for_one() {
    let mut report = whole("builds", (1.0, 2e-5), (2.0, 4e-4));
    let mut made = |what: &str, executable: &str| {
        let build = Build { executable: executable.to_owned(), ..Build::default() };
        report.environment.builds.insert(what.to_owned(), build);
        answers(&report)[0].line()
    };
    // What is not known is not held against anything, and planted faults take a build of their own.
    for line in [made("parity", "aa"), made("coverage", ""), made("faults", "bb")] {
        assert!(!line.contains("Beware"), "{line}");
    }
    let line = made("bench", "cc");
    assert!(
        line.contains("Beware: these results were made by different builds, bench by cc and parity by aa."),
        "{line}"
    );
}

#[test]
fn refusals_are_told_by_their_reasons() {
    let mut report = whole("refusals", (1.0, 2e-5), (2.0, 4e-4));
    let parity = report.parity.as_mut().expect("it was given");
    parity.sums.refused = 3;
    parity.refusals = [("may_suspend".to_owned(), 1), ("not_yet_compiled".to_owned(), 2)].into();
    let line = answers(&report)[0].line();
    assert!(line.contains("3 more trials agree, too, but are interpreted in part, as the compiler refuses functions of theirs: may suspend (1) and not yet compiled (2)."), "{line}");
}

#[test]
fn changes_are_read_from_what_other_commands_write() {
    let results = crate::bench::testing::results();
    let run = crate::compare::Run::of(&results);
    let check = Check {
        lockstep_check: VERSION,
        baseline: "abc".to_owned(),
        notes: vec!["another governor".to_owned()],
        suspicious: Vec::new(),
        alarms: vec![Alarm {
            key: run.series[0].key.clone(),
            ratio: Some(1.2),
            p: Some(0.001),
            what: "slower".to_owned(),
        }],
        gains: Vec::new(),
        blind: vec![run.series[1].key.clone()],
        missing: Default::default(),
        run: run.clone(),
    };
    let (before, after) = (("before", &run), ("after", &run));
    let compared =
        Comparison::of_runs(before, after, Rule { permutations: 50, resamples: 50, ..Rule::default() }, false);
    let record =
        |date: &str| serde_json::to_string(&Record::of(&run, date.to_owned()).expect("a known machine")).expect("data");
    let files = [
        File::new("check", &serde_json::to_string(&check).expect("data")),
        File::new("compared", &serde_json::to_string(&compared.expect("comparable")).expect("data")),
        File::new("history", &format!("{}\n{}\n", record("2026-01-01"), record("2026-01-02"))),
    ];
    let environment = Environment { machine: results.machine, ..Environment::default() };
    let gathered = |compare: usize| {
        let sources = Sources {
            compare: Some(files[compare].0.clone()),
            history: Some(files[2].0.clone()),
            ..Sources::default()
        };
        gather(&sources, environment.clone()).unwrap_or_else(|e| panic!("{e}"))
    };
    let comparison = gathered(0).comparison.expect("it was given");
    let counts = [Outcome::Worse, Outcome::Unclear, Outcome::Same].map(|o| comparison.with_verdict(o).count());
    assert_eq!((counts[0], counts[1], counts[0] + counts[1] + counts[2]), (1, 1, run.series.len()));
    assert_eq!(comparison.flags, ["another governor"]);
    let other = gathered(1);
    assert_eq!(other.comparison.expect("it was given").changes.len(), run.series.len());
    let history = other.history.expect("it was given");
    assert_eq!(history.runs.len(), 2);
    assert!(history.lines.iter().any(|l| l.subject == "fast/speed" && l.values == [1.0, 1.0]), "{history:?}");
}
