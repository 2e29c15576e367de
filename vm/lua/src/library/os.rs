//! `os`. Times are those of UTC, whatever the host's zone.

use std::time::{SystemTime, UNIX_EPOCH};

use lockstep_runtime::{HostResult, Local, Scope, Table};

use super::{Code, Standard, optional_bytes};

pub const FUNCTIONS: &[(&str, Code)] = &[
    ("clock", clock),
    ("date", date),
    ("difftime", difftime),
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
    let (a, b): (f64, f64) = (call.arg(0)?, call.arg(1)?);
    call.answer(a - b)
}

/// Ends the process; `standard` is written out before.
pub fn exit(call: &mut Scope<'_>, standard: &Standard) -> HostResult {
    let code = match call.value(0) {
        value if value.is_nil() => 0,
        value if value.as_int().is_none() && value.as_float().is_none() && value.as_str().is_none() => {
            i32::from(!value.truth())
        }
        _ => call.arg::<i64>(0)? as i32,
    };
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
    outcome(call, std::fs::rename(&from, to), &from)
}

fn setlocale(call: &mut Scope<'_>) -> HostResult {
    let known = matches!(optional_bytes(call, 0, b"C")?, b"" | b"C" | b"POSIX");
    call.answer(known.then_some("C"))
}

fn tmpname(call: &mut Scope<'_>) -> HostResult {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    call.answer(format!("/tmp/lua_{:x}_{now:x}", std::process::id()))
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
    let mut field = |name: &str, default: Option<i64>| -> HostResult<i64> {
        let value = call.get(table, name)?;
        let number = call.to_number(value).and_then(|number| {
            number.as_int().or_else(|| number.as_float().and_then(lockstep_runtime::float_to_integer))
        });
        match (number, default) {
            (Some(value), _) => Ok(value),
            (None, _) if !value.is_nil() => Err(format!("field '{name}' is not an integer").into()),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(format!("field '{name}' missing in date table").into()),
        }
    };
    let (year, month, day) = (field("year", None)?, field("month", None)?, field("day", None)?);
    let (hour, minute, second) = (field("hour", Some(12))?, field("min", Some(0))?, field("sec", Some(0))?);
    let months = year * 12 + month - 1;
    let days = days_from_civil(months.div_euclid(12), months.rem_euclid(12) + 1, 1) + day - 1;
    call.answer(days * 86_400 + hour * 3600 + minute * 60 + second)
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
    let format = format.strip_prefix(b"!").unwrap_or(format);
    let (days, rest) = (time.div_euclid(86_400), time.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    let weekday = (days + 4).rem_euclid(7);
    let yearday = days - days_from_civil(year, 1, 1);
    if format.starts_with(b"*t") {
        let table = call.table(0, 9)?;
        for (name, value) in [
            ("year", year),
            ("month", month),
            ("day", day),
            ("hour", hour),
            ("min", minute),
            ("sec", second),
            ("yday", yearday + 1),
            ("wday", weekday + 1),
        ] {
            call.raw_set(table, name, value)?;
        }
        call.raw_set(table, "isdst", false)?;
        return call.answer(table);
    }
    let (day_name, month_name) = (DAYS[weekday as usize], MONTHS[month as usize - 1]);
    let mut out = String::new();
    let mut bytes = format.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte as char);
            continue;
        }
        let hour12 = (hour + 11) % 12 + 1;
        let half = if hour < 12 { "AM" } else { "PM" };
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
            Some(b's') => time.to_string(),
            Some(b'S') => format!("{second:02}"),
            Some(b't') => "\t".to_owned(),
            Some(b'T' | b'X') => format!("{hour:02}:{minute:02}:{second:02}"),
            Some(b'u') => ((weekday + 6) % 7 + 1).to_string(),
            Some(b'w') => weekday.to_string(),
            Some(b'y') => format!("{:02}", year % 100),
            Some(b'Y') => year.to_string(),
            Some(b'z') => "+0000".to_owned(),
            Some(b'Z') => "UTC".to_owned(),
            Some(b'%') => "%".to_owned(),
            _ => {
                let problem = format!("invalid conversion specifier '{}'", text(format));
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
