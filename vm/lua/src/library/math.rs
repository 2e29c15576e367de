//! `math`.

use std::cell::RefCell;

use lockstep_runtime::{HostResult, Local, Scope, Table, float_to_integer};

use super::{Code, optional, table_field};

pub const FUNCTIONS: &[(&str, Code)] = &[
    ("abs", abs),
    ("acos", |call| float(call, f64::acos)),
    ("asin", |call| float(call, f64::asin)),
    ("atan", atan),
    ("ceil", |call| rounded(call, f64::ceil)),
    ("cos", |call| float(call, f64::cos)),
    ("deg", |call| float(call, |x| x * (180.0 / std::f64::consts::PI))),
    ("exp", |call| float(call, f64::exp)),
    ("floor", |call| rounded(call, f64::floor)),
    ("fmod", fmod),
    ("log", log),
    ("max", |call| extreme(call, false)),
    ("min", |call| extreme(call, true)),
    ("modf", modf),
    ("rad", |call| float(call, |x| x * (std::f64::consts::PI / 180.0))),
    ("random", random),
    ("randomseed", randomseed),
    ("sin", |call| float(call, f64::sin)),
    ("sqrt", |call| float(call, f64::sqrt)),
    ("tan", |call| float(call, f64::tan)),
    ("tointeger", tointeger),
    ("type", type_of),
    ("ult", ult),
];

pub fn open(scope: &mut Scope<'_>, globals: Table<'_>) -> HostResult {
    let table = table_field(scope, globals, "math")?;
    scope.raw_set(table, "pi", std::f64::consts::PI)?;
    scope.raw_set(table, "huge", f64::INFINITY)?;
    scope.raw_set(table, "maxinteger", i64::MAX)?;
    scope.raw_set(table, "mininteger", i64::MIN)
}

fn float(call: &mut Scope<'_>, function: fn(f64) -> f64) -> HostResult {
    let x: f64 = call.arg(0)?;
    call.answer(function(x))
}

/// A number argument, as it is.
fn number<'s>(call: &mut Scope<'s>, index: usize) -> HostResult<Local<'s>> {
    let value = call.value(index);
    call.to_number(value).ok_or_else(|| call.wrong_type(index, "number"))
}

fn abs(call: &mut Scope<'_>) -> HostResult {
    // Of text it is a float.
    match call.value(0).as_int() {
        Some(value) => call.answer(value.wrapping_abs()),
        None => float(call, f64::abs),
    }
}

fn rounded(call: &mut Scope<'_>, round: fn(f64) -> f64) -> HostResult {
    // Text is taken for a float.
    if let Some(value) = call.value(0).as_int() {
        return call.answer(value);
    }
    let value = round(call.arg(0)?);
    match float_to_integer(value) {
        Some(integer) => call.answer(integer),
        None => call.answer(value),
    }
}

fn atan(call: &mut Scope<'_>) -> HostResult {
    let (y, x): (f64, f64) = (call.arg(0)?, optional(call, 1, 1.0)?);
    call.answer(y.atan2(x))
}

fn fmod(call: &mut Scope<'_>) -> HostResult {
    if let (Some(a), Some(b)) = (call.value(0).as_int(), call.value(1).as_int()) {
        if b == 0 {
            return Err(call.bad_argument(1, "zero"));
        }
        return call.answer(a.wrapping_rem(b));
    }
    // The second argument is checked first, as by what C compilers make of PUC Lua.
    let (b, a): (f64, f64) = (call.arg(1)?, call.arg(0)?);
    call.answer(a % b)
}

fn log(call: &mut Scope<'_>) -> HostResult {
    let x: f64 = call.arg(0)?;
    let result = match call.arg::<Option<f64>>(1)? {
        None => x.ln(),
        Some(2.0) => x.log2(),
        Some(10.0) => x.log10(),
        Some(base) => x.ln() / base.ln(),
    };
    call.answer(result)
}

fn extreme(call: &mut Scope<'_>, least: bool) -> HostResult {
    let mut best = call.present(0)?;
    for index in 1..call.count() {
        let value = call.value(index);
        let better = if least { call.less(value, best)? } else { call.less(best, value)? };
        if better {
            best = value;
        }
    }
    call.answer(best)
}

fn modf(call: &mut Scope<'_>) -> HostResult {
    if let Some(value) = call.value(0).as_int() {
        return call.answer((value, 0.0));
    }
    let x: f64 = call.arg(0)?;
    let whole = x.trunc();
    let fraction = if x.is_infinite() { 0.0 } else { x - whole };
    match float_to_integer(whole) {
        Some(integer) => call.answer((integer, fraction)),
        None => call.answer((whole, fraction)),
    }
}

fn tointeger(call: &mut Scope<'_>) -> HostResult {
    let value = call.present(0)?;
    let number = if value.as_str().is_some() { call.to_number(value).unwrap_or(Local::NIL) } else { value };
    let integer = number.as_int().or_else(|| number.as_float().and_then(float_to_integer));
    call.answer(integer)
}

fn type_of(call: &mut Scope<'_>) -> HostResult {
    let value = call.present(0)?;
    match (value.as_int(), value.as_float()) {
        (Some(_), _) => call.answer("integer"),
        (_, Some(_)) => call.answer("float"),
        _ => call.answer(Local::NIL),
    }
}

fn ult(call: &mut Scope<'_>) -> HostResult {
    let (a, b): (i64, i64) = (call.arg(0)?, call.arg(1)?);
    call.answer((a as u64) < b as u64)
}

thread_local! {
    /// The state of the generator: xoshiro256**, as in PUC Lua, so that seeds give the same numbers. VMs of a thread share it.
    static RANDOM: RefCell<[u64; 4]> = RefCell::new(seeded(0x4c6f_636b, 0x7374_6570));
}

/// The state for a seed of two integers.
fn seeded(first: u64, second: u64) -> [u64; 4] {
    let mut state = [first, 0xff, second, 0];
    for _ in 0..16 {
        next_random(&mut state);
    }
    state
}

/// The next 64 bits of xoshiro256** (Blackman and Vigna).
fn next_random(state: &mut [u64; 4]) -> u64 {
    let [s0, s1, s2, s3] = *state;
    let result = s1.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
    let (s2, s3) = (s2 ^ s0, s3 ^ s1);
    *state = [s0 ^ s3, s1 ^ s2, s2 ^ (s1 << 17), s3.rotate_left(45)];
    result
}

fn random(call: &mut Scope<'_>) -> HostResult {
    let next = || RANDOM.with_borrow_mut(next_random);
    let (low, high) = match call.count() {
        0 => return call.answer((next() >> 11) as f64 * (0.5 / (1u64 << 52) as f64)),
        1 => {
            let high: i64 = call.arg(0)?;
            if high == 0 {
                return call.answer(next() as i64);
            }
            (1, high)
        }
        2 => (call.arg(0)?, call.arg(1)?),
        _ => return Err("wrong number of arguments".into()),
    };
    if low > high {
        return Err(call.bad_argument(0, "interval is empty"));
    }
    // The least all-ones mask that covers the range; numbers beyond the range are drawn again.
    let range = (high as u64).wrapping_sub(low as u64);
    let mut value = next();
    let value = if range & range.wrapping_add(1) == 0 {
        value & range
    } else {
        let mask = u64::MAX >> range.leading_zeros();
        loop {
            value &= mask;
            if value <= range {
                break value;
            }
            value = next();
        }
    };
    call.answer(value.wrapping_add(low as u64) as i64)
}

fn randomseed(call: &mut Scope<'_>) -> HostResult {
    let (first, second) = if call.count() == 0 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        (now.map_or(0, |since| since.as_nanos() as u64), std::process::id().into())
    } else {
        let first = match number(call, 0)?.as_float() {
            Some(value) => float_to_integer(value).unwrap_or(value.to_bits() as i64),
            None => call.arg(0)?,
        };
        (first as u64, optional(call, 1, 0i64)? as u64)
    };
    RANDOM.with_borrow_mut(|state| *state = seeded(first, second));
    call.answer((first as i64, second as i64))
}
