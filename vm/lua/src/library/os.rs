//! `os`. Times are those of UTC, whatever the host's zone.

use std::time::{SystemTime, UNIX_EPOCH};

use lockstep_runtime::{HostResult, Local, Scope, Table};

use super::{Code, Standard, optional_bytes};

pub const FUNCTIONS: &[(&str, Code)] = &[
    ("clock", clock),
    ("date", date),
    ("difftime", difftime),
    ("execute", execute),
    ("getenv", getenv),
    ("remove", remove),
    ("rename", rename),
    ("setlocale", setlocale),
    ("time", time),
    ("tmpname", tmpname),
];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

thread_local! {
    static START: std::time::Instant = std::time::Instant::now();
}

fn clock(call: &mut Scope<'_>) -> HostResult {
    let seconds = START.with(std::time::Instant::elapsed).as_secs_f64();
    call.answer(seconds)
}

fn difftime(call: &mut Scope<'_>) -> HostResult {
    let (a, b): (i64, i64) = (call.arg(0)?, call.arg(1)?);
    call.answer((i128::from(a) - i128::from(b)) as f64)
}

fn execute(call: &mut Scope<'_>) -> HostResult {
    if call.value(0).is_nil() {
        return call.answer(true);
    }
    let command = text(call.arg(0)?);
    let status = std::process::Command::new("/bin/sh").arg("-c").arg(command).status();
    ended(call, status)
}

/// How a process has ended: true or nil, `exit` or `signal`, and the number.
pub fn ended(call: &mut Scope<'_>, status: std::io::Result<std::process::ExitStatus>) -> HostResult {
    match status {
        Ok(status) => match (status.code(), std::os::unix::process::ExitStatusExt::signal(&status)) {
            (Some(0), _) => call.answer((true, "exit", 0i64)),
            (Some(code), _) => call.answer((Local::NIL, "exit", i64::from(code))),
            (None, signal) => call.answer((Local::NIL, "signal", i64::from(signal.unwrap_or(0)))),
        },
        Err(error) => call.answer((Local::NIL, super::io::message(&error, None), super::io::code(&error))),
    }
}

/// Ends the process; `standard` is written out before. If the VM is to be closed, finalizers are run.
pub fn exit(call: &mut Scope<'_>, standard: &Standard) -> HostResult {
    let code = match call.value(0) {
        value if value.is_nil() => 0,
        value if value.as_int().is_none() && value.as_float().is_none() && value.as_str().is_none() => {
            i32::from(!value.truth())
        }
        _ => call.arg::<i64>(0)? as i32,
    };
    if call.value(1).truth() {
        call.finalize_all();
        super::warn::show(call, standard);
    }
    standard.flush();
    std::process::exit(code)
}

fn getenv(call: &mut Scope<'_>) -> HostResult {
    let name = text(call.arg(0)?);
    call.answer(std::env::var_os(name).map(|value| value.into_encoded_bytes()))
}

/// What functions on files answer: true, or nil, a message and a number.
fn outcome(call: &mut Scope<'_>, result: std::io::Result<()>, name: &str) -> HostResult {
    match result {
        Ok(()) => call.answer(true),
        Err(error) => call.answer((Local::NIL, super::io::message(&error, Some(name)), super::io::code(&error))),
    }
}

fn remove(call: &mut Scope<'_>) -> HostResult {
    let name = text(call.arg(0)?);
    let result =
        if std::path::Path::new(&name).is_dir() { std::fs::remove_dir(&name) } else { std::fs::remove_file(&name) };
    outcome(call, result, &name)
}

fn rename(call: &mut Scope<'_>) -> HostResult {
    let (from, to) = (text(call.arg(0)?), text(call.arg(1)?));
    match std::fs::rename(&from, to) {
        Ok(()) => call.answer(true),
        Err(error) => call.answer((Local::NIL, super::io::message(&error, None), super::io::code(&error))),
    }
}

fn setlocale(call: &mut Scope<'_>) -> HostResult {
    let category = optional_bytes(call, 1, b"all")?;
    if !matches!(category, b"all" | b"collate" | b"ctype" | b"monetary" | b"numeric" | b"time") {
        let problem = format!("invalid option '{}'", text(category));
        return Err(call.bad_argument(1, problem));
    }
    let known = matches!(optional_bytes(call, 0, b"C")?, b"" | b"C" | b"POSIX");
    call.answer(known.then_some("C"))
}

fn tmpname(call: &mut Scope<'_>) -> HostResult {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let name = format!("/tmp/lua_{:x}_{now:x}", std::process::id());
    match std::fs::File::create_new(&name) {
        Ok(_) => call.answer(name),
        Err(_) => Err("unable to generate a unique filename".into()),
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar, by Howard Hinnant's `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01, by the same author's `civil_from_days`.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

fn time(call: &mut Scope<'_>) -> HostResult {
    if call.value(0).is_nil() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
        return call.answer(now);
    }
    let table: Table<'_> = call.arg(0)?;
    let mut field = |name: &str, default: Option<i64>, from: i64| -> HostResult<i64> {
        let value = call.get(table, name)?;
        let number = call.to_number(value).and_then(|number| {
            number.as_int().or_else(|| number.as_float().and_then(lockstep_runtime::float_to_integer))
        });
        match (number, default) {
            // C's fields are of 32 bits, and begin there.
            (Some(value), _) if i32::try_from(i128::from(value) - i128::from(from)).is_err() => {
                Err(format!("field '{name}' is out-of-bound").into())
            }
            (Some(value), _) => Ok(value),
            (None, _) if !value.is_nil() => Err(format!("field '{name}' is not an integer").into()),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(format!("field '{name}' missing in date table").into()),
        }
    };
    let (year, month, day) = (field("year", None, 1900)?, field("month", None, 1)?, field("day", None, 0)?);
    let (hour, minute, second) = (field("hour", Some(12), 0)?, field("min", Some(0), 0)?, field("sec", Some(0), 0)?);
    let months = year * 12 + month - 1;
    let days = days_from_civil(months.div_euclid(12), months.rem_euclid(12) + 1, 1) + day - 1;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    // The table's fields become what they mean together.
    fill(call, table, &Date::of(seconds))?;
    call.answer(seconds)
}

/// A time's parts.
struct Date {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    /// From Sunday, 0.
    weekday: i64,
    /// From 0.
    yearday: i64,
}

impl Date {
    fn of(time: i64) -> Date {
        let (days, rest) = (time.div_euclid(86_400), time.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        let (weekday, yearday) = ((days + 4).rem_euclid(7), days - days_from_civil(year, 1, 1));
        Date { year, month, day, hour, minute, second, weekday, yearday }
    }

    /// Year and week of ISO 8601, whose weeks begin on Mondays and belong to the year of their Thursdays.
    fn iso_week(&self) -> (i64, i64) {
        let thursday = days_from_civil(self.year, self.month, self.day) - (self.weekday + 6) % 7 + 3;
        let (year, ..) = civil_from_days(thursday);
        (year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1)
    }
}

/// Sets the fields of a table as `os.date("*t")` has them.
fn fill(call: &mut Scope<'_>, table: Table<'_>, date: &Date) -> HostResult {
    for (name, value) in [
        ("year", date.year),
        ("month", date.month),
        ("day", date.day),
        ("hour", date.hour),
        ("min", date.minute),
        ("sec", date.second),
        ("yday", date.yearday + 1),
        ("wday", date.weekday + 1),
    ] {
        call.raw_set(table, name, value)?;
    }
    call.raw_set(table, "isdst", false)
}

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn date(call: &mut Scope<'_>) -> HostResult {
    let format = optional_bytes(call, 0, b"%c")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let time = super::optional(call, 1, now)?;
    let (zone, format) = match format.strip_prefix(b"!") {
        Some(format) => ("GMT", format),
        None => ("UTC", format),
    };
    let date = Date::of(time);
    if format.starts_with(b"*t") {
        let table = call.table(0, 9)?;
        fill(call, table, &date)?;
        return call.answer(table);
    }
    let Date { year, month, day, hour, minute, second, weekday, yearday } = date;
    let (day_name, month_name) = (DAYS[weekday as usize], MONTHS[month as usize - 1]);
    let mut out = String::new();
    let mut bytes = format.iter();
    let mut rest;
    while let Some(&byte) = bytes.next() {
        rest = bytes.as_slice();
        if byte != b'%' {
            out.push(byte as char);
            continue;
        }
        let hour12 = (hour + 11) % 12 + 1;
        let half = if hour < 12 { "AM" } else { "PM" };
        // Other forms of the locale are those of C.
        match bytes.as_slice() {
            [b'E', b'c' | b'C' | b'x' | b'X' | b'y' | b'Y', ..] => drop(bytes.next()),
            [b'O', letter, ..] if b"deHImMSuUVwWy".contains(letter) => drop(bytes.next()),
            _ => {}
        }
        out += &match bytes.next() {
            Some(b'a') => day_name[..3].to_owned(),
            Some(b'A') => day_name.to_owned(),
            Some(b'b' | b'h') => month_name[..3].to_owned(),
            Some(b'B') => month_name.to_owned(),
            Some(b'c') => {
                format!("{} {} {day:2} {hour:02}:{minute:02}:{second:02} {year}", &day_name[..3], &month_name[..3])
            }
            Some(b'C') => format!("{:02}", year / 100),
            Some(b'd') => format!("{day:02}"),
            Some(b'D' | b'x') => format!("{month:02}/{day:02}/{:02}", year % 100),
            Some(b'e') => format!("{day:2}"),
            Some(b'F') => format!("{year}-{month:02}-{day:02}"),
            Some(b'H') => format!("{hour:02}"),
            Some(b'I') => format!("{hour12:02}"),
            Some(b'j') => format!("{:03}", yearday + 1),
            Some(b'm') => format!("{month:02}"),
            Some(b'M') => format!("{minute:02}"),
            Some(b'n') => "\n".to_owned(),
            Some(b'p') => half.to_owned(),
            Some(b'r') => format!("{hour12:02}:{minute:02}:{second:02} {half}"),
            Some(b'R') => format!("{hour:02}:{minute:02}"),
            Some(b'S') => format!("{second:02}"),
            Some(b't') => "\t".to_owned(),
            Some(b'T' | b'X') => format!("{hour:02}:{minute:02}:{second:02}"),
            Some(b'u') => ((weekday + 6) % 7 + 1).to_string(),
            Some(b'w') => weekday.to_string(),
            Some(b'y') => format!("{:02}", year % 100),
            Some(b'Y') => year.to_string(),
            Some(b'z') => "+0000".to_owned(),
            Some(b'U') => format!("{:02}", (yearday + 7 - weekday) / 7),
            Some(b'W') => format!("{:02}", (yearday + 7 - (weekday + 6) % 7) / 7),
            Some(b'V') => format!("{:02}", date.iso_week().1),
            Some(b'G') => date.iso_week().0.to_string(),
            Some(b'g') => format!("{:02}", date.iso_week().0.rem_euclid(100)),
            Some(b'Z') => zone.to_owned(),
            Some(b'%') => "%".to_owned(),
            _ => {
                let problem = format!("invalid conversion specifier '%{}'", text(rest));
                return Err(call.bad_argument(0, problem));
            }
        };
    }
    call.answer(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_are_inverse() {
        assert_eq!((days_from_civil(1970, 1, 1), days_from_civil(2000, 3, 1)), (0, 11_017));
        for days in (-800_000..800_000).step_by(97) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }
}
