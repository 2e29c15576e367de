//! Which package may depend on which.
//!
//! *Why*: the promise to an author of a backend (that it needs to know nothing of bytecode, tags, collector or exits) and the worth of three
//! opinions (that they share no code) hold only as long as these edges do. One convenient `use` undoes them.

use std::collections::BTreeSet;

use crate::workspace::{Package, packages};
use crate::{assert_found, assert_none};

/// What a package of ours may be built with, of ours.
struct Rule {
    package: &'static str,
    may_use: &'static [&'static str],
    /// What its tests may use besides.
    tests_may_use: &'static [&'static str],
}

const fn rule(package: &'static str, may_use: &'static [&'static str]) -> Rule {
    Rule { package, may_use, tests_may_use: &[] }
}

/// A backend knows the IR and the interface. Its tests load and run what it made, and compare with the evaluator.
const fn backend(package: &'static str) -> Rule {
    Rule {
        package,
        may_use: &["lockstep-ir", "lockstep-backend-api"],
        tests_may_use: &["lockstep-engine", "lockstep-eval", "lockstep-text"],
    }
}

const RULES: &[Rule] = &[
    rule("lockstep-text", &[]),
    rule("lockstep-layout", &[]),
    rule("lockstep-bytecode", &["lockstep-text"]),
    rule("lockstep-runtime", &["lockstep-layout", "lockstep-bytecode"]),
    rule("lockstep-interp", &["lockstep-layout", "lockstep-bytecode", "lockstep-runtime"]),
    rule("lockstep-lua", &["lockstep-layout", "lockstep-bytecode", "lockstep-runtime", "lockstep-interp"]),
    rule("lockstep-ir", &["lockstep-text"]),
    Rule {
        package: "lockstep-compiler",
        may_use: &["lockstep-layout", "lockstep-bytecode", "lockstep-ir"],
        tests_may_use: &["lockstep-backend-api", "lockstep-eval"],
    },
    rule("lockstep-backend-api", &["lockstep-ir"]),
    backend("lockstep-eval"),
    backend("lockstep-cranelift"),
    backend("lockstep-dynasm"),
    backend("lockstep-llvm"),
    rule(
        "lockstep-registry",
        &["lockstep-backend-api", "lockstep-eval", "lockstep-cranelift", "lockstep-dynasm", "lockstep-llvm"],
    ),
    Rule {
        package: "lockstep-engine",
        may_use: &[
            "lockstep-layout",
            "lockstep-bytecode",
            "lockstep-runtime",
            "lockstep-interp",
            "lockstep-compiler",
            "lockstep-ir",
            "lockstep-backend-api",
        ],
        // Cargo lets tests close a circle: the engine's own run real backends.
        tests_may_use: &["lockstep-registry", "lockstep-eval", "lockstep-cranelift"],
    },
    rule(
        "lockstep",
        &[
            "lockstep-text",
            "lockstep-layout",
            "lockstep-bytecode",
            "lockstep-runtime",
            "lockstep-interp",
            "lockstep-lua",
            "lockstep-ir",
            "lockstep-compiler",
            "lockstep-engine",
            "lockstep-backend-api",
            "lockstep-registry",
            "lockstep-oracle",
        ],
    ),
    rule("lockstep-oracle", &[]),
    rule("xtask", &[]),
];

/// Code generators and assemblers, and the one package of ours that may use each.
const GENERATORS: &[(&str, &str)] = &[
    ("cranelift-", "lockstep-cranelift"),
    ("dynasm", "lockstep-dynasm"),
    ("regalloc2", "lockstep-dynasm"),
    ("inkwell", "lockstep-llvm"),
    ("llvm-sys", "lockstep-llvm"),
];

fn violations(packages: &[Package]) -> Vec<String> {
    let ours: BTreeSet<&str> = packages.iter().map(|p| p.name.as_str()).collect();
    let mut found = Vec::new();
    for package in packages {
        let name = &package.name;
        let Some(rule) = RULES.iter().find(|r| r.package == name) else {
            found.push(format!("{name}: no rule says what it may use; add one"));
            continue;
        };
        for used in package.uses.iter().filter(|u| ours.contains(u.as_str()) && !rule.may_use.contains(&u.as_str())) {
            found.push(format!("{name} must not use {used}"));
        }
        let tests_may = |used: &str| rule.may_use.contains(&used) || rule.tests_may_use.contains(&used);
        for used in package.tests_use.iter().filter(|u| ours.contains(u.as_str()) && !tests_may(u)) {
            found.push(format!("{name}'s tests must not use {used}"));
        }
        for used in package.uses.union(&package.tests_use) {
            let generator = GENERATORS.iter().find(|(prefix, _)| used.starts_with(prefix));
            if let Some((_, owner)) = generator.filter(|(_, owner)| owner != name) {
                found.push(format!("{name} must not use {used}: only {owner} may"));
            }
        }
    }
    for rule in RULES.iter().filter(|r| !ours.contains(r.package)) {
        found.push(format!("{}: a rule for a package that is not there", rule.package));
    }
    found
}

#[test]
fn packages_use_only_what_they_may() {
    assert_none(&violations(&packages()));
}

/// The workspace with one dependency more.
fn with_edge(from: &str, to: &str, tests: bool) -> Vec<String> {
    let mut packages = packages();
    let package = packages.iter_mut().find(|p| p.name == from).expect("a package of the workspace");
    if tests { &mut package.tests_use } else { &mut package.uses }.insert(to.to_owned());
    violations(&packages)
}

#[test]
fn a_forbidden_edge_is_found() {
    let planted = [
        ("lockstep-cranelift", "lockstep-bytecode"),
        ("lockstep-dynasm", "lockstep-layout"),
        ("lockstep-llvm", "lockstep-runtime"),
        ("lockstep-eval", "lockstep-interp"),
        ("lockstep-backend-api", "lockstep-compiler"),
        ("lockstep-compiler", "lockstep-backend-api"),
        ("lockstep-compiler", "lockstep-registry"),
        ("lockstep-interp", "lockstep-ir"),
        ("lockstep-interp", "lockstep-engine"),
        ("lockstep-interp", "lockstep-compiler"),
        ("lockstep-layout", "lockstep-bytecode"),
        ("lockstep-engine", "lockstep-cranelift"),
        ("lockstep", "lockstep-llvm"),
        ("lockstep", "cranelift-codegen"),
        ("lockstep-engine", "inkwell"),
        ("xtask", "lockstep"),
    ];
    for (from, to) in planted {
        assert_found(&with_edge(from, to, false), &format!("{from} must not use {to}"));
    }
    assert_found(
        &with_edge("lockstep-interp", "lockstep-engine", true),
        "lockstep-interp's tests must not use lockstep-engine",
    );
}

#[test]
fn a_package_without_a_rule_and_a_rule_without_a_package_are_found() {
    let mut more = packages();
    let mut stranger = more[0].clone();
    stranger.name = "lockstep-stranger".to_owned();
    more.push(stranger);
    assert_found(&violations(&more), "lockstep-stranger: no rule");

    let mut fewer = packages();
    fewer.retain(|p| p.name != "lockstep-text");
    assert_found(&violations(&fewer), "lockstep-text: a rule for a package that is not there");
}

/// Packages of the outside judge in the command, built with some features.
fn judges(features: &[&str]) -> Vec<String> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let output = std::process::Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--manifest-path",
            manifest,
        ])
        .args(features)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let packages = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_judge = |line: &&str| ["mlua", "lua-src", "lockstep-oracle"].iter().any(|name| line.starts_with(name));
    packages.lines().filter(is_judge).map(str::to_owned).collect()
}

#[test]
fn a_build_without_the_oracle_holds_nothing_of_it() {
    assert_none(&judges(&[]));
    assert_found(&judges(&["--features", "oracle"]), "mlua-sys");
}
