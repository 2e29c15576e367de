//! The rules, one function each. docs/exec-protocol.md has a paragraph for every name.

use lockstep_backend_api::exec::wire::{ErrorKind, RequestBody};
use lockstep_backend_api::{Arch, Level};
use lockstep_ir::Op;
use serde_json::json;

use super::{Rule, Session, Violation, units};

/// Instructions of the huge unit: a line of more than a megabyte.
const HUGE: usize = 50_000;

type Checked = Result<(), Violation>;

const fn rule(name: &'static str, demands: &'static str, check: fn(&mut Session) -> Checked) -> Rule {
    Rule { name, demands, check }
}

pub(super) const RULES: &[Rule] = &[
    rule(
        "describe",
        "it says what it is: levels with a default among them, unsupported operations by their mnemonics",
        describe,
    ),
    rule("describe-again", "it says the same each time it is asked", describe_again),
    rule("end-of-input", "it ends with status 0 when its input does, having printed nothing unasked", describe),
    rule("unknown-fields", "it ignores fields it does not know", unknown_fields),
    rule("compile", "it compiles a function that returns a constant, at each level it names", compile),
    rule("every-function", "it gives an offset for each function of a unit", every_function),
    rule(
        "deterministic",
        "the same request gives the same artifact, in the same process and in another",
        deterministic,
    ),
    rule("in-order", "requests sent at once are answered one by one, in their order, each with its id", in_order),
    rule(
        "unknown-version",
        "a request of another version is refused as `version`, and the next is served",
        unknown_version,
    ),
    rule("not-json", "a line that is no JSON is refused as `bad_request`, and the next is served", not_json),
    rule("not-a-request", "JSON that is no request is refused as `bad_request`, and the next is served", not_a_request),
    rule("unknown-request", "a request of no known kind is refused as `bad_request`", unknown_request),
    rule("incomplete-request", "a request without its fields is refused as `bad_request`", incomplete_request),
    rule("unknown-target", "an unknown architecture is refused as `unsupported_target`", unknown_target),
    rule(
        "other-target",
        "code for another architecture is for that one, or refused as `unsupported_target`",
        other_target,
    ),
    rule("unknown-feature", "extensions of the target that it does not know are ignored", unknown_feature),
    rule("unknown-level", "an unknown level is refused as `unsupported_level`", unknown_level),
    rule("malformed-unit", "text that is no unit is refused as `invalid_unit`, and the next is served", malformed_unit),
    rule("unsupported-operation", "what it declares unsupported it refuses by name", unsupported_operation),
    rule("huge-unit", "a unit of 50,000 instructions is compiled, or refused as `too_large`", huge_unit),
    rule("cancelled", "a request cut off by the end of input is not answered, and it ends", cancelled),
    rule("empty-input", "without any request it ends with status 0", |session| {
        session.close();
        Ok(())
    }),
];

fn describe(session: &mut Session) -> Checked {
    Ok(session.describe().map(drop)?)
}

fn describe_again(session: &mut Session) -> Checked {
    let (first, second) = (session.describe()?, session.describe()?);
    if first == second { Ok(()) } else { Err("the second description is another".to_owned().into()) }
}

fn unknown_fields(session: &mut Session) -> Checked {
    let id = session.changed(RequestBody::Describe, |request| {
        request["mood"] = json!({ "good": true, "list": [1, null] });
    });
    match session.answer(Some(id))?.description {
        Some(_) => Ok(()),
        None => Err("the answer holds no description".to_owned().into()),
    }
}

fn compile(session: &mut Session) -> Checked {
    for level in session.describe()?.levels {
        session.compile(level, &units::constants(&[7]), 1).map_err(|e| format!("at level {level}: {e}"))?;
    }
    Ok(())
}

fn every_function(session: &mut Session) -> Checked {
    let level = session.describe()?.default_level;
    let artifact = session.compile(level, &units::constants(&[1, 2, 3]), 3)?;
    let mut offsets = artifact.functions;
    offsets.sort_unstable();
    offsets.dedup();
    // Three functions that return three constants are at three places.
    if offsets.len() == 3 { Ok(()) } else { Err("two functions that differ have one offset".to_owned().into()) }
}

fn deterministic(session: &mut Session) -> Checked {
    let level = session.describe()?.default_level;
    let unit = units::constants(&[-5, 123_456]);
    let first = session.compile(level, &unit, 2)?;
    session.compile(level, &units::constants(&[9]), 1)?;
    let second = session.compile(level, &unit, 2)?;
    let mut other = session.another()?;
    let third = other.compile(level, &unit, 2)?;
    other.finish()?;
    for (again, place) in [(second, "in the same process"), (third, "in another process")] {
        if (&again.code, &again.functions, again.align) != (&first.code, &first.functions, first.align) {
            return Err(format!("compiled again {place}, the unit gives other code").into());
        }
    }
    Ok(())
}

fn in_order(session: &mut Session) -> Checked {
    let level = session.describe()?.default_level;
    let ids: Vec<(u64, usize)> = [1, 3, 2]
        .map(|count| {
            let unit = units::constants(&(0..count).collect::<Vec<i64>>());
            (session.request(Session::compile_request(level, &unit)), count as usize)
        })
        .to_vec();
    for (id, functions) in ids {
        session.artifact(id, functions)?;
    }
    Ok(())
}

/// After a refusal the server goes on as if nothing had been.
fn serves_on(session: &mut Session) -> Checked {
    session.describe().map_err(|e| format!("after the refusal: {e}"))?;
    Ok(())
}

fn unknown_version(session: &mut Session) -> Checked {
    let id = session.changed(RequestBody::Describe, |request| request["lockstep_exec"] = json!(4_000_000));
    session.refusal(Some(id), ErrorKind::Version)?;
    serves_on(session)
}

fn refuses_lines(session: &mut Session, lines: &[&str]) -> Checked {
    for line in lines {
        session.send(format!("{line}\n"));
        session.refusal(None, ErrorKind::BadRequest).map_err(|e| format!("to the line `{line}`: {e}"))?;
    }
    serves_on(session)
}

fn not_json(session: &mut Session) -> Checked {
    refuses_lines(session, &["hello", "", "{\"lockstep_exec\":1,", "{\"lockstep_exec\":1}}", "\u{1}\u{7f}"])
}

fn not_a_request(session: &mut Session) -> Checked {
    refuses_lines(session, &["{}", "[]", "1", "null", "\"describe\"", "{\"request\":\"describe\",\"id\":1}"])
}

fn unknown_request(session: &mut Session) -> Checked {
    let id = session.changed(RequestBody::Describe, |request| request["request"] = json!("sing"));
    session.refusal(Some(id), ErrorKind::BadRequest)?;
    serves_on(session)
}

fn incomplete_request(session: &mut Session) -> Checked {
    let level = session.describe()?.default_level;
    for field in ["ir", "target", "level"] {
        let body = Session::compile_request(level, &units::constants(&[7]));
        let id = session.changed(body, |request| {
            request.as_object_mut().expect("an object").remove(field);
        });
        session.refusal(Some(id), ErrorKind::BadRequest).map_err(|e| format!("without `{field}`: {e}"))?;
    }
    serves_on(session)
}

/// A request to compile, changed, that must be refused.
fn refuses(session: &mut Session, change: impl FnOnce(&mut serde_json::Value), kind: ErrorKind) -> Checked {
    let level = session.describe()?.default_level;
    let id = session.changed(Session::compile_request(level, &units::constants(&[7])), change);
    session.refusal(Some(id), kind)?;
    serves_on(session)
}

fn unknown_target(session: &mut Session) -> Checked {
    refuses(session, |request| request["target"]["arch"] = json!("pdp11"), ErrorKind::UnsupportedTarget)
}

fn other_target(session: &mut Session) -> Checked {
    let level = session.describe()?.default_level;
    for arch in [Arch::X86_64, Arch::Aarch64, Arch::Riscv64] {
        let body = Session::compile_request(level, &units::constants(&[7]));
        let id = session.changed(body, |request| request["target"]["arch"] = json!(arch));
        let answer = session.answer(Some(id))?;
        match (answer.artifact, answer.error) {
            (Some(artifact), _) if artifact.arch == arch => {}
            (Some(artifact), _) => {
                return Err(format!("asked for {}, it answers with {}", arch.name(), artifact.arch.name()).into());
            }
            (None, Some(error)) if error.kind == ErrorKind::UnsupportedTarget.name() => {}
            (None, error) => {
                return Err(format!("asked for {}: {}", arch.name(), error.map_or_else(String::new, |e| e.kind)).into());
            }
        }
    }
    Ok(())
}

fn unknown_feature(session: &mut Session) -> Checked {
    let level = session.describe()?.default_level;
    let body = Session::compile_request(level, &units::constants(&[7]));
    let id = session.changed(body, |request| request["target"]["features"] = json!(["lzcnt", "teleport"]));
    Ok(session.artifact(id, 1).map(drop)?)
}

fn unknown_level(session: &mut Session) -> Checked {
    refuses(session, |request| request["level"] = json!("ludicrous"), ErrorKind::UnsupportedLevel)?;
    let levels = session.describe()?.levels;
    if let Some(&other) = Level::ALL.iter().find(|level| !levels.contains(level)) {
        refuses(session, |request| request["level"] = json!(other), ErrorKind::UnsupportedLevel)?;
    }
    Ok(())
}

fn malformed_unit(session: &mut Session) -> Checked {
    let level = session.describe()?.default_level;
    for (what, text) in units::MALFORMED {
        let id = session.request(Session::compile_request(level, text));
        session.refusal(Some(id), ErrorKind::InvalidUnit).map_err(|e| format!("{what}: {e}"))?;
    }
    serves_on(session)
}

fn unsupported_operation(session: &mut Session) -> Checked {
    let description = session.describe()?;
    if description.unsupported.is_empty() {
        return Err(Violation::NotApplicable("it declares nothing unsupported".to_owned()));
    }
    let lacking: Vec<Op> = description.unsupported.iter().filter_map(|name| Op::from_name(name)).collect();
    for &op in &lacking {
        let Some(unit) = units::with(op) else { continue };
        let id = session.request(Session::compile_request(description.default_level, &unit));
        let name = op.info().name;
        let error = session.refusal(Some(id), ErrorKind::Unsupported).map_err(|e| format!("`{name}`: {e}"))?.error;
        let named = error.and_then(|e| e.op).and_then(|op| Op::from_name(&op));
        if !named.is_some_and(|op| lacking.contains(&op)) {
            return Err(format!("`{name}`: the refusal names no operation that it declares unsupported").into());
        }
    }
    Ok(())
}

fn huge_unit(session: &mut Session) -> Checked {
    let level = session.describe()?.levels[0];
    let id = session.request(Session::compile_request(level, &units::huge(HUGE)));
    let answer = session.answer(Some(id))?;
    match (answer.artifact, answer.error) {
        (Some(wire), _) => lockstep_backend_api::exec::artifact(wire, 1).map(drop)?,
        (None, Some(error)) if error.kind == ErrorKind::TooLarge.name() => {}
        (None, error) => {
            let error = error.map_or_else(String::new, |e| format!("{}: {}", e.kind, e.detail));
            return Err(format!("it is refused, and not as too large: {error}").into());
        }
    }
    serves_on(session)
}

fn cancelled(session: &mut Session) -> Checked {
    let level = session.describe()?.default_level;
    let body = Session::compile_request(level, &units::constants(&[7]));
    let whole = json!({ "lockstep_exec": 1, "id": 77, "request": "compile" }).to_string();
    session.send(&whole[..whole.len() / 2]);
    session.close();
    session.ends()?;
    // A whole request whose newline is missing was cut off, too: more of it might have come.
    let mut other = session.another()?;
    other.describe()?;
    let request = lockstep_backend_api::exec::wire::Request { lockstep_exec: 1, id: 78, body };
    other.send(serde_json::to_string(&request).expect("requests are JSON"));
    other.close();
    Ok(other.ends()?)
}
