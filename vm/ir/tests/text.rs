//! The text form under fire: whatever is read, the parser answers with a unit or a diagnostic, never with a panic; and what it
//! accepts survives being printed and read again. [`check`] serves the property tests and any fuzzer.

use lockstep_ir::{text, verify};
use proptest::prelude::*;

/// Reads a text. If it is accepted, printing and reading again must give the same text, and the verifier must come to the same verdict.
fn check(source: &str) -> Result<(), String> {
    let Ok(mut unit) = text::parse("input", source) else { return Ok(()) };
    text::renumber(&mut unit);
    let printed = text::print(&unit);
    let again = text::parse("printed", &printed).map_err(|e| format!("what was printed is refused: {e}\n{printed}"))?;
    if again != unit {
        return Err(format!("printed and read again, the unit differs:\n{printed}"));
    }
    match (verify::verify(&unit), verify::verify(&again)) {
        (Ok(()), Ok(())) | (Err(_), Err(_)) => Ok(()),
        (first, second) => Err(format!("the verifier changed its mind: {first:?}, then {second:?}")),
    }
}

const SEEDS: [&str; 2] = [
    r#"lockstep_ir 1 machine
unit "example"
region 1 "frame"
sig 0 (i8 sext, i64, f64) -> (i64, f64)
helper 0 "print" 7 (i64) -> (i32)
source 0 func 0 pc 3
source 1 func 1 pc 0 inlined 0

function %0 "entry" (i64, i64, i64) -> (i32) {
block0(v0: i64, v1: i64, v2: i64):
    v3 = load.f64 region1 v0 + 8
    v4 = fconst -0.0 @1
    v5 = fconst nan:0x7ff8000000000001
    v6 = fadd.f64 v3, v4
    v7 = iconst.i8 -1
    v8, v9 = call_indirect sig0 v1(v7, v0, v6)
    store.f64 region0 v9, v0 - 16
    v10 = call_helper helper0 v2(v8)
    v11 = icmp_slt.i64 v8, v0
    brif v11, block1(v8), block2
block1(v12: i64):
    switch.i64 v12, block2 [0: block1(v8), -3: block3(v10)]
block2 cold:
    v13 = call %0(v0, v1, v2)
    jump block3(v13)
block3(v14: i32):
    return v14
}
"#,
    r#"lockstep_ir 1 value
unit "value"
function %0 "f" (i64, i64, i64) -> (i32) {
fs0 = func 1 pc 2 reason 3 [0: v3 tag 2, 1: v4 tag 3]
fs1 = func 1 pc 4 reason 0 [] caller fs0
block0(v0: i64, v1: i64, v2: i64):
    v3 = slot_load.i64 0
    v4 = slot_load.f64 1
    v5 = icmp_eq.i64 v3, v0
    exit_if v5 fs0
    poll fs1
    v6 = call_function func2(v3) fs0 -> f64
    count_inline 7
    exit fs0
}
"#,
];

/// Pieces that occur in the grammar, and some that do not.
const PIECES: [&str; 24] = [
    "v0",
    "v99",
    "block1",
    "block7",
    "%0",
    "%9",
    "region1",
    "sig0",
    "helper0",
    "fs0",
    "@0",
    "iadd.i64",
    "iconst.i8 300",
    "fconst nan:0x1",
    "load.v128",
    "switch.i64",
    "return",
    "(",
    ")",
    ",",
    "->",
    "-9223372036854775808",
    "\"",
    "\u{e9}",
];

fn mutated() -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0..4u8, 0..PIECES.len(), 0..20usize);
    (0..SEEDS.len(), prop::collection::vec(edit, 1..6)).prop_map(|(seed, edits)| {
        let mut text: Vec<char> = SEEDS[seed].chars().collect();
        for (at, what, piece, len) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + len).min(text.len());
            match what {
                0 => drop(text.splice(at..end, [])),
                1 => drop(text.splice(at..at, PIECES[piece].chars())),
                2 => drop(text.splice(at..end, PIECES[piece].chars())),
                _ => {
                    let copied: Vec<char> = text[at..end].to_vec();
                    text.splice(at..at, copied);
                }
            }
        }
        text.into_iter().collect()
    })
}

#[test]
fn print_of_parse_is_the_text() {
    let unit = text::parse("example.ir", SEEDS[0]).unwrap_or_else(|e| panic!("{e}"));
    verify::verify(&unit).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(text::print(&unit), SEEDS[0]);
    let mut renumbered = unit.clone();
    text::renumber(&mut renumbered);
    assert_eq!(renumbered, unit);
}

#[test]
fn mistakes_are_shown_in_their_place() {
    let complaint = |from: &str, to: &str| {
        assert!(SEEDS[0].contains(from));
        text::parse("x.ir", &SEEDS[0].replacen(from, to, 1)).expect_err("a mistake").to_string()
    };
    assert!(
        complaint("fadd.f64", "fad.f64").starts_with("x.ir:14:10: error: no operation `fad`"),
        "{}",
        complaint("fadd.f64", "fad.f64")
    );
    assert!(complaint("v11 = icmp", "v3 = icmp").contains("v3 is defined twice"));
    assert!(complaint("block1(v8), block2", "block1(v8), block9").contains("block9 is not defined"));
    assert!(complaint("v3, v4", "v3, v40").contains("v40 is not defined"));
    assert!(complaint("iconst.i8 -1", "iconst.i8 300").contains("does not fit i8"));
    assert!(complaint("load.f64", "load.v128").contains("reserved"));
    assert!(complaint("lockstep_ir 1", "lockstep_ir 2").contains("version"));
}

#[test]
fn seeds_are_accepted() {
    for seed in SEEDS {
        let unit = text::parse("seed", seed).unwrap_or_else(|e| panic!("{e}"));
        verify::verify(&unit).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(check(seed), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn mutations_are_read_or_refused(text in mutated()) {
        prop_assert_eq!(check(&text), Ok(()));
    }

    #[test]
    fn noise_is_refused(text in "\\PC{0,200}") {
        prop_assert_eq!(check(&text), Ok(()));
    }
}
