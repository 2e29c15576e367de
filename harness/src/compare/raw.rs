//! The raw format: measurements of any tool, one a line, as CSV or as JSON lines. Mistakes are diagnostics with file, line and column.
//!
//! ```csv
//! process,iteration,value,name
//! 0,0,0.0713,parse
//! ```
//! ```json
//! {"process": 0, "iteration": 0, "value": 0.0713, "name": "parse"}
//! ```
//! `process` and `iteration` are whole numbers, `value` is positive, `name` is optional and tells series apart. Columns of CSV stand in any order; others
//! are mistakes. Iterations of a process come in the order of their numbers; a number that comes twice is a mistake.

use std::collections::BTreeMap;

use lockstep_text::{Diagnostic, Location};
use serde::Deserialize;

use super::series::{Better, Key, Series};

/// The measure of data that do not say what they are.
pub const MEASURE: &str = "value";

/// What is on a line.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    process: usize,
    iteration: usize,
    value: f64,
    #[serde(default)]
    name: String,
}

/// Iterations by name and process.
type Values = BTreeMap<String, BTreeMap<usize, BTreeMap<usize, f64>>>;

type Mistake = Box<Diagnostic>;

/// Reads CSV; `skip` iterations of each process warm up and are left out.
///
/// # Errors
/// The first mistake.
pub fn csv(file: &str, text: &str, better: Better, skip: usize) -> Result<Vec<Series>, Mistake> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let at = |line: u64, column: usize, width: usize, message: String| {
        let location = Location { line: line as u32, column: column as u32 };
        Diagnostic::new(file, text, location, width as u32, message)
    };
    let headers = reader.headers().map_err(|e| at(1, 1, 1, e.to_string()))?.clone();
    let columns = ["process", "iteration", "value", "name"];
    for (n, header) in headers.iter().enumerate() {
        if !columns.contains(&header) || headers.iter().take(n).any(|before| before == header) {
            let what = if columns.contains(&header) { "a second column" } else { "no column" };
            let place = field(text, 1, n);
            return Err(at(1, place, header.chars().count(), format!("there is {what} `{header}`"))
                .expected("process, iteration, value and perhaps name"));
        }
    }
    let column = |name: &str| headers.iter().position(|h| h == name);
    let (Some(process), Some(iteration), Some(value)) = (column("process"), column("iteration"), column("value"))
    else {
        let missing = columns.iter().find(|c| column(c).is_none()).expect("one of the first three");
        return Err(at(1, 1, 1, format!("the first line names no column `{missing}`"))
            .hint("start with a line `process,iteration,value` or `process,iteration,value,name`"));
    };
    let mut values = Values::new();
    for record in reader.records() {
        let record = record.map_err(|e| {
            let line = line_of(text, e.position());
            let message = match e.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    format!("{len} fields where the first line names {expected_len}")
                }
                _ => e.to_string(),
            };
            at(line, 1, 1, message)
        })?;
        let line = line_of(text, record.position());
        let wrong = |n: usize, expected: &str| {
            let shown = &record[n];
            at(line, field(text, line, n), shown.chars().count(), format!("`{shown}` is not {expected}"))
        };
        let whole = |n: usize| record[n].parse::<usize>().map_err(|_| wrong(n, "a whole number"));
        let one = Line {
            process: whole(process)?,
            iteration: whole(iteration)?,
            value: record[value].parse().map_err(|_| wrong(value, "a number"))?,
            name: column("name").map_or_else(String::new, |n| record[n].to_owned()),
        };
        insert(&mut values, one).map_err(|fault| {
            let n = if fault == Fault::Value { value } else { iteration };
            at(line, field(text, line, n), record[n].chars().count(), fault.message(&record[n]))
        })?;
    }
    finish(file, text, values, better, skip)
}

/// Reads JSON lines; `skip` iterations of each process warm up and are left out.
///
/// # Errors
/// The first mistake.
pub fn json_lines(file: &str, text: &str, better: Better, skip: usize) -> Result<Vec<Series>, Mistake> {
    let mut values = Values::new();
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = |column: usize, width: usize, message: String| {
            Diagnostic::new(file, text, Location { line: n as u32 + 1, column: column as u32 }, width as u32, message)
        };
        let one: Line = serde_json::from_str(line).map_err(|error| {
            let full = error.to_string();
            let message = full.split(" at line ").next().unwrap_or(&full).to_owned();
            // Bytes, and 0 where nothing was read.
            let column = line.get(..error.column().saturating_sub(1)).map_or(1, |before| before.chars().count() + 1);
            at(column, 1, message).hint(r#"a line is {"process": 0, "iteration": 0, "value": 1.5, "name": "optional"}"#)
        })?;
        insert(&mut values, one).map_err(|fault| {
            let key = if fault == Fault::Value { "\"value\"" } else { "\"iteration\"" };
            let column = line.find(key).map_or(1, |at| line[..at].chars().count() + 1);
            at(column, key.len(), fault.message(key))
        })?;
    }
    finish(file, text, values, better, skip)
}

/// What is wrong with a line that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Value,
    Twice,
}

impl Fault {
    fn message(self, shown: &str) -> String {
        match self {
            Fault::Value => format!("{shown}: a value must be finite and above 0, since ratios are judged"),
            Fault::Twice => format!("{shown}: this process has an iteration of this number already"),
        }
    }
}

fn insert(values: &mut Values, line: Line) -> Result<(), Fault> {
    if !(line.value.is_finite() && line.value > 0.0) {
        return Err(Fault::Value);
    }
    let process = values.entry(line.name).or_default().entry(line.process).or_default();
    match process.insert(line.iteration, line.value) {
        None => Ok(()),
        Some(_) => Err(Fault::Twice),
    }
}

fn finish(file: &str, text: &str, values: Values, better: Better, skip: usize) -> Result<Vec<Series>, Mistake> {
    let nothing = |message: String| {
        let line = text.lines().count().max(1) as u32;
        Diagnostic::new(file, text, Location { line, column: 1 }, 1, message)
    };
    if values.is_empty() {
        return Err(nothing("there are no measurements".to_owned()));
    }
    let mut all = Vec::new();
    for (name, processes) in values {
        for (process, iterations) in &processes {
            if iterations.len() <= skip {
                let count = iterations.len();
                return Err(nothing(format!(
                    "process {process} has {count} iterations: nothing is left when {skip} are skipped"
                )));
            }
        }
        let measured = |(process, iterations): (usize, BTreeMap<usize, f64>)| {
            (process, iterations.into_values().skip(skip).collect())
        };
        let key = Key::new(MEASURE, name, "");
        all.push(Series::noisy(key, better, processes.into_iter().map(measured).collect()));
    }
    Ok(all)
}

/// The line of a record: its position, past the blank lines that the reader skipped from there.
fn line_of(text: &str, position: Option<&csv::Position>) -> u64 {
    let first = position.map_or(1, csv::Position::line);
    let blank = text.lines().skip(first as usize - 1).take_while(|line| line.is_empty()).count();
    first + blank as u64
}

/// Where the n-th field of a line of CSV begins, from 1.
fn field(text: &str, line: u64, n: usize) -> usize {
    let line = text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
    let (mut quoted, mut commas) = (false, 0);
    for (column, c) in line.chars().enumerate() {
        if commas == n && (n == 0 || c != ' ') {
            return column + 1;
        }
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => commas += 1,
            _ => {}
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "process,iteration,value,name\n0,0,9,fast\n0,1,1.5,fast\n1,0,9,fast\n1,1,2.5e0,fast\n0,0,9,\"a, b\"\n0,1,4,\"a, b\"\n";

    #[test]
    fn both_forms_say_the_same() {
        let from_csv = csv("x.csv", GOOD, Better::Lower, 1).expect("it is right");
        let lines = [(0, 0, 9.0, "fast"), (0, 1, 1.5, "fast"), (1, 0, 9.0, "fast"), (1, 1, 2.5, "fast")];
        let lines = lines.iter().chain(&[(0, 0, 9.0, "a, b"), (0, 1, 4.0, "a, b")]);
        let json: Vec<String> = lines
            .map(|(p, i, v, n)| format!(r#"{{"process": {p}, "iteration": {i}, "value": {v}, "name": "{n}"}}"#))
            .collect();
        assert_eq!(json_lines("x.jsonl", &json.join("\n"), Better::Lower, 1).expect("it is right"), from_csv);
        assert_eq!(from_csv[1].key, Key::new(MEASURE, "fast", ""));
        assert_eq!(from_csv[1].processes(), [(0, 1.5), (1, 2.5)].into());
    }

    #[test]
    fn iterations_come_in_the_order_of_their_numbers() {
        let text = "value,process,iteration\n5,0,2\n9,0,0\n6,0,1\n";
        let series = csv("x.csv", text, Better::Higher, 2).expect("it is right");
        assert_eq!(series[0].processes(), [(0, 5.0)].into());
        assert_eq!(series[0].better, Better::Higher);
    }

    /// Mistakes in CSV with place and part of the message.
    #[test]
    fn mistakes_in_csv_have_their_place() {
        let cases = [
            ("process,iteration\n", "1:1", "no column `value`"),
            ("process,iteration,value,speed\n", "1:25", "no column `speed`"),
            ("process,iteration,value,value\n", "1:25", "second column `value`"),
            ("process,iteration,value\n0,0,fast\n", "2:5", "`fast` is not a number"),
            ("process,iteration,value\n0,0,1\n0,-1,1\n", "3:3", "`-1` is not a whole number"),
            ("process,iteration,value\n0,0,1\n\n1.5, 0,1\n", "4:1", "`1.5` is not a whole number"),
            ("process,iteration,value\n0,0,0\n", "2:5", "above 0"),
            ("process,iteration,value\n0,0,-3\n", "2:5", "above 0"),
            ("process,iteration,value\n0,0,NaN\n", "2:5", "finite"),
            ("process,iteration,value\n0,0,1\n0,0,2\n", "3:3", "already"),
            ("process,iteration,value\n0,0,1,2\n", "2:1", "4 fields where the first line names 3"),
            ("name,process,iteration,value\n\"a, b\",0,0,x\n", "2:12", "`x` is not a number"),
            ("process,iteration,value\n", "1:1", "no measurements"),
            ("", "1:1", "no column `process`"),
        ];
        for (text, place, message) in cases {
            let found = csv("x.csv", text, Better::Lower, 0).expect_err(text).to_string();
            assert!(
                found.starts_with(&format!("x.csv:{place}: error: ")) && found.contains(message),
                "{text}: {found}"
            );
        }
        let few = csv("x.csv", "process,iteration,value\n0,0,1\n", Better::Lower, 1).expect_err("nothing is left");
        assert!(few.to_string().contains("nothing is left when 1 are skipped"), "{few}");
    }

    #[test]
    fn mistakes_in_json_lines_have_their_place() {
        let good = r#"{"process": 0, "iteration": 0, "value": 1}"#;
        let cases = [
            (r#"{"process": 0, "iteration": 1}"#, "2:30", "missing field `value`"),
            (r#"{"process": 0, "iteration": 1, "value": "1"}"#, "2:43", "invalid type"),
            (r#"{"process": 0, "iteration": 1, "value": 1, "speed": 2}"#, "2:50", "unknown field `speed`"),
            (r#"{"process": 0, "iteration": 1, "value": -1}"#, "2:32", "above 0"),
            (r#"{"process": 0, "iteration": 0, "value": 1}"#, "2:16", "already"),
            ("[1, 2", "2:5", ""),
        ];
        for (line, place, message) in cases {
            let found =
                json_lines("x.jsonl", &format!("{good}\n{line}\n"), Better::Lower, 0).expect_err(line).to_string();
            assert!(
                found.starts_with(&format!("x.jsonl:{place}: error: ")) && found.contains(message),
                "{line}: {found}"
            );
        }
        let empty = json_lines("x.jsonl", "\n", Better::Lower, 0).expect_err("empty").to_string();
        assert!(empty.contains("no measurements"), "{empty}");
    }
}
